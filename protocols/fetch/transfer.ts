/**
 * The asking side of one ask on one stream: sends it, waits through signs of life for the decisive
 * answer, then hands the body out block by block. Each block is checked against its hash before it is
 * passed on and pays for one more in flight, so a slow reader holds the sender back. Ends are explicit: a body
 * whose stream just stops is an error, never a short body.
 */
import { createHash } from 'node:crypto'
import type { AbortOptions } from '@libp2p/interface'
import type { Uint8ArrayList } from 'uint8arraylist'
import { deadline, type Clock } from '../clock.ts'
import { ColonyError, messageOf, WireError } from '../errors.ts'
import { fieldValue } from '../fields.ts'
import type { PeerName } from '../ids.ts'
import type { FrameStream } from '../streams.ts'
import { decodeFrame, encodeFrame } from '../wire.ts'
import { decodeAnswer, type Answer, type Ask, type RemoteHead } from './messages.ts'
import type { FetchSettings } from './settings.ts'

/** A transfer from a peer failed: cut, silent, or bytes that contradict their hash. May be resumed elsewhere. */
export class PeerFetchError extends ColonyError {
  readonly peer: PeerName

  constructor (peer: PeerName, message: string, options?: { cause?: unknown }) {
    super('COLONY_PEER_FETCH', message, options)
    this.peer = peer
  }
}

/** A body from a peer. */
export interface PeerBody {
  readonly peer: PeerName
  readonly head: RemoteHead
  readonly stale: boolean
  readonly same: boolean
  /** Verified blocks; throws PeerFetchError. Ending it early frees the stream. */
  readonly body: AsyncIterable<Uint8Array>
  /** Whole length and hash as the sender told at the end. */
  readonly total: () => { length: number, hash?: string } | undefined
  /** Drops the transfer without reading it. */
  readonly cancel: () => void
}

export type PeerAnswer =
  | { readonly kind: 'hit' } & PeerBody
  | Extract<Answer, { kind: 'miss' | 'busy' | 'private' | 'failed' }>
  /** Nothing came in time, the peer could not be reached, or it broke the protocol. */
  | { readonly kind: 'silent', readonly error: Error }

/** A stream to a peer that carries one ask at a time. */
export interface Lane {
  readonly peer: PeerName
  readonly frames: FrameStream
  /** The ask is over and the stream clean: it may carry another. */
  release: () => void
  abort: (error: Error) => void
}

export interface TransferInit {
  readonly clock: Clock
  readonly settings: FetchSettings
  readonly signal: AbortSignal
  readonly onBytes: (bytes: number) => void
  readonly onFilling?: () => void
  /** See `TransferPurges`. */
  readonly accepts?: ((stated: Uint8Array | undefined) => boolean) | undefined
}

/** Sends the ask and waits for its decisive answer. Throws what the stream throws; WireError on nonsense. */
export async function exchange (lane: Lane, ask: Ask, init: TransferInit): Promise<Exclude<PeerAnswer, { kind: 'silent' }>> {
  const { settings } = init
  await within(init, settings.answerTimeoutMs, lane, async (signal) => { await lane.frames.write(encodeFrame(ask), { signal }) })
  const askedMs = init.clock.nowMs()
  let patienceMs = settings.answerTimeoutMs
  for (;;) {
    const answer = await read(lane, init, patienceMs)
    switch (answer.kind) {
      case 'filling':
        if (init.clock.nowMs() - askedMs > settings.fillingMaxMs) throw new WireError(`peer ${lane.peer} has been filling for ${settings.fillingMaxMs} ms`)
        patienceMs = settings.silenceTimeoutMs
        init.onFilling?.()
        break
      case 'miss': case 'busy': case 'private': case 'failed':
        lane.release()
        return answer
      case 'hit':
        if (answer.same && !isHeld(ask, answer.head)) throw new WireError('a peer called current what the asker does not hold')
        // Of a version that is named the asker has judged before.
        if (ask.version === undefined && init.accepts?.(answer.purges) === false) {
          lane.abort(new Error('the peer has not applied all purges yet'))
          return { kind: 'miss' }
        }
        return hit(lane, ask, answer, init)
      default: throw new WireError(`a peer answered ${answer.kind} before any head`)
    }
  }
}

function hit (lane: Lane, ask: Ask, answer: Extract<Answer, { kind: 'hit' }>, init: TransferInit): { kind: 'hit' } & PeerBody {
  let total: { length: number, hash?: string } | undefined
  let state: 'unread' | 'reading' | 'over' = 'unread'
  const over = (clean: boolean, error?: Error): void => {
    if (state === 'over') return
    state = 'over'
    if (clean) lane.release()
    else lane.abort(error ?? new PeerFetchError(lane.peer, 'the transfer was dropped by the asker'))
  }
  if (answer.same || ask.headOnly) over(true)

  async function * body (): AsyncGenerator<Uint8Array> {
    if (state !== 'unread') return
    state = 'reading'
    let received = ask.offset
    let consumed = 0
    const batch = Math.min(2, ask.credit)
    let aliveMs = init.clock.nowMs()
    let failure: Error | undefined
    try {
      for (;;) {
        const frame = await readBody(lane, init)
        if (frame.answer.kind === 'filling') {
          if (init.clock.nowMs() - aliveMs > init.settings.fillingMaxMs) throw new PeerFetchError(lane.peer, `peer ${lane.peer} sent nothing but signs of life for ${init.settings.fillingMaxMs} ms`)
          continue
        }
        if (frame.answer.kind === 'end') {
          if (frame.answer.length !== received || (answer.head.length !== undefined && received !== answer.head.length)) {
            throw new WireError(`a peer ended at ${received} bytes and claims ${frame.answer.length}`)
          }
          total = { length: frame.answer.length, hash: frame.answer.hash }
          over(true)
          return
        }
        if (frame.answer.kind === 'cut') throw new PeerFetchError(lane.peer, `peer ${lane.peer} lost its own source: ${frame.answer.reason}`)
        if (frame.answer.kind !== 'block') throw new WireError(`a peer answered ${frame.answer.kind} in the middle of a body`)
        received += frame.payload.byteLength
        if (frame.payload.byteLength > ask.blockBytes || (answer.head.length !== undefined && received > answer.head.length)) {
          throw new WireError(`a peer sent more than it announced (${received} bytes)`)
        }
        if (!createHash('sha256').update(frame.payload).digest().equals(frame.answer.hash)) {
          throw new PeerFetchError(lane.peer, `peer ${lane.peer} sent a block that contradicts its hash`)
        }
        init.onBytes(frame.payload.byteLength)
        yield frame.payload
        aliveMs = init.clock.nowMs()
        // Credit goes back in pairs, where there is so much: half the frames for the same number in flight.
        if (++consumed % batch === 0) await lane.frames.write(encodeFrame({ kind: 'pull', blocks: batch, traceparent: ask.traceparent }), { signal: init.signal })
      }
    } catch (error) {
      failure = error instanceof PeerFetchError
        ? error
        : new PeerFetchError(lane.peer, `the transfer from peer ${lane.peer} broke off: ${messageOf(error)}`, { cause: error })
      throw failure
    } finally {
      over(false, failure)
    }
  }

  return {
    kind: 'hit',
    peer: lane.peer,
    head: answer.head,
    stale: answer.stale,
    same: answer.same,
    body: { [Symbol.asyncIterator]: body },
    total: () => total,
    cancel: () => { over(false) }
  }
}

/** Whether a head speaks of what the asker holds: nothing of it contradicts, and something agrees. */
function isHeld ({ held }: Ask, head: RemoteHead): boolean {
  if (held === undefined) return false
  const etag = fieldValue(head.fields, 'etag')
  if (head.length !== undefined && held.length !== undefined && head.length !== held.length) return false
  if (head.hash !== undefined && held.hash !== undefined) return head.hash === held.hash
  return held.etag !== undefined && held.etag === etag
}

async function read (lane: Lane, init: TransferInit, patienceMs: number): Promise<Answer> {
  return decodeAnswer(decodeFrame(await within(init, patienceMs, lane, async (signal) => await lane.frames.read({ signal }))))
}

async function readBody (lane: Lane, init: TransferInit): Promise<{ answer: Answer, payload: Uint8Array }> {
  const bytes = await within(init, init.settings.silenceTimeoutMs, lane, async (signal) => await lane.frames.read({ signal }))
  const frame = decodeFrame(bytes)
  return { answer: decodeAnswer(frame), payload: frame.payload }
}

async function within<T> (init: TransferInit, delayMs: number, lane: Lane, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const limit = deadline(init.clock, delayMs, `an answer of peer ${lane.peer}`, init.signal)
  try {
    return await work(limit.signal)
  } finally {
    limit.clear()
  }
}
