/**
 * The lab's origin, in a namespace of its own: content that follows from its address (content.ts), with a
 * strong validator, so that a copy may be revalidated (RFC 9110 section 13). Counts what it was asked at
 * `/counters`. Argument: HOST:PORT. Prints `ready http=URL`.
 */
import { createHash } from 'node:crypto'
import { createServer } from 'node:http'
import { evaluate, notModifiedFields } from '../../daemon/http/conditional.ts'
import { type Field, fieldsFromRaw } from '../../protocols/fields.ts'
import { contentOf } from './content.ts'

const [host, port] = (process.argv[2] ?? '127.0.0.1:0').split(':')
const counters = { requests: 0, bytes: 0 }

const server = createServer((request, response) => {
  if (request.url === '/counters') {
    response.writeHead(200, { 'content-type': 'application/json', 'cache-control': 'no-store' }).end(`${JSON.stringify(counters)}\n`)
    return
  }
  counters.requests++
  const content = request.method === 'GET' || request.method === 'HEAD' ? contentOf(request.url ?? '') : undefined
  if (content === undefined) {
    response.writeHead(404, { 'content-type': 'text/plain', 'cache-control': 'no-store' }).end('expected GET /BYTES/SECONDS/NAME\n')
    return
  }
  const { bytes, maxAgeSeconds } = content
  const fields: Field[] = [
    ['content-type', 'application/octet-stream'],
    ['etag', `"${createHash('sha256').update(bytes).digest('base64url').slice(0, 22)}"`],
    ['cache-control', `public, max-age=${maxAgeSeconds}`]
  ]
  if (evaluate(fieldsFromRaw(request.rawHeaders), { status: 200, fields }) === 'not-modified') {
    response.writeHead(304, notModifiedFields(fields).flat()).end()
    return
  }
  counters.bytes += request.method === 'GET' ? bytes.length : 0
  response.writeHead(200, [...fields, ['content-length', String(bytes.length)]].flat()).end(request.method === 'GET' ? bytes : undefined)
})

server.listen({ host, port: Number(port) }, () => {
  const address = server.address() as { address: string, port: number }
  process.stdout.write(`ready http=http://${address.address}:${address.port}\n`)
})
