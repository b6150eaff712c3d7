/**
 * From an EdgeResponse to the bytes on a socket: last step on a response's way. Framing is decided here
 * (RFC 9112 section 6): Content-Length when the length is known, chunked otherwise, and a body that breaks
 * off or has another length than announced ends in a cut connection, so that no client takes it for whole.
 * Writes wait for the client (back-pressure), and nothing is read ahead of it.
 */
import type { ServerResponse } from 'node:http'
import type { Clock } from '../../protocols/clock.ts'
import { ColonyError, messageOf } from '../../protocols/errors.ts'
import { hasField } from '../../protocols/fields.ts'
import { formatHttpDate } from './date.ts'
import type { EdgeResponse } from './message.ts'

/** The body broke off or contradicted its length; `cause` says why. */
export class BodyError extends ColonyError {
  constructor (message: string, options?: { cause?: unknown }) {
    super('COLONY_HTTP_BODY', message, options)
  }
}

export interface OutgoingInit {
  readonly response: EdgeResponse
  readonly method: string
  /** Aborts when the client is gone. */
  readonly signal: AbortSignal
  readonly clock: Clock
  /** Asked when the head is written: whether the connection is to end with this response. */
  readonly closing: () => boolean
  readonly settings: { readonly headHoldMs: number, readonly sendIdleTimeoutMs: number }
}

/** Fields of framing: this connection's own, whatever the handler's response says. */
const framing = new Set(['connection', 'keep-alive', 'transfer-encoding', 'content-length', 'upgrade'])

/**
 * Writes one response. When it resolves the response has been handed to the socket whole, or the
 * client is gone. The body's iteration is ended in every case.
 *
 * @throws BodyError when the body fails: `res.headersSent` tells whether another answer can still be given
 * @throws TypeError when a field cannot be sent (a line break in its value); nothing was sent
 */
export async function writeResponse (res: ServerResponse, init: OutgoingInit): Promise<void> {
  const { response, method, signal } = init
  const iterator = response.body?.[Symbol.asyncIterator]()
  // A source that is slow to notice the signal hears of it this way too.
  const onAbort = (): void => { endIteration(iterator) }
  signal.addEventListener('abort', onAbort)
  try {
    if (signal.aborted) return
    const bodyless = method === 'HEAD' || response.status === 204 || response.status === 304
    if (bodyless || iterator === undefined) {
      const missing = bodyless ? 0 : response.length ?? 0
      if (missing > 0) throw new BodyError(`the response announced ${missing} bytes and has no body`)
      writeHead(res, init, bodyless ? response.length : 0)
      res.end()
    } else {
      await writeBody(res, init, iterator)
    }
  } finally {
    signal.removeEventListener('abort', onAbort)
    endIteration(iterator)
  }
}

async function writeBody (res: ServerResponse, init: OutgoingInit, iterator: AsyncIterator<Uint8Array>): Promise<void> {
  const { response, signal } = init
  let sent = 0
  let next = nextChunk(iterator)
  // Head and first bytes go in one write, and a body that fails at once can still become a 502; a body
  // that is slow to begin (an event stream) must not hold back its head.
  if (!await settlesWithin(next, init.clock, init.settings.headHoldMs) && !signal.aborted) {
    writeHead(res, init, response.length)
    res.flushHeaders()
  }
  for (;;) {
    const step = await next
    if (signal.aborted) return
    if (step.done === true) break
    const chunk = step.value
    sent += chunk.byteLength
    if (response.length !== undefined && sent > response.length) {
      throw new BodyError(`the body is longer than the ${response.length} bytes that were announced`)
    }
    if (chunk.byteLength > 0) {
      if (!res.headersSent) writeHead(res, init, response.length)
      if (!res.write(chunk)) await drained(res, init)
    }
    if (signal.aborted) return
    next = nextChunk(iterator)
  }
  if (response.length !== undefined && sent < response.length) {
    throw new BodyError(`the body ended after ${sent} of the ${response.length} bytes that were announced`)
  }
  if (!res.headersSent) writeHead(res, init, sent)
  res.end()
}

/** @param length of the body; of the body that GET would get, for HEAD; undefined when not known */
function writeHead (res: ServerResponse, { response, clock, closing }: OutgoingInit, length: number | undefined): void {
  const head: string[] = []
  for (const [name, value] of response.fields) {
    if (!framing.has(name)) head.push(name, value)
  }
  if (!hasField(response.fields, 'date')) head.push('date', formatHttpDate(clock.wallMs()))
  // RFC 9110 section 8.6: never with 204.
  if (length !== undefined && response.status !== 204) head.push('content-length', String(length))
  if (closing()) head.push('connection', 'close')
  res.sendDate = false
  res.writeHead(response.status, head)
}

async function nextChunk (iterator: AsyncIterator<Uint8Array>): Promise<IteratorResult<Uint8Array>> {
  try {
    return await iterator.next()
  } catch (error) {
    throw new BodyError(`the body broke off: ${messageOf(error)}`, { cause: error })
  }
}

/** Whether `promise` is fulfilled or rejected before `delayMs` have passed. Never throws. */
async function settlesWithin (promise: Promise<unknown>, clock: Clock, delayMs: number): Promise<boolean> {
  return await new Promise((resolve) => {
    const cancel = clock.after(delayMs, () => { resolve(false) })
    const settled = (): void => {
      cancel()
      resolve(true)
    }
    promise.then(settled, settled)
  })
}

/**
 * Resolves when the socket wants more or is gone. A client that takes nothing at all for
 * `sendIdleTimeoutMs` is dropped: node's socket timeout knows a slow reader from a dead one, as it looks at
 * what the kernel still holds.
 */
async function drained (res: ServerResponse, { signal, settings }: OutgoingInit): Promise<void> {
  const { socket } = res
  await new Promise<void>((resolve) => {
    const done = (): void => {
      res.off('drain', done)
      signal.removeEventListener('abort', done)
      socket?.setTimeout(0)
      resolve()
    }
    socket?.setTimeout(settings.sendIdleTimeoutMs)
    res.once('drain', done)
    signal.addEventListener('abort', done)
    if (signal.aborted) done()
  })
}

function endIteration (iterator: AsyncIterator<Uint8Array> | undefined): void {
  iterator?.return?.()?.then(undefined, () => {
    // The response is over: a source that fails to end has nobody left to tell.
  })
}
