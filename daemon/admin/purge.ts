/**
 * `POST /v1/purge`: an order in JSON (daemon/purge/order.ts), its receipt out. The order may also bear its idempotency key as the field
 * of that name. Refusals: 400 with a sentence for what is wrong with it, 413 for its length, 429 with Retry-After for too many.
 */
import { fieldValue } from '../../protocols/fields.ts'
import type { EdgeRequest, EdgeResponse } from '../http/message.ts'
import { problem } from '../http/problem.ts'
import { taken } from '../purge/answer.ts'
import { readOrder } from '../purge/order.ts'
import type { Purger } from '../purge/ports.ts'
import type { PurgeSettings } from '../purge/settings.ts'
import type { AdminRoute } from './route.ts'

export interface PurgeSource {
  readonly purge: Purger
  readonly settings: PurgeSettings
}

export function purgeRoutes (source: PurgeSource): AdminRoute[] {
  return [{ method: 'POST', path: '/v1/purge', run: async ({ request }) => await order(source, request) }]
}

async function order ({ purge, settings }: PurgeSource, request: EdgeRequest): Promise<EdgeResponse> {
  const type = fieldValue(request.fields, 'content-type')
  if (type?.split(';')[0]?.trim().toLowerCase() !== 'application/json') {
    return problem(415, undefined, `/v1/purge takes application/json, such as {"urls":["http://shop.example/a.css"]}, not ${type ?? 'a body without a Content-Type'}`)
  }
  const text = await readText(request, settings.orderBytesMax)
  if (text === undefined) return problem(413, undefined, `the order is larger than ${settings.orderBytesMax} bytes: send it in parts`)
  let document: unknown
  try {
    document = JSON.parse(text)
  } catch {
    return problem(400, undefined, 'the body is not JSON')
  }
  return await taken(async () => {
    const given = readOrder(document, settings)
    const key = given.idempotencyKey ?? fieldValue(request.fields, 'idempotency-key')
    return await purge(key === undefined ? given : { ...given, idempotencyKey: key.slice(0, 200) }, request.signal)
  })
}

/** @returns undefined when it is longer */
async function readText ({ body }: EdgeRequest, bytesMax: number): Promise<string | undefined> {
  const chunks: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of body ?? []) {
    bytes += chunk.byteLength
    if (bytes > bytesMax) return undefined
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString()
}
