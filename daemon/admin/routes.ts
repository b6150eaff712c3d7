/**
 * The admin listener: what the edge says of itself, for people, scripts and Prometheus. Read only.
 * Errors are problem documents (RFC 9457).
 */
import type { EdgeRequest, EdgeResponse, Handler } from '../http/message.ts'
import { problem } from '../http/problem.ts'
import type { EdgeStatus, PeerStatus } from './status.ts'

export interface AdminSource {
  status: () => EdgeStatus
  peers: () => readonly PeerStatus[]
  metrics: () => Promise<{ type: string, text: string }>
}

type Route = () => EdgeResponse | Promise<EdgeResponse>

export function createAdminHandler (source: AdminSource): Handler {
  const routes = new Map<string, Route>([
    ['/healthz', () => document(200, { status: 'ok' })],
    ['/readyz', () => {
      const { ready, waiting } = source.status()
      return document(ready ? 200 : 503, { status: ready ? 'ready' : 'waiting', waiting })
    }],
    ['/metrics', async () => {
      const { type, text } = await source.metrics()
      return response(200, type, text)
    }],
    ['/v1/status', () => document(200, source.status())],
    ['/v1/peers', () => document(200, source.peers())]
  ])
  return async (request) => await answer(request, routes)
}

async function answer (request: EdgeRequest, routes: ReadonlyMap<string, Route>): Promise<EdgeResponse> {
  const path = request.target.replace(/\?.*$/, '')
  const route = routes.get(path)
  if (route === undefined) {
    return problem(404, undefined, `there is no ${path}: try one of ${[...routes.keys()].join(', ')}`)
  }
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    const refused = problem(405, undefined, `${path} answers to GET and HEAD, not ${request.method}`)
    return { ...refused, fields: [...refused.fields, ['allow', 'GET, HEAD']] }
  }
  return await route()
}

function document (status: number, body: unknown): EdgeResponse {
  return response(status, 'application/json', `${JSON.stringify(body)}\n`)
}

function response (status: number, type: string, text: string): EdgeResponse {
  const bytes = new TextEncoder().encode(text)
  return {
    status,
    fields: [['content-type', type], ['cache-control', 'no-store']],
    length: bytes.byteLength,
    body: (async function * () { yield bytes })()
  }
}
