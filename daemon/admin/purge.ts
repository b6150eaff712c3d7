/**
 * `POST /v1/purge`: an order in JSON (daemon/purge/order.ts), its receipt out; `GET /v1/purge/ID`: how far that one is. The order may also bear its
 * idempotency key as the field of that name. Refusals: 400 with a sentence for what is wrong with it, 409 for a key that was another order's,
 * 413 for its length, 429 with Retry-After for too many, 503 where it cannot be written down.
 */
import { isMap } from '../../protocols/config/canonical.ts'
import { parsePurgeId } from '../../protocols/purge/selector.ts'
import { fieldValue } from '../../protocols/fields.ts'
import type { EdgeRequest, EdgeResponse } from '../http/message.ts'
import { problem } from '../http/problem.ts'
import { receiptDocument, taken } from '../purge/answer.ts'
import { readOrder } from '../purge/order.ts'
import type { Purges } from '../purge/carry.ts'
import { Wait, type Purger } from '../purge/ports.ts'
import type { PurgeSettings } from '../purge/settings.ts'
import { jsonResponse, readText, type AdminRoute } from './route.ts'

export interface PurgeSource {
  readonly purge: Purger
  /** @returns undefined for a purge that this edge does not hold */
  readonly status: Purges['status']
  readonly settings: PurgeSettings
}

export function purgeRoutes (source: PurgeSource): AdminRoute[] {
  return [
    { method: 'POST', path: '/v1/purge', run: async ({ request }) => await order(source, request) },
    { method: 'GET', path: '/v1/purge/:id', run: async ({ request, params, query }) => await receipt(source, request, params.id ?? '', query) }
  ]
}

async function receipt ({ status, settings }: PurgeSource, request: EdgeRequest, id: string, query: URLSearchParams): Promise<EdgeResponse> {
  const [wait, timeoutMs] = [query.get('wait') ?? Wait.None, Number(query.get('timeoutMs') ?? 0)]
  if (!Object.values(Wait).includes(wait as Wait)) return problem(400, undefined, `wait is ${JSON.stringify(wait)}: expected ${Object.values(Wait).join(', ')}`)
  if (!Number.isInteger(timeoutMs) || timeoutMs < 0 || timeoutMs > settings.receiptWaitMaxMs) return problem(400, undefined, `timeoutMs is not in whole milliseconds up to ${settings.receiptWaitMaxMs}`)
  const which = parsePurgeId(id)
  if (which === undefined) return problem(400, undefined, 'this is no id of a purge: expected one as a receipt has it, PEER-INCARNATION-SEQUENCE')
  const known = await status(which, { wait: wait as Wait, timeoutMs }, request.signal)
  return known === undefined ? problem(404, undefined, 'this edge does not hold that purge, or not any more') : jsonResponse(200, receiptDocument(known))
}

async function order ({ purge, settings }: PurgeSource, request: EdgeRequest): Promise<EdgeResponse> {
  const type = fieldValue(request.fields, 'content-type')
  if (type?.split(';')[0]?.trim().toLowerCase() !== 'application/json') {
    return problem(415, undefined, `/v1/purge takes application/json, such as {"urls":["http://shop.example/a.css"]}, not ${type ?? 'a body without a Content-Type'}`)
  }
  const text = await readText(request.body, settings.orderBytesMax)
  if (text === undefined) return problem(413, undefined, `the order is larger than ${settings.orderBytesMax} bytes: send it in parts`)
  let document: unknown
  try {
    document = JSON.parse(text)
  } catch {
    return problem(400, undefined, 'the body is not JSON')
  }
  return await taken(async () => {
    const key = fieldValue(request.fields, 'idempotency-key')
    const given = isMap(document) && key !== undefined ? { idempotencyKey: key, ...document } : document
    return await purge(readOrder(given, settings), request.signal)
  })
}
