/**
 * The addresses that an edge was told to join by. They are dialled at start and again, ever more
 * slowly, until one of them is linked; an edge that has other links goes on trying now and then, so
 * that a bootstrap edge which returns is found. An address that does not answer is said so in the log
 * once in a while and is never fatal.
 */
import { deadline } from '../clock.ts'
import { messageOf } from '../errors.ts'
import { backoffMs } from './dialler.ts'
import type { Counters } from './ports.ts'
import type { MembershipSettings } from './settings.ts'
import type { Clock } from '../clock.ts'
import type { PeerName } from '../ids.ts'
import type { Multiaddr } from '@multiformats/multiaddr'

export interface JoinsInit {
  readonly clock: Clock
  readonly settings: Pick<MembershipSettings, 'dialTimeoutMs' | 'dialBackoffMs' | 'joinBackoffMaxMs' | 'joinSlowMs' | 'joinLogIntervalMs' | 'linkIntervalMs' | 'linkProofMs'>
  readonly addresses: readonly Multiaddr[]
  readonly isLinked: (peer: PeerName) => boolean
  readonly hasLinks: () => boolean
  /** @returns who answered */
  readonly dial: (address: Multiaddr, signal: AbortSignal) => Promise<PeerName>
  readonly warn: (message: string) => void
  readonly counters: Counters
}

interface Join {
  readonly address: Multiaddr
  failures: number
  notBeforeMs: number
  loggedAtMs: number
  /** Who answered there last. */
  peer: PeerName | undefined
  /** A link that is there then lasts; and links in a row that did not. */
  provenMs: number
  ended: number
}

export class Joins {
  readonly #init: JoinsInit
  readonly #joins: readonly Join[]

  constructor (init: JoinsInit) {
    this.#init = init
    this.#joins = init.addresses.map((address) => ({ address, failures: 0, notBeforeMs: -Infinity, loggedAtMs: -Infinity, peer: undefined, provenMs: -Infinity, ended: 0 }))
  }

  /** @returns ms until the next round is worth while */
  async round (parent: AbortSignal): Promise<number> {
    const { clock, settings, isLinked } = this.#init
    const nowMs = clock.nowMs()
    const linked = this.#joins.filter(({ peer }) => peer !== undefined && isLinked(peer))
    // One that lasts: an edge that may not be a member is linked until the other end has looked who it is.
    for (const join of linked) if (join.provenMs <= nowMs) Object.assign(join, { failures: 0, ended: 0, notBeforeMs: -Infinity, loggedAtMs: -Infinity })
    if (linked.length > 0) return settings.linkIntervalMs
    await Promise.all(this.#joins.filter(({ notBeforeMs }) => notBeforeMs <= nowMs).map(async (join) => { await this.#dial(join, parent) }))
    return settings.linkIntervalMs
  }

  async #dial (join: Join, parent: AbortSignal): Promise<void> {
    const { clock, settings, counters, dial } = this.#init
    const { signal, clear } = deadline(clock, settings.dialTimeoutMs, 'dialling', parent)
    counters.dials++
    try {
      join.peer = await dial(join.address, signal)
      join.provenMs = clock.nowMs() + settings.linkProofMs
      join.notBeforeMs = clock.nowMs() + backoffMs(++join.failures, settings.dialBackoffMs, settings.joinBackoffMaxMs, clock.random())
      if (join.ended++ >= 2) this.#warn(join, `the edge at join address ${join.address.toString()} ends each link at once: is this edge in its peers.allowed?`)
    } catch (error) {
      if (parent.aborted) return
      counters.dialFailures++
      join.failures++
      join.ended = 0
      this.#retryLater(join, error)
    } finally {
      clear()
    }
  }

  #retryLater (join: Join, error: unknown): void {
    const { clock, settings, hasLinks } = this.#init
    const waitMs = hasLinks()
      ? settings.joinSlowMs
      : backoffMs(join.failures, settings.dialBackoffMs, settings.joinBackoffMaxMs, clock.random())
    join.notBeforeMs = clock.nowMs() + waitMs
    this.#warn(join, `cannot reach join address ${join.address.toString()}: ${messageOf(error)}; trying again in ${Math.ceil(waitMs / 1_000)} s`)
  }

  #warn (join: Join, message: string): void {
    const { clock, settings, warn } = this.#init
    if (clock.nowMs() - join.loggedAtMs < settings.joinLogIntervalMs) return
    join.loggedAtMs = clock.nowMs()
    warn(message)
  }
}
