/**
 * Whom this edge counts as part of the colony for its fences: the members, and those that fell silent and have not taken their leave, for
 * as long as the horizon: one that comes back later has to revalidate everything anyhow. Kept on the disk, or an edge
 * that is started while it is cut off would take those it finds for all there are.
 */
import type { Clock } from '../clock.ts'
import type { PeerName, Region } from '../ids.ts'
import { messageOf } from '../errors.ts'
import { encodeHead } from '../wire.ts'
import type { View } from './fences.ts'
import { Record } from './intake.ts'
import type { PurgeLogger, PurgeStore } from './ports.ts'
import type { SpreadSettings } from './settings.ts'
import type { TreeMember } from './tree.ts'

export interface ViewerInit {
  readonly clock: Clock
  readonly settings: Pick<SpreadSettings, 'horizonMs' | 'leaseMs'>
  readonly self: PeerName
  readonly region: Region
  readonly store: PurgeStore
  readonly members: () => readonly TreeMember[]
  readonly hasLeft: (peer: PeerName) => boolean
  readonly isCurrent: () => boolean
  /** Those that count. */
  readonly onView: (view: View) => void
  readonly logger: PurgeLogger
  readonly kept?: Readonly<Record<string, unknown>> | undefined
}

/** As many as membership holds. */
const knownMax = 10_000
/** So that many edges that join one after the other are one write, ms. */
const writeDelayMs = 1_000

export class Viewer {
  readonly #init: ViewerInit
  /** By peer: its region, and since when it is silent, wall clock, ms. */
  readonly #known = new Map<PeerName, { region: Region, silentMs?: number }>()
  /** Newcomers that do not count yet, and until when, ms. */
  readonly #newcomers = new Map<PeerName, number>()
  #view: View = new Map()
  #text = ''
  #cancel: (() => void) | undefined

  constructor (init: ViewerInit) {
    this.#init = init
    for (const each of Array.isArray(init.kept?.members) ? init.kept.members as unknown[] : []) {
      const [peer, region, silentMs] = Array.isArray(each) ? each as unknown[] : []
      if (typeof peer === 'string' && typeof region === 'string') this.#known.set(peer, { region, silentMs: typeof silentMs === 'number' ? silentMs : init.clock.wallMs() })
    }
  }

  /** Newcomers among them. */
  everyone (): View { return this.#view }

  /** This edge has come level with it. */
  heard (peer: PeerName): void { if (this.#newcomers.delete(peer)) this.update() }

  /** After members came or went, and now and then. */
  update (): void {
    const { clock, settings, self, region, members, hasLeft, isCurrent, onView } = this.#init
    const wallMs = clock.wallMs()
    const live = new Set<PeerName>([self])
    this.#known.set(self, { region })
    for (const member of members()) {
      live.add(member.peer)
      if (!this.#known.has(member.peer)) {
        if (this.#known.size >= knownMax) continue
        if (isCurrent()) this.#wait(member.peer)
      }
      this.#known.set(member.peer, { region: member.region })
    }
    for (const [peer, known] of this.#known) {
      if (live.has(peer)) continue
      known.silentMs ??= wallMs
      if (hasLeft(peer) || wallMs - known.silentMs > settings.horizonMs) this.#known.delete(peer)
    }
    for (const [peer, untilMs] of this.#newcomers) if (!this.#known.has(peer) || clock.nowMs() >= untilMs) this.#newcomers.delete(peer)
    const text = [...this.#known].map(([peer, { region: of }]) => `${peer} ${of} ${this.#newcomers.has(peer)}`).sort().join()
    if (text === this.#text) return
    this.#text = text
    this.#view = viewOf(this.#known)
    onView(this.#newcomers.size === 0 ? this.#view : viewOf([...this.#known].filter(([peer]) => !this.#newcomers.has(peer))))
    this.#write()
  }

  /** Resolves when it is known, after a restart too, who counts: before that this edge must not be current. @throws what the store throws */
  async written (): Promise<void> {
    if (this.#cancel === undefined) return
    this.#cancel()
    this.#cancel = undefined
    await this.#put()
  }

  stop (): void {
    this.#cancel?.()
    // Nothing is written any more.
    this.#cancel = () => {}
  }

  #wait (peer: PeerName): void {
    const { clock, settings } = this.#init
    this.#newcomers.set(peer, clock.nowMs() + settings.leaseMs)
    clock.after(settings.leaseMs, () => { this.update() })
  }

  #write (): void {
    const { clock, logger } = this.#init
    this.#cancel ??= clock.after(writeDelayMs, () => {
      this.#cancel = undefined
      this.#put().catch((error: unknown) => { logger.warn({ reason: messageOf(error) }, 'the members cannot be written down') })
    })
  }

  async #put (): Promise<void> {
    const members = [...this.#known].map(([peer, { region, silentMs }]) => [peer, region, ...(silentMs === undefined ? [] : [silentMs])])
    await this.#init.store.write({ records: { [Record.View]: encodeHead({ members }) } })
  }
}

function viewOf (known: Iterable<readonly [PeerName, { readonly region: Region }]>): View {
  return new Map([...Map.groupBy(known, ([, { region }]) => region)].map(([region, each]) => [region, new Set(each.map(([peer]) => peer))]))
}
