import { createHash } from 'node:crypto'
import { getEventListeners } from 'node:events'
import { gzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { answer, failure, get, httpOrigin, originAt, rawOrigin, text, traceparent, until } from './support.ts'

async function * pieces (...parts: string[]): AsyncGenerator<Uint8Array> {
  for (const part of parts) yield Buffer.from(part)
}

describe('an exchange with an origin', () => {
  it('sends the request as given, with the origin as Host and the trace', async () => {
    const server = await rawOrigin(socket => { socket.write(answer('hello')) })
    const { origin } = originAt(server.url)
    const response = await origin.request(get('/a%2Fb?q=1&q=2', { fields: [['host', 'client.example'], ['accept-encoding', 'gzip'], ['x-a', '1'], ['x-a', '2']] }))
    expect(await text(response)).toBe('hello')
    const lines = (server.requests[0] ?? '').split('\r\n')
    expect(lines[0]).toBe('GET /a%2Fb?q=1&q=2 HTTP/1.1')
    expect(lines).toEqual(expect.arrayContaining([`host: 127.0.0.1:${server.port}`, 'accept-encoding: gzip', 'x-a: 1', 'x-a: 2', `traceparent: ${traceparent}`]))
    expect(server.requests[0]).not.toContain('client.example')
  })

  it('sends the Host that it is given, and puts the base path before the target', async () => {
    const server = await rawOrigin(socket => { socket.write(answer('hello')) })
    const { origin } = originAt(`${server.url}/base/`)
    expect(origin.url).toBe(`${server.url}/base`)
    await text(await origin.request(get('/x', { host: 'www.example' })))
    expect(server.requests[0]).toMatch(/^GET \/base\/x HTTP\/1\.1\r\n/)
    expect(server.requests[0]).toMatch(/\r\nhost: www\.example\r\n/)
  })

  it('gives status, times and end-to-end fields, repeated ones apart', async () => {
    const { url } = await rawOrigin(socket => {
      clock.move(40)
      socket.write(answer('x', 'Set-Cookie: a=1', 'Set-Cookie: b=2', 'Keep-Alive: timeout=5', 'X-Hop: 1', 'Connection: keep-alive, x-hop', 'ETag: "v"'))
    })
    const { origin, clock } = originAt(url)
    const startMs = clock.wallMs()
    const response = await origin.request(get())
    expect(response.status).toBe(200)
    expect(response.fields).toEqual([['content-length', '1'], ['set-cookie', 'a=1'], ['set-cookie', 'b=2'], ['etag', '"v"']])
    expect([response.requestedAtMs, response.receivedAtMs, response.ttfbMs]).toEqual([startMs, startMs + 40, 40])
  })

  it('decodes nothing and follows no redirect', async () => {
    const coded = gzipSync('hello')
    const { url } = await httpOrigin((request, response) => {
      response.writeHead(302, { location: '/elsewhere', 'content-encoding': 'gzip' }).end(coded)
    })
    const { origin } = originAt(url)
    const response = await origin.request(get())
    expect(response.status).toBe(302)
    expect(Buffer.from(await text(response), 'latin1')).toEqual(coded)
  })

  it('reads chunked bodies and those that the close of the connection ends', async () => {
    const { url } = await rawOrigin((socket, number) => {
      if (number === 0) socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\nX-Trailer: 1\r\n\r\n')
      else socket.end('HTTP/1.1 200 OK\r\n\r\nabcde')
    })
    const { origin } = originAt(url)
    expect(await text(await origin.request(get()))).toBe('abcde')
    expect(await text(await origin.request(get()))).toBe('abcde')
  })

  it('skips interim answers (RFC 9110 section 15.2)', async () => {
    const { url } = await rawOrigin(socket => { socket.write(`HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n${answer('hello')}`) })
    const { origin } = originAt(url)
    const response = await origin.request(get())
    expect([response.status, response.fields, await text(response)]).toEqual([200, [['content-length', '5']], 'hello'])
  })

  it('reads no body after HEAD, 204 and 304, whatever they announce, and needs no reader to be done', async () => {
    const { url } = await rawOrigin((socket, number) => {
      socket.write(`HTTP/1.1 ${[200, 204, 304][number]} X\r\n${number === 1 ? '' : 'Content-Length: 5\r\n'}ETag: "v"\r\n\r\n`)
    })
    const { origin } = originAt(url)
    for (const [method, status] of [['HEAD', 200], ['GET', 204], ['GET', 304]] as const) {
      const response = await origin.request(get('/', { method }))
      expect(response.status).toBe(status)
      await until(() => origin.state().inFlight === 0)
      expect(await text(response)).toBe('')
    }
  })

  it('keeps stray bytes after a 304 or a HEAD from the next answer', async () => {
    const { url } = await rawOrigin((socket, number) => {
      if (number === 2) socket.write(answer('right'))
      else socket.write(`HTTP/1.1 ${number === 0 ? 304 : 200} X\r\nContent-Length: 46\r\n\r\n${answer('wrong')}`)
    })
    const { origin } = originAt(url)
    await text(await origin.request(get()))
    await text(await origin.request(get('/', { method: 'HEAD' })))
    expect(await text(await origin.request(get()))).toBe('right')
  })

  it('uses a connection again, and leaves no timer or listener behind', async () => {
    const server = await rawOrigin(socket => { socket.write(answer('hello')) })
    const { origin, clock } = originAt(server.url)
    const { signal } = new AbortController()
    for (let n = 0; n < 5; n++) await text(await origin.request(get('/', { signal })))
    expect(server.sockets).toHaveLength(1)
    expect(getEventListeners(signal, 'abort')).toHaveLength(0)
    expect(clock.timers).toBe(0)
  })

  it('sends a body as it comes, with its length or chunked', async () => {
    const received: string[] = []
    const { url } = await httpOrigin((request, response) => {
      let body = ''
      request.on('data', (data: Buffer) => { body += data.toString() })
      request.on('end', () => {
        received.push(`${request.method} ${request.headers['content-length'] ?? request.headers['transfer-encoding']} ${body}`)
        response.end('thanks')
      })
    })
    const { origin } = originAt(url)
    expect(await text(await origin.request(get('/', { method: 'PUT', body: pieces('ab', 'cde'), fields: [['content-length', '5']] })))).toBe('thanks')
    expect(await text(await origin.request(get('/', { method: 'POST', body: pieces('ab', 'cde') })))).toBe('thanks')
    expect(await text(await origin.request(get('/', { method: 'POST', fields: [['content-length', '5']] })))).toBe('thanks')
    expect(received).toEqual(['PUT 5 abcde', 'POST chunked abcde', 'POST 0 '])
  })

  it('ends a request whose body fails or differs from its length, without blaming the origin', async () => {
    const { url } = await httpOrigin((request, response) => { request.resume().on('end', () => { response.end() }) })
    const { origin } = originAt(url, { breakerFailures: 1 })
    async function * failing (): AsyncGenerator<Uint8Array> {
      yield Buffer.from('a')
      throw new Error('client reset')
    }
    expect(await failure(origin.request(get('/', { method: 'PUT', body: failing() })))).toMatchObject({ code: 'COLONY_ORIGIN_ABORTED' })
    expect(await failure(origin.request(get('/', { method: 'PUT', body: pieces('abc'), fields: [['content-length', '2']] })))).toMatchObject({ code: 'COLONY_ORIGIN_ABORTED' })
    expect(origin.state()).toEqual({ breaker: 'closed', inFlight: 0, queued: 0, sent: 2 })
  })

  it('frees connection and place when the reader leaves early', async () => {
    const server = await rawOrigin(socket => { socket.write('HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\nabc') })
    const { origin, events } = originAt(server.url)
    const response = await origin.request(get())
    expect(origin.state().inFlight).toBe(1)
    for await (const _chunk of response.body) break
    await until(() => origin.state().inFlight === 0 && server.sockets[0]?.destroyed === true)
    expect(events).toEqual([expect.objectContaining({ kind: 'answered' }), { kind: 'received', origin: origin.url, bytes: 3 }])
  })

  it('lets the reader set the pace: a fast origin of 200 MB is held back', async () => {
    const block = Buffer.alloc(1024 * 1024, 'colony')
    const blocks = 200
    let sent = 0
    let blocked = false
    const { url } = await httpOrigin((request, response) => {
      response.writeHead(200, { 'content-length': blocks * block.length })
      const send = (): void => {
        blocked = false
        while (sent < blocks) {
          sent++
          if (!response.write(block)) {
            blocked = true
            response.once('drain', send)
            return
          }
        }
        response.end()
      }
      send()
    })
    const { origin } = originAt(url)
    const response = await origin.request(get())
    const hash = createHash('sha256')
    let bytes = 0
    let aheadMax = 0
    for await (const chunk of response.body) {
      // A reader that pauses from time to time, until the origin is stuck or has sent everything.
      if (bytes < 8 * 64 * 1024) {
        for (let idle = 0, last = sent; idle < 50 && sent < blocks; idle++) {
          await new Promise(resolve => { setImmediate(resolve) })
          if (last !== sent || !blocked) idle = 0
          last = sent
        }
      }
      aheadMax = Math.max(aheadMax, sent * block.length - bytes)
      bytes += chunk.byteLength
      hash.update(chunk)
    }
    expect(bytes).toBe(blocks * block.length)
    expect(hash.digest('hex')).toBe(createHash('sha256').update(Buffer.alloc(blocks * block.length, block)).digest('hex'))
    // The kernel's socket buffers hold several MiB on loopback; ours 128 KiB.
    expect(aheadMax).toBeLessThan(24 * 1024 * 1024)
  })
})
