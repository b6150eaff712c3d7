/**
 * Watches which part of the colony this edge still sees: drives the partition detector by what membership says, and tells
 * each change of the rung once, in the log. Status and metrics read it; no request does.
 */
import type { Clock } from '../protocols/clock.ts'
import type { Membership } from '../protocols/membership/service.ts'
import { describeSight, PartitionDetector, Rung, type PartitionSettings, type Sight } from '../protocols/partition/detector.ts'
import type { Logger } from './log.ts'
import type { Metrics } from './metrics.ts'

export interface PartitionWatchInit {
  readonly membership: Pick<Membership, 'self' | 'members' | 'missed' | 'isLinked' | 'onChange'>
  readonly clock: Clock
  readonly settings: PartitionSettings
  readonly logger: Logger
}

const titles: Readonly<Record<Rung, string>> = {
  mesh: 'this edge sees other regions, or there are none',
  region: 'this edge sees its own region only',
  alone: 'this edge sees no other edge'
}

export class PartitionWatch {
  readonly #init: PartitionWatchInit
  readonly #detector: PartitionDetector
  #ends: Array<() => void> = []
  #cancel: (() => void) | undefined

  constructor (init: PartitionWatchInit) {
    this.#init = init
    const { peer, region } = init.membership.self()
    this.#detector = new PartitionDetector({ self: peer, region, nowMs: init.clock.nowMs(), settings: init.settings })
  }

  start (): void {
    this.#ends = [this.#init.membership.onChange(() => { this.#look() })]
    this.#look()
  }

  /** May be called twice. */
  stop (): void {
    for (const end of this.#ends.splice(0)) end()
    this.#cancel?.()
    this.#cancel = undefined
  }

  sight (): Sight {
    // Who is forgotten or linked is no news of membership's.
    this.#look()
    return this.#detector.sight(this.#init.clock.nowMs())
  }

  #look (): void {
    const { membership, clock, settings } = this.#init
    const nowMs = clock.nowMs()
    const before = this.#detector.sight(nowMs)
    const isChange = this.#detector.look({ members: membership.members(), missed: membership.missed(), isLinked: (peer) => membership.isLinked(peer) }, nowMs)
    if (isChange) this.#tell(before)
    this.#cancel?.()
    this.#cancel = undefined
    if (this.#ends.length === 0) return
    const dueMs = this.#detector.nextDeadline() - nowMs
    // A lower rung may end by nothing but the leave of those that fell silent, of which membership tells nobody.
    const waitMs = this.#detector.rung === Rung.Mesh ? dueMs : Math.min(dueMs, settings.settleMs)
    if (waitMs < Infinity) this.#cancel = clock.after(Math.max(0, waitMs), () => { this.#look() })
  }

  #tell (before: Sight): void {
    const { membership, clock, logger } = this.#init
    const { rung, regions, majority } = this.#detector.sight(clock.nowMs())
    const { region } = membership.self()
    const seconds = Math.round(before.forMs / 1_000)
    logger[rung === Rung.Mesh ? 'info' : 'warn'](
      { rung, was: before.rung, wasForMs: Math.round(before.forMs), majority, regions: Object.fromEntries(regions.map(({ region, here, silent }) => [region, { here, silent }])) },
      `${titles[rung]}: ${describeSight({ regions, majority }, region)} (${before.rung} for ${seconds} s before)`
    )
  }
}

/** For /v1/status: times in whole ms. */
export function roundedSight (sight: Sight): Sight {
  return {
    ...sight,
    forMs: Math.round(sight.forMs),
    majorityForMs: Math.round(sight.majorityForMs),
    regions: sight.regions.map((each) => ({ ...each, forMs: Math.round(each.forMs) }))
  }
}

export function addPartitionMetrics (metrics: Metrics, sight: () => Sight): void {
  metrics.gauge('partition', 'rung', '', 'The rung of the ladder of degradation that the edge stands on: 1 for that one, 0 for the others.', ['rung'], (gauge) => {
    const { rung } = sight()
    for (const each of Object.values(Rung)) gauge.set({ rung: each }, Number(each === rung))
  })
  metrics.gauge('partition', 'regions', '', 'Regions, the own one included: known, and those of which an edge is seen.', ['state'], (gauge) => {
    const { regions } = sight()
    gauge.set({ state: 'known' }, regions.length)
    gauge.set({ state: 'seen' }, regions.filter(({ here }) => here > 0).length)
  })
  metrics.gauge('partition', 'region_majority', '', '1 while a majority of the region\'s edges is seen, of all that did not take their leave.', [], (gauge) => {
    gauge.set(Number(sight().majority))
  })
}
