/** What can go wrong with published content, by `code`; `status` is what an HTTP client is told. */
import { ColonyError } from '../errors.ts'

export const PublishFault = {
  /** The request itself is wrong. */
  Request: { code: 'COLONY_PUBLISH_REQUEST', status: 400 },
  /** The bytes are not those that the request announced. */
  Digest: { code: 'COLONY_PUBLISH_DIGEST', status: 400 },
  /** The upload ended before it was whole. */
  Interrupted: { code: 'COLONY_PUBLISH_INTERRUPTED', status: 400 },
  /** No such site, or no such object. */
  Unknown: { code: 'COLONY_PUBLISH_UNKNOWN', status: 404 },
  /** The site takes nothing published. */
  Site: { code: 'COLONY_PUBLISH_SITE', status: 409 },
  /** A precondition does not hold. */
  Precondition: { code: 'COLONY_PUBLISH_PRECONDITION', status: 412 },
  /** Larger than any published body may be. */
  TooLarge: { code: 'COLONY_PUBLISH_TOO_LARGE', status: 413 },
  /** An idempotency key came again with something else. */
  Reused: { code: 'COLONY_PUBLISH_REUSED', status: 422 },
  /** Too few edges took it. */
  Copies: { code: 'COLONY_PUBLISH_COPIES', status: 503 },
  /** Too few edges answered for the level that was asked for. */
  Level: { code: 'COLONY_PUBLISH_LEVEL', status: 503 },
  /** This edge is not the one to hold it. */
  Misplaced: { code: 'COLONY_PUBLISH_MISPLACED', status: 503 },
  /** Nobody who should have the bytes gave them. */
  Bytes: { code: 'COLONY_PUBLISH_BYTES', status: 503 },
  /** The edge's budget for published content is used up, or its disk does not take it. */
  Full: { code: 'COLONY_PUBLISH_FULL', status: 507 }
} as const
export type PublishFault = typeof PublishFault[keyof typeof PublishFault]

export class PublishError extends ColonyError {
  readonly status: number

  /** @param message one sentence for whoever published or reads */
  constructor ({ code, status }: PublishFault, message: string, options?: { cause?: unknown }) {
    super(code, message, options)
    this.status = status
  }
}
