/**
 * Anti-entropy of purges: in each round this edge asks a few others how far they are, with a hash as long as both are equally far, and
 * fetches what it lacks. What it has come level with counts for its lease (`fences.ts`); so an edge that just started has
 * caught up before it is current. What no other can give any more ends in revalidating everything that is stored.
 */
import type { Clock } from '../clock.ts'
import { messageOf } from '../errors.ts'
import type { PeerName } from '../ids.ts'
import type { Call } from '../rpc.ts'
import { askAll } from '../survey/ask-all.ts'
import type { Fences } from './fences.ts'
import type { Intake } from './intake.ts'
import type { Missing, PurgeLog } from './log.ts'
import { decodeMissing, decodeStated, encodeAsk, type Stated } from './messages.ts'
import type { PurgeLogger } from './ports.ts'
import type { PurgeVector } from './purge.ts'
import type { SpreadSettings } from './settings.ts'
import { covers, vectorHash } from './vector.ts'

export interface RepairInit {
  readonly clock: Clock
  readonly settings: SpreadSettings
  readonly call: Call
  readonly log: PurgeLog
  readonly intake: Intake
  readonly fences: Fences
  readonly logger: PurgeLogger
  /** Whom to ask in this round. */
  readonly askees: (turn: number) => readonly PeerName[]
  /** A peer has all of this. */
  readonly onStated: (peer: PeerName, vector: PurgeVector) => void
  /** Before what was heard may make this edge current. */
  readonly beforeCurrent: () => Promise<void>
  /** After it counts. */
  readonly onHeard: (peer: PeerName) => void
}

export interface RepairCounters { asked: number, unanswered: number, fetched: number, refused: number }

export class Repair {
  readonly #init: RepairInit
  readonly #hashes = new WeakMap<PurgeVector, string>()
  readonly #fetching = new Map<PeerName, Promise<void>>()
  readonly counters: RepairCounters = { asked: 0, unanswered: 0, fetched: 0, refused: 0 }
  #turn = 0
  #warned = ''

  constructor (init: RepairInit) { this.#init = init }

  /** One round. @returns ms until the next */
  async round (signal: AbortSignal): Promise<number> {
    const { clock, settings, fences, askees } = this.#init
    const said = await askAll({ clock, inFlightMax: settings.vectorCallsMax, deadlineMs: 2 * settings.vectorTimeoutMs, signal }, askees(this.#turn++), async (peer, limit) => { await this.#ask(peer, limit) })
    this.counters.asked += said.length
    this.counters.unanswered += said.filter((each) => 'error' in each).length
    const intervalMs = fences.isCurrent(clock.nowMs()) ? settings.vectorIntervalMs : Math.min(settings.vectorIntervalMs, settings.firstIntervalMs * (1 + this.#turn / 4))
    return intervalMs * (0.75 + 0.5 * clock.random())
  }

  /** What to tell whoever asks how far this edge is, and is itself as far as `hash` says. */
  state (hash: string): Stated {
    const { clock, log, fences } = this.#init
    const vector = log.stated(clock.wallMs())
    const own = this.#hashOf(vector)
    return { hash: own, ages: fences.ages(clock.nowMs()), ...(own !== hash && { vector }) }
  }

  /** What to give whoever lacks something: what is beyond the horizon first, as it makes the rest easier to judge. */
  missing (vector: PurgeVector): Missing {
    const { clock, log, settings } = this.#init
    const missing = log.missing(vector, settings.pageBytesMax, clock.wallMs())
    return missing.floors.length === 0 ? missing : { purges: [], more: missing.purges.length > 0, floors: missing.floors }
  }

  /** Fetches what this edge lacks of what a peer has; once at a time. */
  async fetch (peer: PeerName, signal?: AbortSignal): Promise<void> {
    const running = this.#fetching.get(peer) ?? this.#fetchAll(peer, signal).finally(() => { this.#fetching.delete(peer) })
    this.#fetching.set(peer, running)
    await running
  }

  async #ask (peer: PeerName, signal: AbortSignal): Promise<void> {
    const { clock, settings, call, log, fences } = this.#init
    const atMs = clock.nowMs()
    const own = log.stated(clock.wallMs())
    const { head } = encodeAsk({ kind: 'vector', hash: this.#hashOf(own) })
    const { vector = own, ages } = decodeStated(await call(peer, head, { timeoutMs: settings.vectorTimeoutMs, signal }), settings)
    this.#init.onStated(peer, vector)
    if (!covers(log.vector(), vector)) await this.fetch(peer, signal)
    if (!covers(log.vector(), vector)) return
    await this.#init.beforeCurrent()
    fences.heard(peer, atMs, ages)
    this.#init.onHeard(peer)
  }

  async #fetchAll (peer: PeerName, signal: AbortSignal | undefined): Promise<void> {
    const { settings, call, log } = this.#init
    for (let more = true; more;) {
      const { head, payload } = encodeAsk({ kind: 'missing', vector: log.vector() })
      const answer = await call(peer, head, { ...(payload !== undefined && { payload }), ...(signal !== undefined && { signal }), timeoutMs: settings.pageTimeoutMs })
      const page = decodeMissing(answer, settings)
      const isNews = await this.#takePage(peer, page)
      more = page.more && isNews
    }
  }

  /** @returns whether anything of it was news */
  async #takePage (peer: PeerName, { purges, floors }: Missing): Promise<boolean> {
    const { log, intake, logger } = this.#init
    const before = log.vector()
    if (floors.length > 0) await intake.revalidateAll(`peer ${peer} holds purges no more that this edge lacks`, floors)
    const news = purges.filter(({ purge }) => !log.has(purge.id))
    const taken = await Promise.allSettled(news.map(async (signed) => { await intake.take(signed) }))
    const failed = taken.find((each) => each.status === 'rejected')
    this.counters.fetched += taken.filter(({ status }) => status === 'fulfilled').length
    this.counters.refused += taken.filter(({ status }) => status === 'rejected').length
    if (failed !== undefined && this.#warned !== messageOf(failed.reason)) {
      this.#warned = messageOf(failed.reason)
      logger.warn({ peer, reason: this.#warned }, 'a purge that another edge holds cannot be taken in')
    }
    return log.vector() !== before
  }

  #hashOf (vector: PurgeVector): string {
    const known = this.#hashes.get(vector)
    if (known !== undefined) return known
    const hash = vectorHash(vector)
    this.#hashes.set(vector, hash)
    return hash
  }
}
