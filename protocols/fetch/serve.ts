/**
 * The answering side of `/colony/fetch/1.0.0`: turns the frames of one stream into frames, as a
 * transform between a bounded reader and a bounded writer (it-pipe). A stream carries one ask after
 * another. Blocks go out only against credit, so a slow asker never makes this side buffer, and while
 * nothing is ready a sign of life goes out each `fillingIntervalMs`.
 */
import { createHash } from 'node:crypto'
import type { Uint8ArrayList } from 'uint8arraylist'
import type { Clock } from '../clock.ts'
import { messageOf, WireError } from '../errors.ts'
import type { PeerName } from '../ids.ts'
import { encodeFrame, headBytesMax, type Frame } from '../wire.ts'
import { decodeRequest, fieldsMax, purgesBytesMax, shortReason, type Answer, type Ask } from './messages.ts'
import type { FetchProvider, Offer, ProviderAnswer, TransferPurges } from './provider.ts'
import type { FetchSettings } from './settings.ts'

export interface ServeInit {
  readonly provider: FetchProvider
  readonly settings: FetchSettings
  readonly clock: Clock
  readonly from: PeerName
  /** Aborts when the stream ends or the service stops. */
  readonly signal: AbortSignal
  readonly purges?: TransferPurges | undefined
  /** Takes a place among the transfers served at once; undefined when none is free. */
  readonly enter: () => (() => void) | undefined
  readonly onBytes: (bytes: number) => void
}

/** @throws WireError when the asker breaks the protocol */
export async function * serve (source: AsyncGenerator<Frame>, init: ServeInit): AsyncGenerator<Uint8ArrayList> {
  for (;;) {
    const next = await source.next()
    if (next.done === true) return
    const ask = decodeRequest(next.value)
    // The asker may have granted credit for a transfer that had just ended.
    if ('kind' in ask) continue
    const leave = init.enter()
    if (leave === undefined) {
      yield encodeAnswer(ask, { kind: 'busy' })
      continue
    }
    try {
      yield * answer(ask, source, init)
    } finally {
      leave()
    }
  }
}

async function * answer (ask: Ask, source: AsyncGenerator<Frame>, init: ServeInit): AsyncGenerator<Uint8ArrayList> {
  // Before it looks: a purge that is applied while it does is not among them.
  const purges = init.purges?.stated()
  const pending = init.provider.answer(ask, init.from, init.signal)
  const patient = new Patience(init, init.settings.fillingAfterMs)
  let result: ProviderAnswer | undefined
  try {
    for (;;) {
      const ready = await patient.wait(pending)
      if (ready !== waiting) { result = ready; break }
      yield encodeAnswer(ask, { kind: 'filling' })
    }
  } finally {
    // The asker may leave while its answer is being found, or is there and not taken yet.
    if (result === undefined) pending.then((late) => { if (late.kind === 'hit') late.release() }, () => {})
  }
  if (result.kind !== 'hit') {
    yield encodeAnswer(ask, result.kind === 'failed' ? { ...result, reason: shortReason(result.reason) } : result)
    return
  }
  const { head, stale, same } = result
  try {
    const frame = encodeAnswer(ask, { kind: 'hit', head, stale, same, ...(purges !== undefined && purges.byteLength <= purgesBytesMax && { purges }) })
    // The asker would have to refuse it, and would take this edge for silent.
    if (head.fields.length > fieldsMax || frame.byteLength > headBytesMax) {
      yield encodeAnswer(ask, { kind: 'private' })
      return
    }
    yield frame
    if (!same && !ask.headOnly) yield * transfer(ask, result, source, init)
  } finally {
    result.release()
  }
}

async function * transfer (ask: Ask, offer: Offer, source: AsyncGenerator<Frame>, init: ServeInit): AsyncGenerator<Uint8ArrayList> {
  const blockBytes = Math.min(ask.blockBytes, init.settings.blockBytesMax)
  const chunks = offer.open(ask.offset, blockBytes, init.signal)[Symbol.asyncIterator]()
  const patient = new Patience(init, init.settings.fillingIntervalMs)
  let credit = ask.credit
  try {
    for (;;) {
      const pending = chunks.next()
      let next: IteratorResult<Uint8Array>
      for (;;) {
        const ready = await patient.wait(pending)
        if (ready !== waiting) { next = ready; break }
        yield encodeAnswer(ask, { kind: 'filling' })
      }
      if (next.done === true) break
      for (let at = 0; at < next.value.byteLength; at += blockBytes) {
        while (credit === 0) credit += await granted(source)
        const block = next.value.subarray(at, at + blockBytes)
        credit--
        init.onBytes(block.byteLength)
        yield encodeAnswer(ask, { kind: 'block', hash: createHash('sha256').update(block).digest() }, block)
      }
    }
    yield encodeAnswer(ask, { kind: 'end', ...offer.total() })
  } catch (error) {
    if (init.signal.aborted || error instanceof WireError) throw error
    yield encodeAnswer(ask, { kind: 'cut', reason: shortReason(messageOf(error)) })
  } finally {
    // Not awaited: a chunk that never comes must not keep the stream.
    void Promise.resolve(chunks.return?.()).catch(() => {})
  }
}

/** Every frame carries the trace of its ask, as one stream carries many. */
function encodeAnswer (ask: Ask, answer: Answer, payload?: Uint8Array): Uint8ArrayList {
  return encodeFrame({ ...answer, traceparent: ask.traceparent }, payload)
}

async function granted (source: AsyncGenerator<Frame>): Promise<number> {
  const next = await source.next()
  if (next.done === true) throw new WireError('a peer left in the middle of a transfer')
  const request = decodeRequest(next.value)
  if (!('kind' in request)) throw new WireError('a peer asked anew in the middle of a transfer')
  return request.blocks
}

const waiting = Symbol('waiting')

/** Waits for a promise in slices, so that a sign of life can be sent between them. */
class Patience {
  readonly #init: ServeInit
  #sliceMs: number

  constructor (init: ServeInit, firstSliceMs: number) {
    this.#init = init
    this.#sliceMs = firstSliceMs
  }

  async wait<T> (pending: Promise<T>): Promise<T | typeof waiting> {
    let cancel = (): void => {}
    const slice = new Promise<typeof waiting>((resolve) => {
      cancel = this.#init.clock.after(this.#sliceMs, () => { resolve(waiting) })
    })
    try {
      const ready = await Promise.race([pending, slice])
      if (ready === waiting) this.#sliceMs = this.#init.settings.fillingIntervalMs
      return ready
    } finally {
      cancel()
    }
  }
}
