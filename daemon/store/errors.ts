/** What can go wrong in a store, by `code`. */
import { ColonyError } from '../../protocols/errors.ts'
import type { Refusal } from './settings.ts'

/** The body outgrew what the store may hold. The fill goes on to its readers, unstored. */
export class StoreFullError extends ColonyError {
  readonly refusal: Refusal

  constructor (refusal: Refusal, message: string, options?: { cause?: unknown }) {
    super('COLONY_STORE_FULL', message, options)
    this.refusal = refusal
  }
}

/** The head says another length or hash than the bytes have. Nothing was stored. */
export class StoreMismatchError extends ColonyError {
  constructor (message: string) {
    super('COLONY_STORE_MISMATCH', message)
  }
}

/** A stored body turned out missing, short or unreadable while it was read. It is no longer held. */
export class StoreDamagedError extends ColonyError {
  constructor (message: string, options?: { cause?: unknown }) {
    super('COLONY_STORE_DAMAGED', message, options)
  }
}

/** Files of the disk tier's index are missing. It is mended, or set aside. */
export class IndexDamagedError extends ColonyError {
  constructor (message: string) {
    super('COLONY_INDEX_DAMAGED', message)
  }
}
