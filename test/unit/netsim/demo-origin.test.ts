/** The demo origin: what it serves, what it refuses, and what it counts. */
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { request as httpRequest } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type DemoOrigin, startOrigin } from '../../../netsim/demo-origin.ts'
import { generatedBytes } from '../../../netsim/origin-content.ts'

const folder = mkdtempSync(join(tmpdir(), 'colony-origin-'))
let origin: DemoOrigin

beforeAll(async () => {
  mkdirSync(join(folder, 'daemon', '.hidden'), { recursive: true })
  mkdirSync(join(folder, 'colony-data'))
  writeFileSync(join(folder, 'README.md'), '# read me\n')
  writeFileSync(join(folder, 'daemon', 'a b.ts'), 'export {}\n')
  writeFileSync(join(folder, 'daemon', '.hidden', 'key'), 'secret')
  writeFileSync(join(folder, 'colony-data', 'key'), 'secret')
  symlinkSync(join(folder, 'colony-data', 'key'), join(folder, 'daemon', 'link'))
  origin = await startOrigin({ folder })
})

afterAll(async () => {
  await origin.close()
  rmSync(folder, { recursive: true, force: true })
})

const get = async (path: string, headers: Record<string, string> = {}, method = 'GET'): Promise<Response> => await fetch(origin.url + path, { headers, method })

/** The path as it stands: fetch() would resolve the dots away. */
async function statusOf (path: string): Promise<number | undefined> {
  return await new Promise((resolve, reject) => {
    httpRequest(origin.url, { path }, (response) => {
      response.resume()
      resolve(response.statusCode)
    }).on('error', reject).end()
  })
}

describe('the demo origin', () => {
  it('serves files with validators and a lifetime', async () => {
    const response = await get('/README.md')
    expect(await response.text()).toBe('# read me\n')
    expect(Object.fromEntries(response.headers)).toMatchObject({
      'content-type': 'text/markdown; charset=utf-8', 'content-length': '10', 'cache-control': 'public, max-age=300',
      'last-modified': expect.stringMatching(/ GMT$/), 'etag': expect.stringMatching(/^"[\w-]+"$/), 'accept-ranges': 'bytes'
    })
  })

  it('lists what it has, each at the address that the list gives', async () => {
    const page = await (await get('/')).text()
    const links = [...page.matchAll(/href="([^"]+)"/g)].map(([, path]) => path!)
    expect(links).toEqual(['/large/10mib.bin', '/large/100mib.bin', '/README.md', '/daemon/a%20b.ts'])
    for (const link of links) expect((await get(link, {}, 'HEAD')).status).toBe(200)
  })

  it.each([
    '/nothing.md', '/daemon', '/daemon/', '/colony-data/key', '/daemon/.hidden/key', '/daemon/../colony-data/key', '/daemon/..%2fcolony-data/key',
    '/daemon/..%5c..%5cetc', '/%2e%2e/etc/passwd', '//etc/passwd', '/daemon//a%20b.ts', '/README.md%00', '/%', '/large/1mib.bin', '/daemon/link'
  ])('has nothing at %s', async (path) => {
    expect(await statusOf(path)).toBe(404)
  })

  it('answers 304 to who has it, by tag or by date, without a body', async () => {
    const { headers } = await get('/README.md')
    const byTag = await get('/README.md', { 'if-none-match': headers.get('etag')! })
    expect([byTag.status, await byTag.text()]).toEqual([304, ''])
    expect((await get('/README.md', { 'if-modified-since': headers.get('last-modified')! })).status).toBe(304)
    expect((await get('/README.md', { 'if-none-match': '"other"' })).status).toBe(200)
    expect((await get('/README.md', { 'if-match': '"other"' })).status).toBe(412)
  })

  it('gives a part of a large file that is the same as that part of the whole', async () => {
    const whole = Buffer.from(await (await get('/large/10mib.bin')).arrayBuffer())
    expect(whole.length).toBe(10 * 1024 ** 2)
    for (const [start, end] of [[0, 1], [5, 100_003], [65_536, 65_552], [10 * 1024 ** 2 - 7, 10 * 1024 ** 2]] as const) {
      const part = await get('/large/10mib.bin', { range: `bytes=${start}-${end - 1}` })
      expect([part.status, part.headers.get('content-range')]).toEqual([206, `bytes ${start}-${end - 1}/${10 * 1024 ** 2}`])
      expect(Buffer.from(await part.arrayBuffer()).equals(whole.subarray(start, end))).toBe(true)
    }
  })

  it('makes bytes that differ between places and between names', () => {
    const bytes = (name: string, start: number): string => Buffer.concat([...generatedBytes(name, start, start + 64)]).toString('hex')
    expect(new Set([bytes('a', 0), bytes('a', 64), bytes('a', 65_536), bytes('b', 0)]).size).toBe(4)
  })

  it('gives the whole when If-Range names another version, and 416 beyond the end', async () => {
    const etag = (await get('/README.md')).headers.get('etag')!
    expect((await get('/README.md', { range: 'bytes=2-5', 'if-range': etag })).status).toBe(206)
    expect((await get('/README.md', { range: 'bytes=2-5', 'if-range': '"other"' })).status).toBe(200)
    const beyond = await get('/README.md', { range: 'bytes=10-' })
    expect([beyond.status, beyond.headers.get('content-range')]).toEqual([416, 'bytes */10'])
  })

  it('changes a file\'s tag with its bytes', async () => {
    const before = (await get('/README.md')).headers.get('etag')
    writeFileSync(join(folder, 'README.md'), '# read us\n')
    const after = (await get('/README.md')).headers.get('etag')
    writeFileSync(join(folder, 'README.md'), '# read me\n')
    expect(after).not.toBe(before)
    expect((await get('/README.md')).headers.get('etag')).toBe(before)
  })

  it('counts requests and body bytes, but not who asks for the counters', async () => {
    const before = origin.counters()
    await (await get('/README.md')).text()
    await (await get('/README.md', {}, 'HEAD')).text()
    const told = await (await get('/counters')).json()
    expect(told).toEqual(origin.counters())
    expect(told).toEqual({ requests: before.requests + 2, bytes: before.bytes + 10 })
  })

  it('waits as long as it is told before the first byte, and refuses what is too long', async () => {
    const waits: number[] = []
    const clock = {
      wallMs: () => Date.UTC(2026, 0), nowMs: () => 0, random: () => 0,
      after: (delayMs: number, callback: () => void) => {
        waits.push(delayMs)
        setImmediate(callback)
        return () => {}
      }
    }
    const slow = await startOrigin({ folder, delayMs: 200, clock })
    try {
      expect((await fetch(`${slow.url}/README.md`)).status).toBe(200)
      expect((await fetch(`${slow.url}/README.md?delay=3000`)).status).toBe(200)
      expect((await fetch(`${slow.url}/README.md?delay=10001`)).status).toBe(400)
      expect((await fetch(`${slow.url}/README.md?delay=-1`)).status).toBe(400)
      expect(waits).toEqual([200, 3000])
    } finally {
      await slow.close()
    }
  })

  it('refuses other methods', async () => {
    const response = await get('/README.md', {}, 'DELETE')
    expect([response.status, response.headers.get('allow')]).toEqual([405, 'GET, HEAD'])
  })
})
