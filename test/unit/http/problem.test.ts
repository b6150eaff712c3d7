/** Problem documents (daemon/http/problem.ts; RFC 9457). */
import { expect, it } from 'vitest'
import { problem, rawProblem } from '../../../daemon/http/problem.ts'

it('a problem is JSON of its own media type, of known length, never stored', async () => {
  const response = problem(504, undefined, 'No origin answered.', { origin: 'http://o', status: 1 })
  const bytes = Buffer.concat(await Array.fromAsync(response.body ?? []))
  expect(bytes.byteLength).toBe(response.length)
  expect(JSON.parse(bytes.toString())).toEqual({ origin: 'http://o', title: 'Gateway Timeout', status: 504, detail: 'No origin answered.' })
  expect(response.fields).toEqual([['content-type', 'application/problem+json'], ['cache-control', 'no-store']])
})

it('a raw problem is a whole response that ends its connection', () => {
  const [head = '', body = ''] = rawProblem(400, 'Bäd.', 0).toString().split('\r\n\r\n')
  expect(head.split('\r\n')).toEqual([
    'HTTP/1.1 400 Bad Request', 'content-type: application/problem+json', 'cache-control: no-store',
    'date: Thu, 01 Jan 1970 00:00:00 GMT', `content-length: ${Buffer.byteLength(body)}`, 'connection: close'
  ])
})
