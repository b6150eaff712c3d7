/**
 * The "Bad input" from both sides of an edge: origins that do not resolve, lie about lengths, flood or talk
 * rubbish, and clients that send what is not HTTP. A clear error, no crash, nothing wrong stored, nothing half
 * served as whole; the next good answer is served.
 */
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { get, Swarm, until, type TestEdge } from '../support/edges.ts'
import { bytesOf, TestOrigin } from '../support/origin.ts'

/** What a socket is sent for one request. */
type Script = (socket: Socket) => void

/** An origin that sends whatever bytes a test wants, in place of HTTP. */
class RawOrigin {
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  readonly #scripts = new Map<string, Script>()
  readonly seen: string[] = []
  url = ''

  constructor () {
    this.#server = createServer((socket) => {
      this.#sockets.add(socket)
      let head = ''
      socket.on('error', () => {}).on('close', () => { this.#sockets.delete(socket) }).on('data', (data) => {
        head += data.toString('latin1')
        if (!head.includes('\r\n\r\n')) return
        const path = head.split(' ')[1] ?? ''
        head = ''
        this.seen.push(path)
        this.#scripts.get(path)?.(socket)
      })
    })
  }

  async start (): Promise<this> {
    this.#server.listen(0, '127.0.0.1')
    await once(this.#server, 'listening')
    this.url = `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
    return this
  }

  on (path: string, script: Script): void { this.#scripts.set(path, script) }

  good (path: string, body: string): void {
    this.on(path, (socket) => { socket.write(`HTTP/1.1 200 OK\r\ncache-control: max-age=60\r\ncontent-length: ${body.length}\r\n\r\n${body}`) })
  }

  get open (): number { return this.#sockets.size }

  async close (): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve))
    for (const socket of this.#sockets) socket.destroy()
    await closed
  }
}

let swarm: Swarm
let origin: RawOrigin
let edge: TestEdge

beforeAll(async () => {
  swarm = new Swarm()
  origin = await new RawOrigin().start()
  edge = await swarm.start({ origin: origin.url, settings: { origin: { headersTimeoutMs: 1_000, bodyIdleTimeoutMs: 1_000 } } })
})
afterAll(async () => {
  await swarm.stop()
  await origin.close()
})

const isProblem = (fields: Record<string, string>): boolean => fields['content-type'] === 'application/problem+json'
const ok = 'HTTP/1.1 200 OK\r\ncache-control: max-age=60\r\n'

/** What a client makes of an answer: a problem's status, or that its body was cut, or the body. */
async function outcome (path: string): Promise<number | 'cut' | string> {
  const got = await get(`${edge.http}${path}`).catch(() => 'cut' as const)
  if (got === 'cut') return got
  return isProblem(got.fields) ? got.status : got.text
}

/** After the bad answer: nothing of it is stored, and the next good one is served whole, then from the store. */
async function expectRecovery (path: string): Promise<void> {
  origin.good(path, `good ${path}`)
  expect(await outcome(path)).toBe(`good ${path}`)
  const hit = await get(`${edge.http}${path}`)
  expect(hit.text).toBe(`good ${path}`)
  expect(hit.cacheStatus).toContain(';hit')
}

describe('an answer that breaks off', () => {
  const large = bytesOf('truncated', 300_000)
  const truncated: Array<[string, Script]> = [
    ['before its Content-Length', (socket) => { socket.end(`${ok}content-length: 100\r\n\r\nonly this`) }],
    ['before its Content-Length, after many bytes', (socket) => { socket.write(`${ok}content-length: 400000\r\n\r\n`), socket.end(large) }],
    ['by a reset', (socket) => { socket.write(`${ok}content-length: 100\r\n\r\nonly this`, () => { socket.resetAndDestroy() }) }],
    ['before its last chunk', (socket) => { socket.end(`${ok}transfer-encoding: chunked\r\n\r\n9\r\nonly this\r\n`) }],
    ['within a chunk', (socket) => { socket.end(`${ok}transfer-encoding: chunked\r\n\r\nff\r\nonly this`) }],
    ['into silence', (socket) => { socket.write(`${ok}content-length: 100\r\n\r\nonly this`) }]
  ]

  it.each(truncated)('%s is cut for the client too, or a 502, and not stored', async (what, script) => {
    const path = `/truncated-${truncated.findIndex(([each]) => each === what)}`
    origin.on(path, script)
    expect(await outcome(path)).toBeOneOf(['cut', 502])
    await expectRecovery(path)
  })
})

describe('an answer that is not HTTP', () => {
  const wrong: Array<[string, Script]> = [
    ['garbage', (socket) => { socket.end('this is no HTTP\r\n\r\n') }],
    ['no answer at all', (socket) => { socket.end() }],
    ['half a head', (socket) => { socket.end('HTTP/1.1 200 OK\r\ncontent-le') }],
    ['a length that is none', (socket) => { socket.end(`${ok}content-length: many\r\n\r\nbody`) }],
    ['two lengths', (socket) => { socket.end(`${ok}content-length: 4\r\ncontent-length: 5\r\n\r\nbody`) }],
    ['both framings', (socket) => { socket.end(`${ok}content-length: 4\r\ntransfer-encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n`) }],
    ['a transfer coding that nobody asked for', (socket) => { socket.end(`${ok}transfer-encoding: gzip\r\n\r\nbody`) }],
    ['a chunk size that is none', (socket) => { socket.end(`${ok}transfer-encoding: chunked\r\n\r\nzz\r\nbody\r\n0\r\n\r\n`) }],
    ['a flood of header bytes', (socket) => { socket.end(`${ok}x-flood: ${'a'.repeat(100_000)}\r\ncontent-length: 4\r\n\r\nbody`) }],
    ['a flood of header fields', (socket) => { socket.end(`${ok}${'x-flood: a\r\n'.repeat(1_000)}content-length: 4\r\n\r\nbody`) }]
  ]

  it.each(wrong)('%s is a 502 for the client, and not stored', async (what, script) => {
    const path = `/wrong-${wrong.findIndex(([each]) => each === what)}`
    origin.on(path, script)
    expect(await outcome(path)).toBeOneOf(what === 'a chunk size that is none' ? [502, 'cut'] : [502])
    await expectRecovery(path)
  })

  it('with more bytes than it announced is not stored, and the surplus reaches nobody', async () => {
    origin.on('/oversize', (socket) => { socket.write(`${ok}content-length: 4\r\n\r\nbodyHTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\npoison`) })
    // The announced bytes themselves are all there; an edge may also refuse them.
    expect(await outcome('/oversize')).toBeOneOf(['body', 'cut', 502])
    origin.good('/after-oversize', 'good')
    expect(await outcome('/after-oversize')).toBe('good')
    await expectRecovery('/oversize')
  })
})

describe('an origin that cannot be reached', () => {
  it('is a 502 where its name does not resolve, and other sites are served as before', async () => {
    const good = await new TestOrigin().start()
    const folder = await mkdtemp(join(tmpdir(), 'colony-bad-'))
    try {
      good.file('/page', 3_000, { maxAge: 60 })
      await writeFile(join(folder, 'colony.yaml'), JSON.stringify({
        sites: [{ name: 'gone', hosts: ['gone.example'], origin: 'http://nowhere.invalid' }, { name: 'good', hosts: ['*'], origin: good.url }]
      }))
      const two = await swarm.start({ flags: ['--config', join(folder, 'colony.yaml')] })
      const [gone, page] = await Promise.all([get(`${two.http}/page`, { host: 'gone.example' }), get(`${two.http}/page`)])
      expect(gone.status).toBe(502)
      expect(isProblem(gone.fields)).toBe(true)
      expect(JSON.parse(gone.text)).toMatchObject({ status: 502, detail: expect.stringContaining('nowhere.invalid cannot be reached: its name does not resolve') as string })
      expect(page.status).toBe(200)
    } finally {
      await good.close()
      await rm(folder, { recursive: true })
    }
  })

  it('is a 504 where it does not answer in time', async () => {
    origin.on('/silent', () => {})
    expect(await outcome('/silent')).toBe(504)
    await expectRecovery('/silent')
  })

  it('is a 504 where it sends interim answers without end', async () => {
    origin.on('/interim', (socket) => {
      const more = (): void => { if (!socket.destroyed) socket.write('HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n', () => { setImmediate(more) }) }
      more()
    })
    expect(await outcome('/interim')).toBe(504)
    await expectRecovery('/interim')
  })

  it('is let go when the client loses its patience first', async () => {
    const quiet = await new RawOrigin().start()
    try {
      const own = await swarm.start({ origin: quiet.url })
      quiet.on('/slow', () => {})
      const leaving = new AbortController()
      const asked = fetch(`${own.http}/slow`, { signal: leaving.signal }).then(() => 'answered', () => 'left')
      await until(() => quiet.open === 1, 10_000, 'the origin was not asked')
      leaving.abort()
      expect(await asked).toBe('left')
      await until(async () => (await own.status()).flights === 0 && quiet.open === 0, 10_000, 'the edge still waits')
      quiet.good('/slow', 'good')
      expect((await get(`${own.http}/slow`)).text).toBe('good')
    } finally {
      await quiet.close()
    }
  })
})

describe('a client that sends what it should not', () => {
  /** Everything that the edge says to these bytes until it closes the connection. */
  async function say (bytes: string): Promise<string> {
    const { hostname, port } = new URL(edge.http)
    const socket = connect(Number(port), hostname)
    let heard = ''
    socket.on('data', (data) => { heard += data.toString('latin1') }).on('error', () => {})
    socket.write(bytes)
    await Promise.race([once(socket, 'close'), once(socket, 'end')])
    socket.destroy()
    return heard
  }
  const requests: Array<[string, string, number[]]> = [
    ['a header of 100 KB', `GET / HTTP/1.1\r\nhost: a\r\nx-flood: ${'a'.repeat(100_000)}\r\n\r\n`, [431]],
    ['5,000 header fields', `GET / HTTP/1.1\r\nhost: a\r\n${'x: y\r\n'.repeat(5_000)}\r\n`, [431]],
    ['150 header fields', `GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n${'x: y\r\n'.repeat(150)}\r\n`, [431]],
    ['a target of 100 KB', `GET /${'a'.repeat(100_000)} HTTP/1.1\r\nhost: a\r\n\r\n`, [414, 431]],
    ['no Host', 'GET / HTTP/1.1\r\nconnection: close\r\n\r\n', [400]],
    ['two Hosts', 'GET / HTTP/1.1\r\nhost: a\r\nhost: b\r\nconnection: close\r\n\r\n', [400]],
    ['a Host that is none', 'GET / HTTP/1.1\r\nhost: a/b@c\r\nconnection: close\r\n\r\n', [400]],
    ['a target that is none', 'GET a HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n', [400]],
    ['two framings', 'POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 4\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n', [400]],
    ['no HTTP', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03', [400]],
    ['CONNECT', 'CONNECT example.org:443 HTTP/1.1\r\nhost: example.org\r\n\r\n', [501]]
  ]

  it.each(requests)('%s: is refused with a problem document, and nobody else notices', async (_what, bytes, statuses) => {
    origin.good('/steady', 'steady')
    const asked = origin.seen.length
    const [heard, other] = await Promise.all([say(bytes), get(`${edge.http}/steady`)])
    const [head = '', body = ''] = heard.split('\r\n\r\n')
    expect(Number(head.split(' ')[1]), head).toBeOneOf(statuses)
    expect(head.toLowerCase()).toContain('content-type: application/problem+json')
    expect(JSON.parse(body)).toMatchObject({ status: Number(head.split(' ')[1]) })
    expect(other.text).toBe('steady')
    expect(origin.seen.slice(asked).filter((path) => path !== '/steady')).toEqual([])
  })
})
