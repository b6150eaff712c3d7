/**
 * The last decisions of this edge about each key: why it is here, or no longer. Told by the store and the cache on
 * every commit and eviction, so a note costs a few moved pointers; bounded in keys and in notes a key. In memory only:
 * after a restart the history begins anew.
 */
import type { Clock } from '../../protocols/clock.ts'
import type { ContentKey, PeerName } from '../../protocols/ids.ts'
import type { ForwardReason } from '../http/cache-status.ts'
import type { StoreEvents } from '../store/settings.ts'
import type { ExplainSettings } from './settings.ts'

export const DecisionKind = {
  /** An answer began to arrive: `why` it was asked for, and from where it came. */
  Fetched: 'fetched',
  Admitted: 'admitted',
  /** The store would not take it. */
  Refused: 'refused',
  /** Not stored, and no other request may have it. */
  NotShareable: 'not-shareable',
  Revalidated: 'revalidated',
  /** Left a tier to make room for `byKey`. */
  Evicted: 'evicted',
  /** Dropped on purpose: an unsafe method, a deletion. */
  Removed: 'removed',
  Purged: 'purged',
  /** Its bytes on disk no longer were what was written. */
  Damaged: 'damaged',
  /** No answer could be had. */
  Failed: 'failed'
} as const
export type DecisionKind = typeof DecisionKind[keyof typeof DecisionKind]

export interface DecisionNote {
  /** A few words for a person. */
  readonly why?: string
  /** The key that it made room for. */
  readonly byKey?: ContentKey
  readonly source?: 'origin' | 'peer' | 'client'
  readonly peer?: PeerName
}

export interface Decision extends DecisionNote {
  /** Wall clock, ms. */
  readonly atMs: number
  readonly what: DecisionKind
}

export class Decisions {
  readonly #settings: Pick<ExplainSettings, 'decisionsPerKeyMax' | 'decisionKeysMax'>
  readonly #clock: Pick<Clock, 'wallMs'>
  /** Least recently decided first: a Map keeps the order of insertion. */
  readonly #byKey = new Map<ContentKey, Decision[]>()

  constructor (settings: Pick<ExplainSettings, 'decisionsPerKeyMax' | 'decisionKeysMax'>, clock: Pick<Clock, 'wallMs'>) {
    this.#settings = settings
    this.#clock = clock
  }

  /** Keys remembered now. */
  get size (): number { return this.#byKey.size }

  note (key: ContentKey, what: DecisionKind, note: DecisionNote = {}): void {
    const { decisionsPerKeyMax, decisionKeysMax } = this.#settings
    const decisions = this.#byKey.get(key) ?? []
    decisions.push({ atMs: this.#clock.wallMs(), what, ...note })
    if (decisions.length > decisionsPerKeyMax) decisions.shift()
    this.#byKey.delete(key)
    this.#byKey.set(key, decisions)
    if (this.#byKey.size <= decisionKeysMax) return
    const [oldest] = this.#byKey.keys()
    if (oldest !== undefined) this.#byKey.delete(oldest)
  }

  /** The latest first. */
  of (key: ContentKey): readonly Decision[] {
    return (this.#byKey.get(key) ?? []).toReversed()
  }
}

const missed: Readonly<Partial<Record<ForwardReason, string>>> = {
  'uri-miss': 'nothing was stored',
  'vary-miss': 'only other variants were stored',
  stale: 'what was stored was stale',
  request: 'the request wanted it fresher'
}

/** Why a request was a miss, and what came of it, for a person. */
export function fetchedBecause (reason: ForwardReason, status: number): string {
  return `${missed[reason] ?? reason}; status ${status}`
}

/** What the store tells, as decisions. A drop by eviction has been told by the tier that it left last. */
export function storeDecisions (decisions: Decisions): Required<Pick<StoreEvents, 'committed' | 'dropped' | 'refused' | 'evicted'>> {
  return {
    committed: ({ key }) => { decisions.note(key, DecisionKind.Admitted) },
    evicted: (tier, { key }, byKey) => { decisions.note(key, DecisionKind.Evicted, { why: `from ${tier}`, byKey }) },
    refused: (key, why) => { decisions.note(key, DecisionKind.Refused, { why }) },
    dropped: ({ key }, cause) => { if (cause !== 'evicted') decisions.note(key, cause) }
  }
}
