/** How taking a purge can fail. */
import { ColonyError } from '../errors.ts'

/** A purge is not taken in: forged, from beyond the horizon or from the future, or there is no room. */
export class PurgeRejectedError extends ColonyError {
  constructor (id: string, why: string) { super('COLONY_PURGE_REJECTED', `the purge ${id} is refused: ${why}`) }
}

/** An idempotency key was used before, for something else. */
export class PurgeKeyError extends ColonyError {
  constructor (key: string) { super('COLONY_PURGE_KEY', `the idempotency key ${JSON.stringify(key)} was used for another order: give each order its own`) }
}

/** The order could not be written down, so nothing is promised. It may be given again, under the same key. */
export class PurgeStoreError extends ColonyError {
  constructor (message: string, options?: { cause?: unknown }) { super('COLONY_PURGE_STORE', message, options) }
}
