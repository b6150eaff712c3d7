/**
 * Asks every member of the colony about one key, and answers when asked. Never on a request's way: only a
 * person's `explain` comes here.
 */
import type { Clock } from '../clock.ts'
import type { ContentKey, PeerName } from '../ids.ts'
import type { Answerer, Call } from '../rpc.ts'
import { askAll } from './ask-all.ts'
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
  const said = await askAll({ clock, inFlightMax: surveyInFlightMax, deadlineMs: surveyDeadlineMs, signal }, peers, async (peer, within) =>
    decodeHoldings(await call(peer, requestHead(key), { signal: within, timeoutMs: surveyTimeoutMs })))
  return said.map((each) => 'error' in each ? each : { peer: each.peer, holdings: each.answer })
}

/** The answering side, over what this edge holds and believes. */
export function surveyAnswerer (holdings: (key: ContentKey) => Holdings): Answerer {
  return async (request) => ({ head: bounded(holdings(decodeRequest(request))) })
}
