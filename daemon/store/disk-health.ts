/**
 * Whether the disk tier is in use. The first failing write (full disk, folder gone, read-only) turns it off
 * with one log line; serving goes on from memory and from what can still be read. After `diskRetryMs`
 * the next create tries the disk with a probe, and turns it on again when that works; no timer runs.
 */
import { codeOf, messageOf } from '../../protocols/errors.ts'
import type { Clock } from '../../protocols/clock.ts'
import type { StoreEvents, StoreLogger } from './settings.ts'

export interface DiskHealthInit {
  readonly folder: string
  readonly retryMs: number
  readonly clock: Clock
  readonly logger: StoreLogger
  readonly events: StoreEvents
}

export class DiskHealth {
  readonly #init: DiskHealthInit
  /** Undefined while the disk is in use. */
  #retryAtMs: number | undefined
  #probing = false

  constructor (init: DiskHealthInit) {
    this.#init = init
  }

  get usable (): boolean {
    return this.#retryAtMs === undefined
  }

  /** Turns the tier off. Said once, however many writes fail together. */
  fail (error: unknown): void {
    if (!this.usable) return
    const { clock, folder, retryMs, logger, events } = this.#init
    this.#retryAtMs = clock.nowMs() + retryMs
    logger.warn({ folder, code: codeOf(error), retryMs, error: messageOf(error) }, 'disk tier off: writing failed; serving goes on without it')
    events.diskUsable?.(false)
  }

  /** @returns whether the disk is in use, after `probe` where it is time for one */
  async check (probe: () => Promise<void>): Promise<boolean> {
    if (this.#retryAtMs === undefined) return true
    const { clock, folder, retryMs, logger, events } = this.#init
    if (this.#probing || clock.nowMs() < this.#retryAtMs) return false
    this.#probing = true
    try {
      await probe()
      this.#retryAtMs = undefined
      logger.warn({ folder }, 'disk tier on again')
      events.diskUsable?.(true)
    } catch {
      this.#retryAtMs = clock.nowMs() + retryMs
    } finally {
      this.#probing = false
    }
    return this.usable
  }
}
