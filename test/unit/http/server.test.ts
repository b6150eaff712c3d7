/** The front's requests, lifecycle and defences, over real sockets (daemon/http/server.ts, incoming.ts). */
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { describe, expect, it } from 'vitest'
import { systemClock } from '../../../daemon/clock.ts'
import type { EdgeRequest, Handler } from '../../../daemon/http/message.ts'
import { HttpServer, httpServerDefaults } from '../../../daemon/http/server.ts'
import { traceId } from '../../../daemon/http/trace.ts'
import { front, ok, RawClient, until } from './raw-client.ts'

const hello: Handler = async () => ok('hello')
const status = (received: string): number => Number(received.slice(9, 12))

/** Sends one request and gives what the handler saw, or what the client got instead. */
async function seen (text: string): Promise<{ request: EdgeRequest | undefined, received: string }> {
  let request: EdgeRequest | undefined
  const { port } = await front(async (each) => {
    request = each
    return ok('')
  })
  const client = new RawClient(port).send(text)
  await until(() => client.received.includes('\r\n\r\n'), 'a response')
  return { request, received: client.received }
}

describe('a request', () => {
  it('arrives with names in lower case, repeated fields apart, and a trace', async () => {
    const { request } = await seen('GET /a?b=C HTTP/1.1\r\nHost: Example.com:81\r\nX-A: 1\r\nx-a: 2\r\ntraceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\r\n\r\n')
    expect(request).toMatchObject({ method: 'GET', target: '/a?b=C', host: 'example.com:81', body: undefined })
    expect(request?.fields.filter(([name]) => name === 'x-a')).toEqual([['x-a', '1'], ['x-a', '2']])
    expect(traceId(request?.traceparent ?? '')).toBe('4bf92f3577b34da6a3ce929d0e0e4736')
  })

  it('in absolute-form goes by the host in its target (RFC 9112 section 3.2.2)', async () => {
    const { request } = await seen('GET HTTP://Site:8080?q HTTP/1.1\r\nHost: other\r\n\r\n')
    expect(request).toMatchObject({ target: '/?q', host: 'site:8080' })
    expect(request?.fields).toContainEqual(['host', 'Site:8080'])
    expect(request?.fields).not.toContainEqual(['host', 'other'])
  })

  it('of HTTP/1.0 may lack Host, and OPTIONS may ask for *', async () => {
    expect((await seen('GET / HTTP/1.0\r\n\r\n')).request?.host).toBe('')
    expect((await seen('OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n')).request?.target).toBe('*')
  })

  it('offering h2c is served in HTTP/1.1 (RFC 9110 section 7.8)', async () => {
    expect((await seen('GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n\r\n')).request?.target).toBe('/')
  })

  it.each([
    ['no Host', 400, 'GET / HTTP/1.1\r\n\r\n'],
    ['two Hosts', 400, 'GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n'],
    ['a Host that is none', 400, 'GET / HTTP/1.1\r\nHost: a/b\r\n\r\n'],
    ['user information in its target', 400, 'GET http://me@a/ HTTP/1.1\r\nHost: a\r\n\r\n'],
    ['a target of another scheme', 400, 'GET ftp://a/ HTTP/1.1\r\nHost: a\r\n\r\n'],
    ['* for GET', 400, 'GET * HTTP/1.1\r\nHost: a\r\n\r\n'],
    ['two framings', 400, 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n'],
    ['no HTTP at all', 400, '\x16\x03\x01 hello\r\n\r\n'],
    ['a tunnel in mind', 501, 'CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n'],
    ['an upgrade in mind', 501, 'GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n']
  ])('with %s is answered with a problem, and the connection ends', async (_name, expected, text) => {
    const { port } = await front(hello, { lingerMs: 50 })
    const received = await new RawClient(port).send(text).end()
    expect(status(received)).toBe(expected)
    expect(received).toContain('application/problem+json')
    const [, document = ''] = received.split('\r\n\r\n')
    expect(JSON.parse(document)).toMatchObject({ status: expected, detail: expect.stringMatching(/\.$/) })
  })

  it.each([
    ['too many fields', Array.from({ length: 20 }, (_, at) => `x-${at}: 1\r\n`).join('')],
    ['one field more than allowed', Array.from({ length: 10 }, (_, at) => `x-${at}: 1\r\n`).join('')],
    ['too many bytes of fields', `x: ${'a'.repeat(500_000)}\r\n`]
  ])('with %s is answered 431', async (_name, fields) => {
    const { port } = await front(hello, { headersCountMax: 10, headersBytesMax: 2048, lingerMs: 50 })
    expect(status(await new RawClient(port).send(`GET / HTTP/1.1\r\nHost: a\r\n${fields}\r\n`).end())).toBe(431)
  })

  it('with just the allowed number of fields is served', async () => {
    const { port } = await front(hello, { headersCountMax: 10 })
    const fields = Array.from({ length: 8 }, (_, at) => `x-${at}: 1\r\n`).join('')
    expect(status(await new RawClient(port).send(`GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n${fields}\r\n`).end())).toBe(200)
  })

  it('whose fields come too slowly is answered 408', async () => {
    const { port } = await front(hello, { headersTimeoutMs: 30, timeoutCheckIntervalMs: 10, lingerMs: 50 })
    expect(status(await new RawClient(port).send('GET / HTTP/1.1\r\nHost').end())).toBe(408)
  })

  it('has a body that streams to the handler, which may leave it unread', async () => {
    const { url } = await front(async ({ body, target }) => {
      if (target === '/unread') {
        for await (const _first of body ?? []) break
        return ok('early')
      }
      return ok(Buffer.concat(await Array.fromAsync(body ?? [])).toString())
    })
    expect(await (await fetch(url, { method: 'POST', body: 'abc' })).text()).toBe('abc')
    expect(await (await fetch(`${url}/unread`, { method: 'POST', body: 'a'.repeat(100_000) })).text()).toBe('early')
  })

  const upload = (length: number): string => `POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${length}\r\n\r\n`
  const readsLittle: Handler = async ({ body }) => {
    for await (const _first of body ?? []) break
    return ok('early')
  }

  it('that is answered before its body was read leaves the connection fit for another', async () => {
    const { port } = await front(readsLittle)
    const text = upload(1_000_000) + 'a'.repeat(1_000_000) + 'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n'
    expect((await new RawClient(port).send(text).end()).match(/early/g)).toHaveLength(2)
  })

  it('that never ends is cut a while after its answer', async () => {
    const { port } = await front(readsLittle, { lingerMs: 30 })
    expect(await new RawClient(port).send(upload(1_000_000) + 'a').end()).toMatch(/early$/)
  })

  it('that follows others on one connection is answered in its turn', async () => {
    const { port } = await front(async ({ target }) => {
      if (target === '/1') await new Promise((resolve) => { setImmediate(resolve) })
      return ok(`<${target}>`)
    })
    const get = (path: string, last = ''): string => `GET ${path} HTTP/1.1\r\nHost: a\r\n${last}\r\n`
    const received = await new RawClient(port).send(get('/1') + get('/2') + get('/3', 'Connection: close\r\n')).end()
    expect(received.match(/<[^>]*>/g)).toEqual(['</1>', '</2>', '</3>'])
  })
})

describe('a handler that throws', () => {
  it('is answered 500 and logged once, with the trace', async () => {
    const { url, log } = await front(async () => { throw new Error('secret detail') })
    const response = await fetch(`${url}/x`, { headers: { traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01' } })
    expect(response.status).toBe(500)
    expect(response.headers.get('content-type')).toBe('application/problem+json')
    expect(await response.text()).not.toContain('secret')
    expect(log).toHaveLength(1)
    expect(log[0]).toMatchObject({ level: 'error', fields: { target: '/x', traceId: '4bf92f3577b34da6a3ce929d0e0e4736' } })
  })

  it('because its client left is not logged', async () => {
    let aborted = false
    const { port, log } = await front(async ({ signal }) => await new Promise((_resolve, reject) => {
      signal.addEventListener('abort', () => {
        aborted = true
        reject(signal.reason as Error)
      })
    }))
    const client = new RawClient(port).send('GET /1 HTTP/1.1\r\nHost: a\r\n\r\n')
    await until(() => client.socket.bytesWritten > 0, 'the request to be sent')
    client.socket.end()
    await until(() => aborted, 'the signal')
    await client.end()
    expect(log).toEqual([])
  })

  it('tells every request of a connection when its client leaves, those that wait their turn too', async () => {
    const waiting: EdgeRequest[] = []
    const { port } = await front(async (request) => {
      waiting.push(request)
      return await new Promise(() => {})
    })
    const client = new RawClient(port).send('GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n')
    await until(() => waiting.length === 2, 'both requests')
    client.socket.destroy()
    await until(() => waiting.every(({ signal }) => signal.aborted), 'both signals')
  })
})

describe('starting', () => {
  it('fails in one sentence when the port is in use', async () => {
    const holder = createServer()
    await new Promise<void>((resolve) => { holder.listen(0, '127.0.0.1', resolve) })
    const { port } = holder.address() as AddressInfo
    const init = { settings: httpServerDefaults, clock: systemClock, handler: hello, logger: { warn: () => {}, error: () => {} } }
    await expect(new HttpServer({ ...init, host: '127.0.0.1', port }).start()).rejects.toMatchObject({
      code: 'COLONY_HTTP_LISTEN',
      message: `cannot listen for HTTP on 127.0.0.1:${port}: the port is in use; stop the program that holds it or choose another port`
    })
    await expect(new HttpServer({ ...init, host: '192.0.2.1', port: 0 }).start()).rejects.toMatchObject({
      code: 'COLONY_HTTP_LISTEN', message: expect.stringContaining('no such address')
    })
    await new Promise((resolve) => { holder.close(resolve) })
  })
})

describe('stopping', () => {
  const get = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'

  it('closes connections without a whole request, lets a running response finish, and ends its connection', async () => {
    const finish = Promise.withResolvers<void>()
    let running = false
    const { server, port } = await front(async ({ target }) => {
      if (target === '/slow') {
        running = true
        await finish.promise
      }
      return ok('done')
    })
    const half = new RawClient(port).send('GET / HTTP/1.1\r\nHost')
    const idle = new RawClient(port).send(get)
    const busy = new RawClient(port).send('GET /slow HTTP/1.1\r\nHost: a\r\n\r\n')
    await until(() => idle.received.endsWith('done') && running, 'one idle and one busy connection')
    const stopped = server.stop({ graceMs: 10_000 })
    await Promise.all([idle.end(), half.end()])
    expect(busy.ended).toBe(false)
    await expect(fetch(`http://127.0.0.1:${port}`)).rejects.toThrow()
    finish.resolve()
    expect(await busy.end()).toMatch(/connection: close[^]*done$/)
    await stopped
    await server.stop()
  })

  it('ends a connection whose response had begun before', async () => {
    const more = Promise.withResolvers<void>()
    const { server, port } = await front(async () => ok('', {
      length: undefined,
      body: (async function * () {
        yield Buffer.from('first')
        await more.promise
        yield Buffer.from('last')
      })()
    }))
    const client = new RawClient(port).send(get)
    await until(() => client.received.includes('first'), 'the first part')
    const stopped = server.stop({ graceMs: 10_000 })
    more.resolve()
    expect(await client.end()).toMatch(/last\r\n0\r\n\r\n$/)
    await stopped
  })

  it('cuts what still runs when the grace is over, and tells the handler', async () => {
    let running: EdgeRequest | undefined
    const { server, port } = await front(async (request) => {
      running = request
      return await new Promise(() => {})
    })
    const client = new RawClient(port).send(get)
    await until(() => running !== undefined, 'the request')
    await Promise.all([server.stop({ graceMs: 20 }), server.stop()])
    await client.end()
    expect(running?.signal.aborted).toBe(true)
  })
})
