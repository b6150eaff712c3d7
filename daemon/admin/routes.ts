/**
 * The admin listener: what the edge says of itself, for people, scripts and Prometheus, and what it can be
 * told to do. Errors are problem documents (RFC 9457).
 */
import { hasField } from '../../protocols/fields.ts'
import type { EdgeResponse, Handler } from '../http/message.ts'
import { problem } from '../http/problem.ts'
import { jsonResponse, matchPath, textResponse, type AdminRoute } from './route.ts'
import type { EdgeStatus, PeerStatus } from './status.ts'

export interface AdminSource {
  status: () => EdgeStatus
  peers: () => readonly PeerStatus[]
  metrics: () => Promise<{ type: string, text: string }>
}

export function statusRoutes (source: AdminSource): AdminRoute[] {
  return [
    { method: 'GET', path: '/healthz', run: () => jsonResponse(200, { status: 'ok' }) },
    {
      method: 'GET',
      path: '/readyz',
      run: () => {
        const { ready, waiting } = source.status()
        return jsonResponse(ready ? 200 : 503, { status: ready ? 'ready' : 'waiting', waiting })
      }
    },
    {
      method: 'GET',
      path: '/metrics',
      run: async () => {
        const { type, text } = await source.metrics()
        return textResponse(200, type, text)
      }
    },
    { method: 'GET', path: '/v1/status', run: () => jsonResponse(200, source.status()) },
    { method: 'GET', path: '/v1/peers', run: () => jsonResponse(200, source.peers()) }
  ]
}

/** Answers a request by the route that fits; HEAD goes where GET does. */
export function createAdminHandler (routes: readonly AdminRoute[]): Handler {
  return async (request) => {
    const [path = '', query = ''] = split(request.target)
    const fitting = routes.flatMap((route) => {
      const params = matchPath(route.path, path)
      return params === undefined ? [] : [{ route, params }]
    })
    if (fitting.length === 0) return problem(404, undefined, `there is no ${path}: try one of ${[...new Set(routes.map((route) => route.path))].join(', ')}`)
    const method = request.method === 'HEAD' ? 'GET' : request.method
    const found = fitting.find(({ route }) => route.method === method)
    if (found === undefined) return methodProblem(path, request.method, fitting.map(({ route }) => route.method))
    // A page in the operator's browser can reach loopback, too: nothing that changes something is taken from one.
    if (method !== 'GET' && hasField(request.fields, 'origin')) return problem(403, undefined, `${path} takes ${method} from programs only, not from a web page (Origin is set)`)
    return await found.route.run({ request, params: found.params, query: new URLSearchParams(query) })
  }
}

function methodProblem (path: string, method: string, methods: readonly string[]): EdgeResponse {
  const allowed = methods.flatMap((each) => each === 'GET' ? ['GET', 'HEAD'] : [each])
  const refused = problem(405, undefined, `${path} answers to ${allowed.join(' and ')}, not ${method}`)
  return { ...refused, fields: [...refused.fields, ['allow', allowed.join(', ')]] }
}

function split (target: string): [string, string] {
  const at = target.indexOf('?')
  return at === -1 ? [target, ''] : [target.slice(0, at), target.slice(at + 1)]
}
