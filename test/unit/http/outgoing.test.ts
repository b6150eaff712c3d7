/** How responses are written, over real sockets (daemon/http/outgoing.ts). */
import { request } from 'node:http'
import { describe, expect, it } from 'vitest'
import type { EdgeResponse } from '../../../daemon/http/message.ts'
import { chunks, front, ok, RawClient, until } from './raw-client.ts'
import type { Front } from './raw-client.ts'

const get = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'
const getLast = 'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n'
const answering = async (response: () => EdgeResponse, settings = {}): Promise<Front> => await front(async () => response(), settings)

/** A body that says how it was ended. */
function watched (next: (at: number) => Promise<Uint8Array>): { body: AsyncIterable<Uint8Array>, state: { returned: boolean, asked: number } } {
  const state = { returned: false, asked: 0 }
  const iterator: AsyncIterator<Uint8Array> = {
    next: async () => ({ done: false, value: await next(state.asked++) }),
    return: async () => {
      state.returned = true
      return { done: true, value: undefined }
    }
  }
  return { state, body: { [Symbol.asyncIterator]: () => iterator } }
}

async function * failing (...texts: string[]): AsyncGenerator<Uint8Array> {
  for (const text of texts) yield Buffer.from(text)
  throw new Error('the origin broke off')
}

describe('a response', () => {
  it('of known length has Content-Length, Date, its fields in order and repeated ones apart', async () => {
    const { port } = await answering(() => ok('hello', { fields: [['set-cookie', 'a=1'], ['etag', '"a"'], ['set-cookie', 'b=2'], ['connection', 'x'], ['content-length', '99']] }))
    const received = await new RawClient(port).send(getLast).end()
    expect(received).toMatch(/^HTTP\/1\.1 200 OK\r\nset-cookie: a=1\r\netag: "a"\r\nset-cookie: b=2\r\ndate: \w{3}, [^\r]+ GMT\r\ncontent-length: 5\r\n/i)
    expect(received).not.toContain('99')
    expect(received.endsWith('\r\n\r\nhello')).toBe(true)
  })

  it('keeps the Date that it brings', async () => {
    const date = 'Sun, 06 Nov 1994 08:49:37 GMT'
    const { port } = await answering(() => ok('', { fields: [['date', date]] }))
    expect((await new RawClient(port).send(getLast).end()).match(/^date: .*$/gim)).toEqual([`date: ${date}`])
  })

  it('of unknown length is chunked, without empty chunks, and its connection serves on', async () => {
    const { port } = await answering(() => ({ status: 200, fields: [], body: chunks('ab', '', 'c') }))
    const received = await new RawClient(port).send(get + getLast).end()
    // What is written in one turn may go as one chunk.
    expect(received.match(/\r\n\r\n(2\r\nab\r\n1\r\nc|3\r\nabc)\r\n0\r\n\r\n/g)).toHaveLength(2)
  })

  it('of unknown length to an HTTP/1.0 client ends with the connection', async () => {
    const { port } = await answering(() => ({ status: 200, fields: [], body: chunks('ab', 'c') }))
    const client = new RawClient(port).send('GET / HTTP/1.0\r\n\r\n')
    const received = await client.end()
    expect(received.endsWith('\r\n\r\nabc')).toBe(true)
    expect(client.failure).toBeUndefined()
  })

  it('without a body says so, and 204 and 304 have none, nor a length that is not known', async () => {
    const send = async (response: EdgeResponse, text = getLast): Promise<string> => await new RawClient((await answering(() => response)).port).send(text).end()
    expect(await send({ status: 200, fields: [] })).toContain('content-length: 0\r\n')
    expect(await send({ status: 204, fields: [], length: 0, body: chunks('x') })).not.toMatch(/content-length|transfer-encoding|x$/i)
    expect(await send({ status: 304, fields: [], body: chunks('x') })).not.toMatch(/content-length|transfer-encoding|x$/i)
    expect(await send(ok('hello'), getLast.replace('GET', 'HEAD'))).toMatch(/content-length: 5\r\n[^]*\r\n\r\n$/)
  })

  it('that cannot be sent is answered 500 and logged', async () => {
    const { url, log } = await answering(() => ok('x', { fields: [['x-a', 'one\ntwo']] }))
    expect((await fetch(url)).status).toBe(500)
    expect(log).toHaveLength(1)
  })

  it('shows its head while its body is slow to begin', async () => {
    const begin = Promise.withResolvers<void>()
    const { port } = await answering(() => ({
      status: 200,
      fields: [],
      body: (async function * () {
        await begin.promise
        yield Buffer.from('late')
      })()
    }), { headHoldMs: 5 })
    const client = new RawClient(port).send(getLast)
    await until(() => client.received.includes('\r\n\r\n'), 'the head')
    expect(client.received).not.toContain('late')
    begin.resolve()
    expect(await client.end()).toContain('late')
  })
})

describe('a body that fails', () => {
  it('before its first byte becomes a 502, logged once', async () => {
    const { url, log } = await answering(() => ({ status: 200, fields: [], length: 5, body: failing() }))
    const response = await fetch(url)
    expect(response.status).toBe(502)
    expect(response.headers.get('content-type')).toBe('application/problem+json')
    expect(log.map(({ level }) => level)).toEqual(['warn'])
  })

  it.each([['with Content-Length', 10], ['in chunks', undefined]])('after the head was seen, %s, is a truncation to the client', async (_name, length) => {
    const seen = Promise.withResolvers<void>()
    const { port, log } = await answering(() => ({
      status: 200,
      fields: [],
      length,
      body: (async function * () {
        yield Buffer.from('part')
        await seen.promise
        throw new Error('the origin broke off')
      })()
    }))
    const raw = new RawClient(port).send(get)
    await expect(new Promise((resolve, reject) => {
      request({ port, host: '127.0.0.1' }, (response) => {
        response.on('error', reject)
        response.on('end', resolve)
        response.on('data', () => { seen.resolve() })
      }).on('error', reject).end()
    })).rejects.toMatchObject({ message: 'aborted' })
    expect(await raw.end()).not.toMatch(/\r\n0\r\n\r\n$/)
    expect(log.map(({ level }) => level)).toEqual(['warn', 'warn'])
  })

  it('resets the connection of an HTTP/1.0 client, to whom a mere end would look like the whole', async () => {
    const { port } = await answering(() => ({ status: 200, fields: [], body: failing('part') }))
    const client = new RawClient(port).send('GET / HTTP/1.0\r\n\r\n')
    await client.end()
    expect(client.failure).toBe('ECONNRESET')
  })

  it.each([['longer', ['abc', 'defg']], ['shorter', ['abc']]])('by being %s than announced never looks whole', async (_name, texts) => {
    const { port, log } = await answering(() => ({ status: 200, fields: [], length: 5, body: chunks(...texts) }))
    const received = await new RawClient(port).send(get).end()
    expect(received.endsWith('\r\n\r\nabc') || received === '').toBe(true)
    expect(log).toMatchObject([{ level: 'warn', fields: { code: 'COLONY_HTTP_BODY' } }])
  })

  it('by being empty though a length was announced is a 502', async () => {
    expect((await fetch((await answering(() => ({ status: 200, fields: [], length: 5, body: chunks() }))).url)).status).toBe(502)
    expect((await fetch((await answering(() => ({ status: 200, fields: [], length: 5 }))).url)).status).toBe(502)
  })
})

describe('a client', () => {
  it('that reads slowly is not written ahead of', async () => {
    const { body, state } = watched(async () => Buffer.alloc(64 * 1024))
    const { port } = await answering(() => ({ status: 200, fields: [], body }))
    const client = new RawClient(port)
    client.socket.pause()
    client.send(get)
    // Once the kernel's buffers are full nothing more is asked for: the count stands still.
    let before = -1
    let still = 0
    await until(() => {
      still = state.asked > 0 && state.asked === before ? still + 1 : 0
      before = state.asked
      return still > 50
    }, 'the writing to stop')
    const stopped = state.asked
    client.socket.resume()
    await until(() => state.asked > stopped, 'the writing to go on')
    expect(state.returned).toBe(false)
  })

  it('that leaves in mid-body ends the body\'s iteration', async () => {
    const { body, state } = watched(async () => Buffer.alloc(64 * 1024))
    const { port, log } = await answering(() => ({ status: 200, fields: [], body }))
    const client = new RawClient(port).send(get)
    await until(() => client.received.length > 100_000, 'some of the body')
    client.socket.destroy()
    await until(() => state.returned, 'the end of the iteration')
    expect(log).toEqual([])
  })

  it('that leaves while the body is waited for ends the iteration at once', async () => {
    const { body, state } = watched(async () => await new Promise(() => {}))
    const { port } = await answering(() => ({ status: 200, fields: [], body }), { headHoldMs: 1 })
    const client = new RawClient(port).send(get)
    await until(() => client.received.includes('\r\n\r\n'), 'the head')
    client.socket.destroy()
    await until(() => state.returned, 'the end of the iteration')
  })

  it('that takes nothing at all is dropped after a while', async () => {
    const { body, state } = watched(async () => Buffer.alloc(1024 * 1024))
    const { port } = await answering(() => ({ status: 200, fields: [], body }), { sendIdleTimeoutMs: 50 })
    const client = new RawClient(port)
    client.socket.pause()
    client.send(get)
    await until(() => state.returned, 'the end of the iteration')
  })

  it('that asks HEAD has the body\'s iteration ended unread', async () => {
    const { body, state } = watched(async () => Buffer.from('x'))
    const { port } = await answering(() => ({ status: 200, fields: [], length: 1, body }))
    await new RawClient(port).send(getLast.replace('GET', 'HEAD')).end()
    expect(state).toEqual({ returned: true, asked: 0 })
  })
})
