/** Origins that answer wrongly, partly or never: each ends in one clear error, and nothing is whole that is not. */
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { createServer } from 'node:net'
import { describe, expect, it, onTestFinished } from 'vitest'
import { messageOf } from '../../../protocols/errors.ts'
import { answer, closedPort, failure, get, originAt, rawOrigin, text, until } from './support.ts'

const ok = 'HTTP/1.1 200 OK\r\n'

/** What comes of one GET to an origin that writes `bytes`, then does `then` with the connection. */
async function outcome (bytes: string, then: 'end' | 'reset' | 'stay'): Promise<{ body: string, error: unknown }> {
  const { url } = await rawOrigin(socket => {
    socket.write(bytes, 'latin1', () => {
      if (then === 'end') socket.end()
    })
  })
  const { origin } = originAt(url, { headersMax: 100, headersBytesMax: 4_096 })
  let body = ''
  try {
    const response = await origin.request(get())
    for await (const chunk of response.body) {
      body += Buffer.from(chunk).toString('latin1')
    }
    return { body, error: undefined }
  } catch (error) {
    return { body, error }
  } finally {
    await until(() => origin.state().inFlight === 0)
  }
}

describe('an origin that cannot be reached', () => {
  it('is told from others when it refuses the connection', async () => {
    const port = await closedPort()
    const { origin } = originAt(`http://127.0.0.1:${port}`)
    const error = await failure(origin.request(get()))
    expect(error).toMatchObject({ code: 'COLONY_ORIGIN_UNREACHABLE', status: 502 })
    expect(error.message).toBe(`origin http://127.0.0.1:${port} refused the connection (ECONNREFUSED)`)
  })

  it('is told from others when its name does not resolve', async () => {
    const { origin } = originAt('http://origin.invalid')
    const error = await failure(origin.request(get()))
    expect(error).toMatchObject({ code: 'COLONY_ORIGIN_UNREACHABLE', status: 502 })
    expect(error.message).toContain('origin http://origin.invalid cannot be reached')
  })

  it('is given up when it accepts but the connection is not there in time', async () => {
    const server = await rawOrigin(() => {})
    const { origin } = originAt(`https://127.0.0.1:${server.port}`, { connectTimeoutMs: 50 })
    const error = await failure(origin.request(get()))
    expect(error).toMatchObject({ code: 'COLONY_ORIGIN_UNREACHABLE' })
    expect(error.message).toContain('gave no connection within 50 ms')
  })

  it('is asked by TLS for its own name, not for the Host that a client sent', async () => {
    let hello = Buffer.alloc(0)
    const server = createServer(socket => {
      socket.on('error', () => {})
      socket.on('data', (data: Buffer) => {
        hello = Buffer.concat([hello, data])
        socket.end('no TLS here')
      })
    })
    await new Promise<void>(resolve => { server.listen(0, '127.0.0.1', resolve) })
    onTestFinished(async () => { await new Promise(resolve => { server.close(resolve) }) })
    const address = server.address()
    const port = typeof address === 'object' && address !== null ? address.port : 0
    const { origin } = originAt(`https://localhost:${port}`)
    expect(await failure(origin.request(get('/', { host: 'www.example' })))).toMatchObject({ code: 'COLONY_ORIGIN_UNREACHABLE' })
    expect(hello.includes('localhost')).toBe(true)
    expect(hello.includes('www.example')).toBe(false)
  })
})

describe('an origin that falls silent', () => {
  it('is given up when no head comes in time', async () => {
    const server = await rawOrigin(() => {})
    const { origin, clock } = originAt(server.url)
    const failed = failure(origin.request(get()))
    await until(() => server.requests.length === 1)
    clock.move(29_999)
    expect(origin.state().inFlight).toBe(1)
    clock.move(1)
    expect(await failed).toMatchObject({ code: 'COLONY_ORIGIN_TIMEOUT', status: 504, message: `origin ${server.url} sent no answer within 30000 ms` })
    await until(() => server.sockets[0]?.destroyed === true)
  })

  it('does not gain time by interim answers', async () => {
    let seen = 0
    const onHead = (): void => { seen++ }
    subscribe('undici:request:headers', onHead)
    onTestFinished(() => { unsubscribe('undici:request:headers', onHead) })
    const server = await rawOrigin(socket => { socket.write('HTTP/1.1 102 Processing\r\n\r\n') })
    const { origin, clock } = originAt(server.url)
    const failed = failure(origin.request(get()))
    await until(() => seen === 1)
    clock.move(20_000)
    server.sockets[0]?.write('HTTP/1.1 102 Processing\r\n\r\n')
    await until(() => seen === 2)
    clock.move(10_000)
    expect(await failed).toMatchObject({ code: 'COLONY_ORIGIN_TIMEOUT' })
  })

  it('is given up in mid-body, after the bytes that came', async () => {
    const { url } = await rawOrigin(socket => { socket.write(`${ok}Content-Length: 10\r\n\r\nabc`) })
    const { origin, clock } = originAt(url)
    const reader = (await origin.request(get())).body[Symbol.asyncIterator]()
    expect(Buffer.from((await reader.next()).value ?? []).toString()).toBe('abc')
    const failed = failure(reader.next())
    clock.move(30_000)
    expect(await failed).toMatchObject({ code: 'COLONY_ORIGIN_TIMEOUT', status: 504, message: expect.stringContaining('after 3 bytes') as string })
    expect(origin.state().inFlight).toBe(0)
  })

  it('is not blamed when it is the asker who sends no more of its body', async () => {
    const server = await rawOrigin(() => {})
    const { origin, clock } = originAt(server.url, { breakerFailures: 1 })
    async function * stalling (): AsyncGenerator<Uint8Array> {
      yield Buffer.from('a')
      await new Promise(() => {})
    }
    const failed = failure(origin.request(get('/', { method: 'PUT', body: stalling() })))
    await until(() => server.requests.length === 1)
    clock.move(30_000)
    expect(await failed).toMatchObject({ code: 'COLONY_ORIGIN_ABORTED' })
    expect(origin.state().breaker).toBe('closed')
  })
})

describe('an answer that is cut short', () => {
  it.each([
    ['before its Content-Length', `${ok}Content-Length: 10\r\n\r\nhello`],
    ['before its Content-Length, on a connection that closes', `${ok}Connection: close\r\nContent-Length: 10\r\n\r\nhello`],
    ['before the last chunk', `${ok}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n`],
    ['within a chunk, on a connection that closes', `${ok}Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nhello`]
  ])('is an error after its bytes: %s', async (_where, bytes) => {
    expect(await outcome(bytes, 'end')).toMatchObject({ body: 'hello', error: { code: 'COLONY_ORIGIN_BROKEN', status: 502 } })
  })

  it('is an error in the middle of the head', async () => {
    expect(await outcome(`${ok}Content-Le`, 'end')).toMatchObject({ error: { code: 'COLONY_ORIGIN_BROKEN' } })
  })

  it.each([
    ['with a length', 'Content-Length: 10\r\n'],
    ['chunked', 'Transfer-Encoding: chunked\r\n'],
    ['delimited by the close of the connection (RFC 9112 section 8)', '']
  ])('is an error when the connection is reset: %s', async (_how, field) => {
    const { url, sockets } = await rawOrigin(socket => { socket.write(`${ok}${field}\r\n${field.startsWith('Transfer') ? '5\r\nhello\r\n' : 'hello'}`) })
    const { origin } = originAt(url)
    const reader = (await origin.request(get())).body[Symbol.asyncIterator]()
    expect(Buffer.from((await reader.next()).value ?? []).toString()).toBe('hello')
    const failed = failure(reader.next())
    sockets[0]?.resetAndDestroy()
    expect(await failed).toMatchObject({ code: 'COLONY_ORIGIN_BROKEN' })
  })
})

describe('an answer that is too long', () => {
  it.each([
    ['on a connection that stays', ''],
    ['on a connection that closes', 'Connection: close\r\n']
  ])('is an error when it goes on after its Content-Length, %s', async (_how, field) => {
    const { body, error } = await outcome(`${ok}${field}Content-Length: 5\r\n\r\nhello world`, 'end')
    expect(body).toBe('hello')
    expect(error).toMatchObject({ code: 'COLONY_ORIGIN_BROKEN', message: expect.stringContaining('more than the 5 bytes') as string })
  })

  it('is an error at the end of a large body too', async () => {
    const { body, error } = await outcome(`${ok}Content-Length: 300000\r\n\r\n${'x'.repeat(300_010)}`, 'end')
    expect(body).toHaveLength(300_000)
    expect(error).toMatchObject({ code: 'COLONY_ORIGIN_BROKEN' })
  })

  it('never becomes the answer to the next request', async () => {
    const { url } = await rawOrigin((socket, number) => {
      socket.write(number === 0 ? answer('first') + answer('stray') : answer('second'))
    })
    const { origin } = originAt(url)
    await failure(text(await origin.request(get())))
    expect(await text(await origin.request(get()))).toBe('second')
  })
})

describe('an answer that is malformed', () => {
  it.each([
    ['garbage', 'SSH-2.0-OpenSSH_9.9\r\n'],
    ['another protocol version', 'HTTP/9.9 200 OK\r\n\r\n'],
    ['two different lengths', `${ok}Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello`],
    ['a length and chunks', `${ok}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n`],
    ['a length that is no number', `${ok}Content-Length: five\r\n\r\nhello`],
    ['a transfer coding that nobody asked for', `${ok}Transfer-Encoding: gzip, chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n`],
    ['a chunk size that is no number', `${ok}Transfer-Encoding: chunked\r\n\r\nzz\r\nhello\r\n0\r\n\r\n`],
    ['a switch of protocols', 'HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n'],
    ['a status below 100', 'HTTP/1.1 099 X\r\nContent-Length: 0\r\n\r\n'],
    ['many fields', `${ok}${'X: 1\r\n'.repeat(101)}Content-Length: 5\r\n\r\nhello`],
    ['huge fields', `${ok}X: ${'x'.repeat(5_000)}\r\nContent-Length: 5\r\n\r\nhello`],
    ['fields without end', `${ok}${'X: 12345678\r\n'.repeat(100_000)}`],
    ['trailers without end', `${ok}Transfer-Encoding: chunked\r\n\r\n0\r\n${'X: 12345678\r\n'.repeat(100_000)}`]
  ])('is an error of one sentence that names the origin: %s', async (_what, bytes) => {
    const { body, error } = await outcome(bytes, 'stay')
    expect(body).toBe('')
    expect(error).toMatchObject({ code: 'COLONY_ORIGIN_BROKEN', status: 502 })
    expect(messageOf(error)).toMatch(/^origin http:\/\/127\.0\.0\.1:\d+ [^\n]+$/)
  })

  it('does not open the breaker, as the origin can be reached', async () => {
    const { url } = await rawOrigin(socket => { socket.end('garbage\r\n') })
    const { origin } = originAt(url, { breakerFailures: 1 })
    await failure(origin.request(get()))
    expect(origin.state().breaker).toBe('closed')
  })
})

describe('a request that cannot be written', () => {
  it('is an error that does not open the breaker', async () => {
    const { url } = await rawOrigin(socket => { socket.write(answer('x')) })
    const { origin } = originAt(url, { breakerFailures: 1 })
    const error = await failure(origin.request(get('/', { fields: [['x-a', 'a\r\nb: c']] })))
    expect(error).toMatchObject({ code: 'COLONY_ORIGIN_BROKEN', unreachable: false })
    expect(await text(await origin.request(get()))).toBe('x')
  })
})
