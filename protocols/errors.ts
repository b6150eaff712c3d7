/**
 * The one base of every error that Colony throws on purpose. `code` is stable and is what callers
 * match on; the text says what was wrong, with which value, and what to do. Expected outcomes
 * (a miss, a busy owner) are values, not errors.
 */
export class ColonyError extends Error {
  /** Stable, upper case, `COLONY_<PART>_<FAILURE>`. */
  readonly code: string

  constructor (code: string, message: string, options?: { cause?: unknown }) {
    super(message, options)
    this.name = new.target.name
    this.code = code
  }
}

/** A peer sent something that its protocol does not allow: the stream is dropped, nothing of it is kept. */
export class WireError extends ColonyError {
  constructor (message: string, options?: { cause?: unknown }) {
    super('COLONY_WIRE', message, options)
  }
}

/** What was thrown, as a sentence, whatever was thrown. */
export function messageOf (error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

/** The stable code of what was thrown, when it has one (`COLONY_…`, `ECONNREFUSED`, `UND_ERR_…`). */
export function codeOf (error: unknown): string | undefined {
  const code = (error as { code?: unknown } | null | undefined)?.code
  return typeof code === 'string' ? code : undefined
}
