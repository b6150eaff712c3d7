/** colony put and get as a person runs them, against a server that misbehaves on purpose. */
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises'
import { createServer, type IncomingMessage, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { beforeEach, expect, it, onTestFinished } from 'vitest'

const script = fileURLToPath(new URL('../../../bin/colony.ts', import.meta.url))

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'colony-commands-'))
  onTestFinished(async () => { await rm(folder, { recursive: true, force: true }) })
})

async function serve (listener: RequestListener): Promise<string> {
  const server = createServer(listener)
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  await new Promise<void>((resolve) => { server.listen(0, '127.0.0.1', resolve) })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

async function colony (admin: string, ...args: readonly string[]): Promise<{ readonly status: number | null, readonly stdout: string, readonly stderr: string }> {
  const child = spawn(process.execPath, [script, ...args], { env: { COLONY_ADMIN: admin }, stdio: ['ignore', 'pipe', 'pipe'] })
  let stdout = ''
  let stderr = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => { stdout += text })
  child.stderr.setEncoding('utf8').on('data', (text: string) => { stderr += text })
  const status = await new Promise<number | null>((resolve) => { child.once('close', resolve) })
  return { status, stdout, stderr }
}

async function textOf (request: IncomingMessage): Promise<string> {
  const chunks = await Array.fromAsync(request as AsyncIterable<Buffer>)
  return Buffer.concat(chunks).toString()
}

const holders = [{ peer: 'p1', name: 'edge-1', region: 'north', zone: 'a' }, { peer: 'p2', name: 'edge-2', region: 'north', zone: 'a' }]
const written = { site: 'default', path: '/a.css', version: '1.0.p1', hash: 'h', etag: '"h"', length: 6, copies: 2, createdAt: '2026-01-01T00:00:00.000Z', deleted: false, holders, created: true, zones: 1 }

it('sends a file again with the same idempotency key when the connection breaks, and says where it lies', async () => {
  const keys: unknown[] = []
  let seen: IncomingMessage['headers'] = {}
  let body = ''
  const admin = await serve(async (request, response) => {
    keys.push(request.headers['idempotency-key'])
    if (keys.length < 3) {
      request.socket.destroy()
      return
    }
    seen = request.headers
    body = await textOf(request)
    response.writeHead(201, { 'content-type': 'application/json' }).end(JSON.stringify(written))
  })
  await writeFile(join(folder, 'a.css'), 'body{}')
  const { status, stdout, stderr } = await colony(admin, 'put', '--cache-control', 'max-age=60', join(folder, 'a.css'), 'default:/a.css')
  expect(status).toBe(0)
  expect(stderr.match(/trying again/g)).toHaveLength(2)
  expect(keys[0]).toMatch(/^"[0-9a-f-]{36}"$/)
  expect(new Set(keys).size).toBe(1)
  expect(body).toBe('body{}')
  expect(seen).toMatchObject({
    'content-type': 'text/css; charset=utf-8', 'cache-control': 'max-age=60', 'content-length': '6',
    'content-digest': `sha-256=:${createHash('sha256').update('body{}').digest('base64')}:`
  })
  expect(stdout).toMatch(/^published default:\/a\.css: 6 B on 2 edges in .*, version 1\.0\.p1\n\nHELD BY {2}REGION {2}ZONE {2}PEER\nedge-1 .*\nedge-2 .*\n\nthe copies are in 1 different region and zone: edges elsewhere/)
})

it('does not repeat what the edge refused', async () => {
  let asked = 0
  const admin = await serve((request, response) => {
    asked++
    request.resume()
    response.writeHead(507, { 'content-type': 'application/problem+json' }).end(JSON.stringify({ detail: 'this edge\'s room is used up' }))
  })
  await writeFile(join(folder, 'a.css'), 'body{}')
  const { status, stderr } = await colony(admin, 'put', join(folder, 'a.css'), 'default:/a.css')
  expect([status, asked]).toEqual([1, 1])
  expect(stderr).toContain('was refused with 507: this edge\'s room is used up')
})

it('leaves no file of content that broke off or is not what its version says', async () => {
  const hash = createHash('sha256').update('whole').digest('base64url')
  const bodies = ['whole', 'other', 'cut']
  const admin = await serve((_request, response) => {
    const body = bodies.shift()!
    response.writeHead(200, { 'etag': `"${hash}"`, 'colony-version': '1.0.p1', 'content-length': body === 'cut' ? '5' : String(body.length) })
    if (body === 'cut') {
      response.write('who')
      setTimeout(() => { response.destroy() }, 50)
    } else response.end(body)
  })
  const output = join(folder, 'out')
  expect((await colony(admin, 'get', '--output', output, 'default:/x')).status).toBe(0)
  expect(await readFile(output, 'utf8')).toBe('whole')
  const other = await colony(admin, 'get', '--output', output, 'default:/x')
  expect([other.status, other.stderr]).toEqual([1, expect.stringContaining('are not those of its version 1.0.p1: ask again')])
  const cut = await colony(admin, 'get', '--output', output, 'default:/x')
  expect([cut.status, cut.stderr]).toEqual([1, expect.stringMatching(/default:\/x broke off after \d B/)])
  expect(await readFile(output, 'utf8')).toBe('whole')
  expect(await readdir(folder)).toEqual(['out'])
})
