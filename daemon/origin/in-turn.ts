/**
 * The origins of one site, asked in turn: the next one only where the one before gave no answer at all. A status is an answer,
 * whichever it is. Safe requests without a body go on after every failure before a head; all others only where they surely
 * never went out (RFC 9110 section 9.2.2), as an origin may have acted on what it did not answer. An origin whose breaker is open
 * fails at once, so nobody waits for it.
 */
import { OriginError } from './errors.ts'
import { isSafe, type OriginRequest, type OriginResponse } from './message.ts'
import type { Origin } from './origin.ts'

/** What a site asks: one origin as it is, or several in turn. */
export interface SiteOrigin {
  /** Those that are asked, in order; at least one. */
  readonly all: readonly Origin[]
  /** Resolves with the head. @throws OriginError that names every origin asked */
  request: (request: OriginRequest) => Promise<OriginResponse>
  /** Smoothed time to first byte of the origin that is asked first now, ms; undefined before its first answer. */
  ttfbMs: () => number | undefined
}

export class OriginsInTurn implements SiteOrigin {
  readonly all: readonly Origin[]

  /** @param all two or more, each once */
  constructor (all: readonly Origin[]) { this.all = all }

  async request (request: OriginRequest): Promise<OriginResponse> {
    const failures: OriginError[] = []
    for (const origin of this.all) {
      try {
        return await origin.request(request)
      } catch (error) {
        if (!(error instanceof OriginError)) throw error
        failures.push(error)
        if (!mayAskNext(request, error)) break
      }
    }
    throw OriginError.last(failures)
  }

  ttfbMs (): number | undefined {
    const first = this.all.find((origin) => origin.state().breaker === 'closed') ?? this.all[0]
    return first?.ttfbMs()
  }
}

function mayAskNext ({ method, body }: OriginRequest, { code, unsent }: OriginError): boolean {
  // The asker left, or the edge is closing: nobody wants another's answer.
  if (code === 'COLONY_ORIGIN_ABORTED') return false
  return unsent || (isSafe(method) && body === undefined)
}
