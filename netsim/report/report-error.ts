/** A report could not be made or written; the message is a whole sentence. */
import { ColonyError } from '../../protocols/errors.ts'

export class ReportError extends ColonyError {
  constructor (message: string, options?: { cause?: unknown }) {
    super('COLONY_REPORT', message, options)
  }
}
