/**
 * What can go wrong between an edge and an origin, one code each. Match on `code`; `status` is what
 * the edge answers when it has nothing better (RFC 9110 section 15.6), such as stale content.
 */
import { ColonyError } from '../../protocols/errors.ts'

/** Status by code. */
const statuses = Object.freeze({
  /** The name does not resolve, the connection was refused, or it was not there in time. */
  COLONY_ORIGIN_UNREACHABLE: 502,
  /** Silence: no head, or nothing more of a body. */
  COLONY_ORIGIN_TIMEOUT: 504,
  /** Malformed, flooding, cut short, too long, or the connection was lost. */
  COLONY_ORIGIN_BROKEN: 502,
  /** Every place is taken, and the queue is full or the wait in it was too long. */
  COLONY_ORIGIN_BUSY: 503,
  /** The breaker is open: the origin could not be reached a moment ago and is left alone. */
  COLONY_ORIGIN_OPEN: 503,
  /** The asker left, stopped sending or reading, or the edge is closing. Not the origin's fault. */
  COLONY_ORIGIN_ABORTED: 503
})

export type OriginErrorCode = keyof typeof statuses

export interface OriginErrorInit {
  readonly cause?: unknown
  /** Whether it says that the origin cannot be reached (refused, name, silence, reset): what the breaker counts. */
  readonly unreachable?: boolean
}

/** The origin was never given the request: there was no connection, or none was sought. */
const unsentCodes: ReadonlySet<OriginErrorCode> = new Set(['COLONY_ORIGIN_UNREACHABLE', 'COLONY_ORIGIN_BUSY', 'COLONY_ORIGIN_OPEN'])

export class OriginError extends ColonyError {
  declare readonly code: OriginErrorCode
  /** 502, 503 or 504. */
  readonly status: number
  readonly unreachable: boolean
  readonly #origin: string
  readonly #what: string

  /** @param what completes the sentence that begins with `origin URL` */
  constructor (code: OriginErrorCode, origin: string, what: string, init: OriginErrorInit = {}) {
    super(code, `origin ${origin} ${what}`, 'cause' in init ? { cause: init.cause } : undefined)
    this.status = statuses[code]
    this.unreachable = init.unreachable === true
    this.#origin = origin
    this.#what = what
  }

  /** Whether no byte of the request has gone out, so that it may be sent to another whatever its method. */
  get unsent (): boolean { return unsentCodes.has(this.code) }

  /** Of origins that failed one after the other: as the last one, in words that name each. @param failures one or more */
  static last (failures: readonly OriginError[]): OriginError {
    const [first, ...others] = failures as readonly [OriginError, ...OriginError[]]
    const last = others.at(-1)
    if (last === undefined) return first
    const what = [first.#what, ...others.map(({ message }) => message)].join('; ')
    return new OriginError(last.code, first.#origin, what, { cause: last.cause, unreachable: last.unreachable })
  }
}

/** An operator's mistake: the URL cannot be that of an origin. */
export class OriginUrlError extends ColonyError {
  constructor (value: string, what: string) {
    super('COLONY_ORIGIN_URL', `the origin ${JSON.stringify(value)} ${what}; give one like "http://host:port/base"`)
  }
}
