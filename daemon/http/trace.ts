/**
 * W3C Trace Context: the `traceparent` that ties one request's log lines, peer frames and origin
 * requests together. The front continues a client's trace or begins one; every hop passes it on with
 * an id of its own. Ids are random, not secret, and need no seed: they decide nothing.
 *
 *     traceparent = version "-" trace-id (16 bytes) "-" parent-id (8 bytes) "-" flags   (lower-case hex)
 */
import { randomBytes } from 'node:crypto'

export interface Traceparent {
  /** 32 hex digits, not all zero. */
  readonly traceId: string
  /** 16 hex digits, not all zero: the sender's own step. */
  readonly parentId: string
  /** Bits; 1 means that the sender may have recorded the trace. */
  readonly flags: number
}

const sampledFlag = 1
const pattern = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/

/**
 * Versions above 00 are read as far as they agree with 00 (section 4.3 of the recommendation).
 *
 * @returns undefined when absent, malformed, all zero, or of the forbidden version ff
 */
export function parseTraceparent (value: string | undefined): Traceparent | undefined {
  const match = value === undefined ? null : pattern.exec(value)
  if (match === null) return undefined
  const [, version, traceId = '', parentId = '', flags = '', rest] = match
  if (version === 'ff' || (version === '00' && rest !== undefined)) return undefined
  if (/^0+$/.test(traceId) || /^0+$/.test(parentId)) return undefined
  return { traceId, parentId, flags: parseInt(flags, 16) }
}

/**
 * The next step of a received trace, or the first of a new one when there is none that can be read.
 * Of the flags only `sampled` is passed on: the others have no meaning in version 00.
 */
export function continueTrace (received?: string): string {
  const before = parseTraceparent(received)
  const traceId = before?.traceId ?? randomId(16)
  const flags = (before?.flags ?? 0) & sampledFlag
  return `00-${traceId}-${randomId(8)}-0${flags}`
}

/** The trace id of a traceparent that `continueTrace` made: what log lines carry. */
export function traceId (traceparent: string): string {
  return traceparent.slice(3, 35)
}

function randomId (bytes: number): string {
  const id = randomBytes(bytes).toString('hex')
  return /^0+$/.test(id) ? randomId(bytes) : id
}
