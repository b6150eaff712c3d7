/**
 * `GET /v1/explain?url=URL&header=Name: value`: where content is and what a request for it would do, for the
 * `colony explain` command and for scripts. What cannot be explained is a problem document: 400 for a URL that is none, 404
 * where no site answers for it.
 */
import { ExplainError } from '../explain/subject.ts'
import type { Explainer } from '../explain/explain.ts'
import { problem } from '../http/problem.ts'
import { jsonResponse, type AdminRoute } from './route.ts'

export function explainRoutes (explainer: Pick<Explainer, 'explain'>): AdminRoute[] {
  return [{
    method: 'GET',
    path: '/v1/explain',
    run: async ({ request, query }) => {
      const [url, second] = query.getAll('url')
      if (url === undefined || second !== undefined) return problem(400, undefined, 'one URL can be explained at a time: ask for /v1/explain?url=URL, percent-encoded')
      try {
        return jsonResponse(200, await explainer.explain(url, query.getAll('header'), request.signal))
      } catch (error) {
        if (!(error instanceof ExplainError)) throw error
        return problem(error.code === 'COLONY_EXPLAIN_SITE' ? 404 : 400, undefined, error.message)
      }
    }
  }]
}
