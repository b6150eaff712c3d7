import type { Socket } from 'node:net'
import { describe, expect, it } from 'vitest'
import { answer, closedPort, failure, get, httpOrigin, manualClock, originAt, rawOrigin, text, until } from './support.ts'

/** Answers a connection's first request; its later ones are met by `close`. */
function closesReused (close: (socket: Socket) => void): (socket: Socket) => void {
  const used = new WeakSet<Socket>()
  return socket => {
    if (used.has(socket)) {
      close(socket)
    } else {
      used.add(socket)
      socket.write(answer('hello'))
    }
  }
}

describe('a request on a reused connection that the origin closes', () => {
  it.each([
    ['closed', (socket: Socket) => { socket.end() }],
    ['reset', (socket: Socket) => { socket.resetAndDestroy() }]
  ])('is sent once more on a fresh one when it is safe: %s', async (_how, close) => {
    const server = await rawOrigin(closesReused(close))
    const { origin, events } = originAt(server.url)
    for (const method of ['GET', 'OPTIONS', 'GET']) {
      expect(await text(await origin.request(get('/', { method })))).toBe('hello')
    }
    expect(events.filter(({ kind }) => kind === 'repeated')).toHaveLength(2)
    expect(server.requests).toHaveLength(5)
    expect(server.sockets).toHaveLength(3)
    expect(origin.state()).toEqual({ breaker: 'closed', inFlight: 0, queued: 0, sent: 3 })
  })

  it('takes a fresh one for the second try even when others are idle', async () => {
    const server = await rawOrigin(closesReused(socket => { socket.end() }))
    const { origin } = originAt(server.url)
    const responses = await Promise.all([get(), get(), get()].map(async each => await origin.request(each)))
    for (const response of responses) await text(response)
    expect(server.sockets).toHaveLength(3)
    expect(await text(await origin.request(get()))).toBe('hello')
    expect(server.sockets).toHaveLength(4)
  })

  it('is not sent again when it may change something or has a body', async () => {
    const server = await rawOrigin(closesReused(socket => { socket.end() }))
    const { origin, events } = originAt(server.url)
    async function * body (): AsyncGenerator<Uint8Array> { yield Buffer.from('a') }
    for (const changes of [{ method: 'DELETE' }, { method: 'POST' }, { body: body() }]) {
      await text(await origin.request(get()))
      expect(await failure(origin.request(get('/', changes)))).toMatchObject({ code: 'COLONY_ORIGIN_BROKEN', message: expect.stringContaining('closed the connection without an answer') as string })
    }
    expect(events.filter(({ kind }) => kind === 'repeated')).toEqual([])
    expect(server.sockets).toHaveLength(3)
  })

  it('is not sent again after a byte of an answer', async () => {
    const server = await rawOrigin(closesReused(socket => { socket.end('HTTP/1.1 2') }))
    const { origin } = originAt(server.url)
    await text(await origin.request(get()))
    expect(await failure(origin.request(get()))).toMatchObject({ code: 'COLONY_ORIGIN_BROKEN' })
    expect(server.requests).toHaveLength(2)
  })

  it('is not sent again when the connection was fresh, nor a third time', async () => {
    const server = await rawOrigin(socket => { socket.end() })
    const { origin } = originAt(server.url)
    expect(await failure(origin.request(get()))).toMatchObject({ code: 'COLONY_ORIGIN_BROKEN', unreachable: true })
    expect(server.requests).toHaveLength(1)

    let healthy = true
    const dying = await rawOrigin(socket => {
      if (healthy) socket.write(answer('hello'))
      else socket.end()
      healthy = false
    })
    const other = originAt(dying.url).origin
    await text(await other.request(get()))
    expect(await failure(other.request(get()))).toMatchObject({ code: 'COLONY_ORIGIN_BROKEN' })
    expect(dying.requests).toHaveLength(3)
  })
})

describe('the limit on concurrent requests', () => {
  const settings = { concurrentMax: 1, queueMax: 1, queueWaitMs: 1_000 }

  it('lets a request wait until the body before it is over', async () => {
    const server = await rawOrigin((socket, number) => {
      socket.write(number === 0 ? 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel' : answer('second'))
    })
    const { origin } = originAt(server.url, settings)
    const first = await origin.request(get())
    const second = origin.request(get())
    expect(origin.state()).toEqual({ breaker: 'closed', inFlight: 1, queued: 1, sent: 1 })
    expect(server.requests).toHaveLength(1)
    server.sockets[0]?.write('lo')
    expect(await text(first)).toBe('hello')
    expect(await text(await second)).toBe('second')
    expect(origin.state()).toEqual({ breaker: 'closed', inFlight: 0, queued: 0, sent: 2 })
  })

  it('says busy at once when the queue is full, and after the wait to those in it', async () => {
    const server = await rawOrigin(() => {})
    const { origin, clock } = originAt(server.url, settings)
    void failure(origin.request(get()))
    const waiting = failure(origin.request(get()))
    expect(await failure(origin.request(get()))).toMatchObject({ code: 'COLONY_ORIGIN_BUSY', status: 503 })
    clock.move(1_000)
    expect(await waiting).toMatchObject({ code: 'COLONY_ORIGIN_BUSY', message: expect.stringContaining('none ended within 1000 ms') as string })
  })

  it('takes the place from an answer that nobody reads', async () => {
    const server = await httpOrigin((request, response) => { response.end(Buffer.alloc(32 * 1024 * 1024)) })
    const { origin, clock } = originAt(server.url, { ...settings, bodyUnreadTimeoutMs: 60_000 })
    const response = await origin.request(get())
    // The socket is paused once the buffer is full: from then on the origin cannot be the reason.
    for (let last = -1, same = 0, bytes = server.sockets[0]?.bytesWritten ?? 0; same < 50; bytes = server.sockets[0]?.bytesWritten ?? 0) {
      await new Promise(resolve => { setImmediate(resolve) })
      same = bytes === last ? same + 1 : 0
      last = bytes
    }
    clock.move(59_999)
    expect(origin.state().inFlight).toBe(1)
    clock.move(1)
    await until(() => origin.state().inFlight === 0 && server.sockets[0]?.destroyed === true)
    expect(await failure(text(response))).toMatchObject({ code: 'COLONY_ORIGIN_ABORTED', message: expect.stringContaining('nobody read for 60000 ms') as string })
  })

  it('frees the place of a small answer that nobody reads as soon as it has come', async () => {
    const { url } = await rawOrigin(socket => { socket.write(answer('hello')) })
    const { origin } = originAt(url, settings)
    const unread = await origin.request(get())
    expect(await text(await origin.request(get()))).toBe('hello')
    expect(await text(unread)).toBe('hello')
  })
})

describe('an asker who leaves', () => {
  it('ends the request before the head, in the queue and in mid-body', async () => {
    const server = await rawOrigin((socket, number) => {
      if (number === 1) socket.write('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello')
    })
    const { origin } = originAt(server.url, { concurrentMax: 1, breakerFailures: 1 })
    const [first, queued, second] = [new AbortController(), new AbortController(), new AbortController()]
    const early = failure(origin.request(get('/', { signal: first.signal })))
    const waiting = failure(origin.request(get('/', { signal: queued.signal })))
    await until(() => server.requests.length === 1)
    queued.abort()
    expect(await waiting).toMatchObject({ code: 'COLONY_ORIGIN_ABORTED' })
    first.abort(new Error('client closed'))
    expect(await early).toMatchObject({ code: 'COLONY_ORIGIN_ABORTED', cause: { message: 'client closed' } })
    await until(() => server.sockets[0]?.destroyed === true)

    const response = await origin.request(get('/', { signal: second.signal }))
    second.abort()
    expect(await failure(text(response))).toMatchObject({ code: 'COLONY_ORIGIN_ABORTED' })
    await until(() => server.sockets[1]?.destroyed === true)
    expect(origin.state()).toEqual({ breaker: 'closed', inFlight: 0, queued: 0, sent: 2 })
  })

  it('is not asked for when it has left before', async () => {
    const server = await rawOrigin(() => {})
    const { origin } = originAt(server.url)
    expect(await failure(origin.request(get('/', { signal: AbortSignal.abort() })))).toMatchObject({ code: 'COLONY_ORIGIN_ABORTED' })
    expect(server.sockets).toHaveLength(0)
  })

  it('leaves no connection behind that was still being opened', async () => {
    const server = await rawOrigin(() => {})
    const { origin } = originAt(`https://127.0.0.1:${server.port}`, { connectTimeoutMs: 60_000 })
    const asker = new AbortController()
    const failed = failure(origin.request(get('/', { signal: asker.signal })))
    await until(() => server.sockets.length === 1)
    asker.abort()
    expect(await failed).toMatchObject({ code: 'COLONY_ORIGIN_ABORTED' })
    await until(() => server.sockets[0]?.destroyed === true)
  })
})

describe('the breaker of an origin', () => {
  it('spares an origin that cannot be reached, tries it once after a while, and closes when it answers', async () => {
    const port = await closedPort()
    const { origin, clock, events } = originAt(`http://127.0.0.1:${port}`, { breakerFailures: 2, breakerOpenMs: 1_000 }, manualClock(0.5))
    for (let n = 0; n < 2; n++) expect(await failure(origin.request(get()))).toMatchObject({ code: 'COLONY_ORIGIN_UNREACHABLE' })
    expect(await failure(origin.request(get()))).toMatchObject({ code: 'COLONY_ORIGIN_OPEN', status: 503 })
    clock.move(1_250)
    expect(origin.state().breaker).toBe('half-open')
    const [trial, other] = [failure(origin.request(get())), failure(origin.request(get()))]
    expect(await other).toMatchObject({ code: 'COLONY_ORIGIN_OPEN' })
    expect(await trial).toMatchObject({ code: 'COLONY_ORIGIN_UNREACHABLE' })
    expect(origin.state().breaker).toBe('open')
    expect(events.filter(({ kind }) => kind === 'breaker')).toEqual([
      { kind: 'breaker', origin: origin.url, state: 'open' }, { kind: 'breaker', origin: origin.url, state: 'open' }
    ])
  })

  it('opens by silence, sends those in the queue away, and closes by an answer, be it a 500', async () => {
    let silent = true
    const server = await rawOrigin(socket => { if (!silent) socket.write('HTTP/1.1 500 X\r\nContent-Length: 0\r\n\r\n') })
    const { origin, clock } = originAt(server.url, { concurrentMax: 1, queueWaitMs: 60_000, breakerFailures: 1, breakerOpenMs: 1_000 })
    const asked = failure(origin.request(get()))
    const queued = failure(origin.request(get()))
    await until(() => server.requests.length === 1)
    clock.move(30_000)
    expect(await asked).toMatchObject({ code: 'COLONY_ORIGIN_TIMEOUT' })
    expect(await queued).toMatchObject({ code: 'COLONY_ORIGIN_OPEN' })
    clock.move(1_000)
    const trial = failure(origin.request(get()))
    await until(() => server.requests.length === 2)
    // The trial has the only place: who comes meanwhile does not wait for it.
    expect(await failure(origin.request(get()))).toMatchObject({ code: 'COLONY_ORIGIN_OPEN' })
    clock.move(30_000)
    expect(await trial).toMatchObject({ code: 'COLONY_ORIGIN_TIMEOUT' })
    silent = false
    clock.move(1_000)
    for (let n = 0; n < 3; n++) expect((await origin.request(get())).status).toBe(500)
    expect(origin.state().breaker).toBe('closed')
  })

  it('lets another try when the one that tried left', async () => {
    const port = await closedPort()
    const { origin, clock } = originAt(`http://127.0.0.1:${port}`, { breakerFailures: 1, breakerOpenMs: 1_000 })
    await failure(origin.request(get()))
    clock.move(1_000)
    const asker = new AbortController()
    const trial = failure(origin.request(get('/', { signal: asker.signal })))
    await until(() => origin.state().inFlight === 1)
    asker.abort()
    expect((await trial).code).toMatch(/ABORTED/)
    expect(await failure(origin.request(get()))).toMatchObject({ code: 'COLONY_ORIGIN_UNREACHABLE' })
  })
})

describe('the measured time to first byte', () => {
  it('is unknown at first, then follows the answers smoothly', async () => {
    let delayMs = 100
    const { url } = await rawOrigin(socket => {
      clock.move(delayMs)
      socket.write(answer('x'))
    })
    const { origin, clock } = originAt(url, { ttfbWeight: 0.2 })
    expect(origin.ttfbMs()).toBeUndefined()
    await text(await origin.request(get()))
    expect(origin.ttfbMs()).toBe(100)
    delayMs = 200
    await text(await origin.request(get()))
    expect(origin.ttfbMs()).toBeCloseTo(120)
  })
})

describe('closing an origin', () => {
  it('ends what is under way and waiting, and takes nothing more', async () => {
    const server = await rawOrigin((socket, number) => { if (number === 0) socket.write('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello') })
    const { origin, clock } = originAt(server.url, { concurrentMax: 2 })
    const response = await origin.request(get())
    const asked = failure(origin.request(get()))
    const queued = failure(origin.request(get()))
    await until(() => server.requests.length === 2)
    await origin.close()
    for (const error of [await asked, await queued, await failure(text(response)), await failure(origin.request(get()))]) {
      expect(error).toMatchObject({ code: 'COLONY_ORIGIN_ABORTED', status: 503 })
    }
    await origin.close()
    await until(() => server.sockets.every(socket => socket.destroyed))
    expect(clock.timers).toBe(0)
  })
})

describe('what an observer is told', () => {
  it('is each answer, its bytes, and each failure, also in mid-body', async () => {
    const { url } = await rawOrigin((socket, number) => { 
      if (number === 0) socket.write(answer('hello'))
      else socket.end('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhel')
    })
    const { origin, events } = originAt(url)
    await text(await origin.request(get()))
    const error = await failure(text(await origin.request(get())))
    expect(events).toEqual([
      { kind: 'answered', origin: url, status: 200, ttfbMs: 0 },
      { kind: 'received', origin: url, bytes: 5 },
      { kind: 'answered', origin: url, status: 200, ttfbMs: 0 },
      { kind: 'received', origin: url, bytes: 3 },
      { kind: 'failed', origin: url, error }
    ])
  })
})
