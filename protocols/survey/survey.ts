/**
 * Asks every member of the colony about one key, and answers when asked. A few at a time, each with a deadline of its
 * own and all under one, so that neither a large colony nor its dead members hold up the page. Who did not answer
 * is part of the result. Never on a request's way: only a person's `explain` comes here.
 */
import { deadline, type Clock } from '../clock.ts'
import { messageOf } from '../errors.ts'
import type { ContentKey, PeerName } from '../ids.ts'
import type { Answerer, Call } from '../rpc.ts'
import { bounded, decodeHoldings, decodeRequest, requestHead, type Holdings } from './messages.ts'
import type { SurveySettings } from './settings.ts'

export interface SurveyInit {
  readonly call: Call
  readonly clock: Clock
  readonly settings: SurveySettings
}

/** What one member said, or why nothing is known of it. */
export type Reply =
  | { readonly peer: PeerName, readonly holdings: Holdings }
  | { readonly peer: PeerName, readonly error: string }

/** @returns a reply for each of `peers`, in their order; rejects only when `signal` aborts */
export async function survey ({ call, clock, settings }: SurveyInit, key: ContentKey, peers: readonly PeerName[], signal: AbortSignal): Promise<Reply[]> {
  const { surveyInFlightMax, surveyTimeoutMs, surveyDeadlineMs } = settings
  const limit = deadline(clock, surveyDeadlineMs, 'the survey', signal)
  const ask = async (peer: PeerName): Promise<Reply> => {
    if (limit.signal.aborted) return { peer, error: `it was not asked: the survey ends after ${surveyDeadlineMs} ms` }
    try {
      const frame = await call(peer, requestHead(key), { signal: limit.signal, timeoutMs: surveyTimeoutMs })
      return { peer, holdings: decodeHoldings(frame) }
    } catch (error) {
      return { peer, error: messageOf(error) }
    }
  }
  try {
    const replies: Reply[] = []
    const next = peers.entries()
    await Promise.all(Array.from({ length: Math.min(surveyInFlightMax, peers.length) }, async () => {
      for (const [index, peer] of next) replies[index] = await ask(peer)
    }))
    signal.throwIfAborted()
    return replies
  } finally {
    limit.clear()
  }
}

/** The answering side, over what this edge holds and believes. */
export function surveyAnswerer (holdings: (key: ContentKey) => Holdings): Answerer {
  return async (request) => ({ head: bounded(holdings(decodeRequest(request))) })
}
