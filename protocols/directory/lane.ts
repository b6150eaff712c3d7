/**
 * The reporting to one owner: which keys it is still to be told about, the report under way, and when the next
 * one is due. Reports go one at a time and are repeated as they were until they are answered, so each is applied
 * once and in order however often it arrives. A lane remembers keys, not changes: what is true of a key is looked up when its report
 * is written. No clock: times are parameters, ms.
 */
import type { Report, ReportAnswer } from './messages.ts'
import type { DirectorySettings } from './settings.ts'
import type { ContentKey, PeerName } from '../ids.ts'

export const Phase = {
  /** The owner is to be told everything, from the beginning of a walk of the holdings. */
  Waiting: 'waiting',
  /** A walk is under way, or its last keys are. */
  Telling: 'telling',
  /** The owner was told everything. */
  Live: 'live'
} as const
export type Phase = typeof Phase[keyof typeof Phase]

/** Asks whether an owner is there again; it knows no such session. */
const probe: Report = { session: 0, sequence: 0, complete: false, added: [], dropped: [] }

export interface LaneInit {
  readonly peer: PeerName
  readonly settings: DirectorySettings
  /** Uniform in [0, 1). */
  readonly random: () => number
  /** Whether the owner is to have the key of this edge. */
  readonly belongs: (key: ContentKey) => boolean
  /** Whether this edge, since it began, has told the owner nothing: then to hold nothing need not be told. */
  readonly isUntold?: () => boolean
}

export class Lane {
  readonly peer: PeerName
  phase: Phase = Phase.Waiting
  /** When the owner may be told everything, ms. */
  fullAtMs = 0
  /** Keys that the last walk found for this owner. */
  walked = 0
  /** Keys that changed since the last walk began. */
  changed = 0
  /** Keys that the owner said it has; undefined when it did not. */
  count: number | undefined

  readonly #init: LaneInit
  /** Keys to tell about. */
  readonly #keys = new Set<ContentKey>()
  #session = 0
  #sequence = 0
  /** Keys of the walk still to be told; undefined while the walk goes on. */
  #untold: number | undefined
  #report: Report | undefined
  /** Whether `#report` was sent and may still be answered. */
  #awaiting = false
  #failures = 0
  #flushAtMs = Infinity
  #retryAtMs = 0
  #refreshAtMs = Infinity
  #fullDelayMs = 0

  constructor (init: LaneInit) {
    this.peer = init.peer
    this.#init = init
  }

  /** Whether the owner answered last. */
  get answers (): boolean { return this.#failures === 0 }

  /** Whether whoever adds keys without end is to wait for this owner. One that does not answer is not waited for. */
  get full (): boolean {
    return this.answers && this.phase !== Phase.Waiting && this.#keys.size >= this.#init.settings.queueKeysMax
  }

  /** The key changed, or came to or from this owner. */
  mark (key: ContentKey, nowMs: number): void {
    // All of it will be told.
    if (this.phase === Phase.Waiting) return
    if (this.#keys.size === 0) this.#flushAtMs = nowMs + this.#init.settings.reportIntervalMs
    this.#keys.add(key)
    this.changed++
    if (this.#keys.size > 2 * this.#init.settings.queueKeysMax) this.restart(nowMs)
  }

  /** Everything is to be told again: at once, or later when that happens again and again. */
  restart (nowMs: number): void {
    this.phase = Phase.Waiting
    this.fullAtMs = nowMs + this.#fullDelayMs
    this.#keys.clear()
    this.#report = undefined
    this.#awaiting = false
  }

  /** A walk begins that marks all that belongs to this owner. */
  beginFull (nowMs: number): void {
    const { settings, random } = this.#init
    this.restart(nowMs)
    this.phase = Phase.Telling
    this.#session = 1 + Math.floor(random() * (Number.MAX_SAFE_INTEGER - 1))
    this.#sequence = 0
    this.#untold = undefined
    this.#refreshAtMs = Infinity
    this.#fullDelayMs = Math.min(settings.fullMaxMs, Math.max(settings.fullMinMs, 2 * this.#fullDelayMs))
  }

  /** That walk is over. */
  endFull (): void {
    if (this.phase === Phase.Telling) this.#untold = this.#keys.size
  }

  /** A walk begins that counts. */
  beginCount (): void {
    this.walked = 0
    this.changed = this.#keys.size + (this.#report === undefined ? 0 : this.#report.added.length + this.#report.dropped.length)
  }

  /**
   * A walk found nothing, and the owner was told nothing: it need not hear so. Else each edge would dial every other
   * of its region at its start, and an empty region of n edges would exchange n^2 reports every `refreshIntervalMs`.
   */
  get #hasNothingToTell (): boolean { return this.#untold === 0 && this.#init.isUntold?.() === true }

  /** When `next` has a report, ms; Infinity while one is awaited. */
  dueAtMs (): number {
    if (this.#awaiting) return Infinity
    if (this.#report !== undefined || (this.phase === Phase.Waiting && !this.answers)) return this.#retryAtMs
    if (this.phase === Phase.Waiting) return Infinity
    if (this.#keys.size >= this.#init.settings.reportKeysMax || (this.#untold !== undefined && !this.#hasNothingToTell)) return 0
    return this.#keys.size > 0 ? this.#flushAtMs : this.#refreshAtMs
  }

  /** @returns the report to send now; to be given back to `answered` or `failed` */
  next (nowMs: number): Report | undefined {
    if (this.dueAtMs() > nowMs) return undefined
    this.#report ??= this.phase === Phase.Waiting ? probe : this.#write(nowMs)
    this.#awaiting = true
    return this.#report
  }

  answered (report: Report, answer: ReportAnswer, nowMs: number): void {
    // Of a session that was given up.
    if (report !== this.#report) return
    const { refreshIntervalMs } = this.#init.settings
    this.#report = undefined
    this.#awaiting = false
    this.#failures = 0
    if (report === probe) return
    if (answer.kind === 'again') return this.restart(nowMs)
    this.#sequence++
    this.count = answer.count
    this.#refreshAtMs = nowMs + refreshIntervalMs * (0.5 + this.#init.random() / 2)
    if (report.complete) this.phase = Phase.Live
    // A session that lasted: the next full report may come at once.
    else if (this.phase === Phase.Live && report.added.length + report.dropped.length === 0) this.#fullDelayMs = 0
  }

  failed (report: Report, nowMs: number): void {
    if (report !== this.#report) return
    const { retryMinMs, retryMaxMs } = this.#init.settings
    const delayMs = Math.min(retryMaxMs, retryMinMs * 2 ** this.#failures++)
    this.#awaiting = false
    this.#retryAtMs = nowMs + delayMs * (0.5 + this.#init.random() / 2)
  }

  #write (nowMs: number): Report {
    const added: ContentKey[] = []
    const dropped: ContentKey[] = []
    for (const key of this.#keys) {
      if (added.length + dropped.length === this.#init.settings.reportKeysMax) break
      this.#keys.delete(key)
      ;(this.#init.belongs(key) ? added : dropped).push(key)
    }
    // What was marked meanwhile follows.
    this.#flushAtMs = nowMs + this.#init.settings.reportIntervalMs
    let complete = false
    if (this.#untold !== undefined) {
      this.#untold -= added.length + dropped.length
      complete = this.#untold <= 0
      if (complete) this.#untold = undefined
    }
    return { session: this.#session, sequence: this.#sequence, complete, added, dropped }
  }
}
