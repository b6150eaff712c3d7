/**
 * The asking side of warming: asks one edge for one thing until it is over there. An edge that is silent,
 * busy or quick to answer is asked again after a pause; one that is silent too often, or no member any more, or from which no
 * byte comes, is given up. All that comes back is one answer: whoever asks has many edges to go on with.
 */
import { sleep, type Clock } from '../clock.ts'
import { codeOf, messageOf } from '../errors.ts'
import type { PeerName } from '../ids.ts'
import type { Call } from '../rpc.ts'
import { decodeAnswer, encodeAsk, isOver, WarmState, type WarmAnswer, type WarmAsk } from './messages.ts'

export interface AskerSettings {
  readonly warmCallTimeoutMs: number
  readonly warmCallsMax: number
  readonly warmPauseMs: number
  readonly warmStallMs: number
}

export interface AskerInit {
  readonly call: Call
  readonly clock: Clock
  readonly settings: AskerSettings
  readonly isMember: (peer: PeerName) => boolean
}

/**
 * @param onProgress told of each answer that is not the last
 * @returns what came of it; rejects only when `signal` aborts
 */
export async function warmAt ({ call, clock, settings, isMember }: AskerInit, peer: PeerName, ask: WarmAsk, signal: AbortSignal, onProgress: (answer: WarmAnswer) => void): Promise<WarmAnswer> {
  let silences = 0
  let last: WarmAnswer = { state: WarmState.Queued, bytes: 0 }
  let movedAtMs = clock.nowMs()
  for (;;) {
    signal.throwIfAborted()
    if (!isMember(peer)) return failed('it has left the colony', last)
    const askedAtMs = clock.nowMs()
    try {
      const answer = decodeAnswer(await call(peer, encodeAsk(ask), { signal, timeoutMs: settings.warmCallTimeoutMs }))
      if (isOver(answer.state)) return answer
      silences = 0
      const nowMs = clock.nowMs()
      if (answer.state !== WarmState.Running || last.state !== WarmState.Running || answer.bytes !== last.bytes) movedAtMs = nowMs
      if (nowMs - movedAtMs >= settings.warmStallMs) return failed(`not one byte has come to it for ${settings.warmStallMs} ms`, answer)
      last = answer
      onProgress(answer)
    } catch (error) {
      signal.throwIfAborted()
      // What it refused, or said wrongly, it would again.
      if (codeOf(error) !== 'COLONY_RPC_SILENT' || ++silences >= settings.warmCallsMax) return failed(messageOf(error), last)
    }
    // Who is at work answers after `warmWaitMs`; who answers at once, for ever, would be asked as fast as the link bears.
    await sleep(clock, Math.max(0, settings.warmPauseMs - (clock.nowMs() - askedAtMs)), signal)
  }
}

function failed (why: string, { bytes, status, source }: WarmAnswer): WarmAnswer {
  return { state: WarmState.Failed, bytes, status, source, why }
}
