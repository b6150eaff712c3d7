/** The origin as a source: a request of the cache, conditional where something is stored, and its answer. */
import type { Fields } from '../../protocols/fields.ts'
import type { Obtained, ObtainRequest } from '../cache/cache.ts'
import { Source } from '../cache/phase.ts'
import type { Upstream } from '../cache/upstream.ts'
import { contentLength, upstreamRequestFields } from '../http/fields.ts'
import { initialAgeMs } from '../http/freshness.ts'
import { withVia } from '../http/via.ts'
import { OriginError } from '../origin/errors.ts'
import type { OriginResponse } from '../origin/origin.ts'

/** Outcomes, also that it cannot be reached, are values; rejects only when the signal aborts. */
export async function fromOrigin (init: { readonly name: string }, request: ObtainRequest): Promise<Obtained> {
  const { origin } = request.site
  if (origin === undefined) return { kind: 'failed', status: 504, reason: `the site ${request.site.name} has no origin on this edge` }
  try {
    const response = await origin.request({
      method: 'GET',
      target: request.target,
      fields: withVia([...upstreamRequestFields(request.fields), ...request.validators], init.name),
      host: request.host,
      signal: request.signal,
      traceparent: request.traceparent
    })
    if (response.status === 304 && request.validators.length > 0) {
      return { kind: 'not-modified', fields: response.fields, receivedAtMs: response.receivedAtMs, initialAgeMs: initialAgeMs(response), source: Source.Origin }
    }
    return { kind: 'upstream', upstream: originUpstream(response) }
  } catch (error) {
    request.signal.throwIfAborted()
    if (error instanceof OriginError) return { kind: 'failed', status: error.status, reason: error.message }
    throw error
  }
}

export function originUpstream (response: OriginResponse, body: AsyncIterable<Uint8Array> = response.body): Upstream {
  return {
    source: 'origin',
    status: response.status,
    fields: withoutAge(response.fields),
    receivedAtMs: response.receivedAtMs,
    initialAgeMs: initialAgeMs(response),
    length: contentLength(response.fields),
    stale: false,
    body,
    total: () => undefined,
    cancel: () => { void drop(response.body) }
  }
}

/** Age is kept as `initialAgeMs` and told anew in every answer. */
function withoutAge (fields: Fields): Fields {
  return fields.filter(([name]) => name !== 'age')
}

async function drop (body: AsyncIterable<Uint8Array>): Promise<void> {
  const iterator = body[Symbol.asyncIterator]()
  await iterator.return?.().then(undefined, () => {})
}
