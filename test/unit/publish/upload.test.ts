/** Bad uploads: one sentence, nothing kept. */
import { createHash } from 'node:crypto'
import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import type { Field } from '../../../protocols/fields.ts'
import type { Body } from '../../../daemon/http/message.ts'
import { bodyFrom, calm, here, never, put, testColony, type TestEdge } from './support.ts'

const settings = { ...calm, objectBytesMax: 10_000, bytesMax: 25_000 }

function digest (text: string): { base64: string, base64url: string, hex: string } {
  const hash = createHash('sha256').update(text)
  return { base64: hash.copy().digest('base64'), base64url: hash.copy().digest('base64url'), hex: hash.digest('hex') }
}

async function send ({ publish }: TestEdge, body: Body | undefined, fields: readonly Field[] = []): Promise<unknown> {
  return await publish.put(publish.address('default', '/x'), { fields, body, copies: 1, signal: never })
}

async function files ({ folder }: TestEdge): Promise<string[]> {
  return (await readdir(join(folder, 'published'), { recursive: true })).filter((name) => /\.(part|body)$/.test(name))
}

it('refuses what is too large by its Content-Length, before the first byte', async () => {
  const { edges: [edge] } = await testColony({ places: ['north'], settings })
  let read = 0
  const body = async function * (): AsyncGenerator<Uint8Array> { read++; yield new Uint8Array(1) }
  await expect(send(edge!, body(), [['content-length', '10001']])).rejects.toMatchObject({
    status: 413, message: 'published content may have 10000 bytes at most (settings.publish.objectBytesMax) and this has 10001 or more'
  })
  expect(read).toBe(0)
  expect(edge!.publish.stats().bytes).toBe(0)
})

it('refuses what grows too large while it comes, and keeps the old version', async () => {
  const { edges: [edge] } = await testColony({ places: ['north'], settings })
  await put(edge!, '/x', 'old', { copies: 1 })
  await expect(send(edge!, bodyFrom('y'.repeat(10_001)))).rejects.toMatchObject({ status: 413 })
  expect(await here(edge!, '/x')).toBe('old')
  expect(await files(edge!)).toHaveLength(1)
  expect(edge!.publish.stats().bytes).toBe(3)
})

it('refuses what the budget of the edge does not hold, until something was deleted', async () => {
  const { edges: [edge] } = await testColony({ places: ['north'], settings })
  for (const path of ['/1', '/2']) await put(edge!, path, path.repeat(5_000), { copies: 1 })
  await expect(put(edge!, '/3', '3'.repeat(9_000), { copies: 1 })).rejects.toMatchObject({
    status: 507, message: expect.stringMatching(/room for published content is used up \(\d+ of 25000 bytes, settings.publish.bytesMax\)/) as unknown
  })
  await edge!.publish.remove(edge!.publish.address('default', '/1'), { fields: [], signal: never })
  await put(edge!, '/3', '3'.repeat(9_000), { copies: 1 })
})

it('compares the body with every digest that was given', async () => {
  const { edges: [edge] } = await testColony({ places: ['north'], settings })
  const right = digest('text')
  const wrong = digest('other')
  for (const fields of [
    [['content-digest', `sha-256=:${right.base64}:`]], [['repr-digest', `md5=:AA==:, sha-256=:${right.base64}:`]], [['colony-hash', right.hex]], [['colony-hash', right.base64url]]
  ] as Field[][]) await send(edge!, bodyFrom('text'), fields)
  for (const fields of [
    [['content-digest', `sha-256=:${wrong.base64}:`]],
    [['content-digest', `sha-256=:${right.base64}:`], ['repr-digest', `sha-256=:${wrong.base64}:`]],
    [['colony-hash', wrong.hex]]
  ] as Field[][]) {
    await expect(send(edge!, bodyFrom('text'), fields)).rejects.toMatchObject({ status: 400, code: 'COLONY_PUBLISH_DIGEST', message: expect.stringContaining(right.base64url) as unknown })
  }
  for (const fields of [[['content-digest', 'sha-256=:AAAA:']], [['colony-hash', 'zz']]] as Field[][]) {
    await expect(send(edge!, bodyFrom('text'), fields)).rejects.toMatchObject({ status: 400, code: 'COLONY_PUBLISH_REQUEST' })
  }
  expect(await files(edge!)).toHaveLength(1)
})

it('leaves nothing of an upload that breaks off or ends early', async () => {
  const { edges: [edge] } = await testColony({ places: ['north'], settings })
  await put(edge!, '/x', 'old', { copies: 1 })
  const broken = async function * (): AsyncGenerator<Uint8Array> {
    yield new Uint8Array(100)
    throw new Error('aborted')
  }
  await expect(send(edge!, broken(), [['content-length', '200']])).rejects.toMatchObject({ status: 400, message: 'the upload broke off after 100 bytes (aborted): nothing was published; send it again' })
  await expect(send(edge!, bodyFrom('short'), [['content-length', '200']])).rejects.toMatchObject({ message: expect.stringContaining('ended after 5 of 200 bytes') as unknown })
  expect(await here(edge!, '/x')).toBe('old')
  expect(await files(edge!)).toHaveLength(1)
})

it('says that the disk does not take it, and goes on with what it has', async () => {
  const { edges: [edge] } = await testColony({ places: ['north'], settings })
  await put(edge!, '/x', 'old', { copies: 1 })
  await rm(join(edge!.folder, 'published', 'incoming'), { recursive: true })
  await expect(send(edge!, bodyFrom('new'))).rejects.toMatchObject({ status: 507, message: 'the disk of this edge does not take published content (ENOENT): make room on it, or check its rights' })
  expect(await here(edge!, '/x')).toBe('old')
  expect(edge!.publish.stats().bytes).toBe(3)
})

it('publishes an empty body', async () => {
  const { edges: [edge] } = await testColony({ places: ['north'], settings })
  await send(edge!, undefined, [['content-length', '0']])
  expect(await here(edge!, '/x')).toBe('')
})

it('keeps the fields that describe the content, and refuses those that contradict publishing', async () => {
  const { edges: [edge] } = await testColony({ places: ['north'], settings })
  await send(edge!, bodyFrom('a'), [['content-type', 'text/css'], ['cache-control', 'max-age=60'], ['set-cookie', 'a=b'], ['host', 'x'], ['authorization', 'secret']])
  const [head] = edge!.publish.store.variants(edge!.publish.address('default', '/x').key)
  expect(head?.fields.map(([name]) => name)).toEqual(['content-type', 'cache-control', 'etag', 'last-modified', 'colony-version'])
  for (const fields of [[['cache-control', 'no-store']], [['cache-control', 'private']], [['content-range', 'bytes 0-1/2']], [['content-type', 'a'], ['content-type', 'b']], [['idempotency-key', '""']]] as Field[][]) {
    await expect(send(edge!, bodyFrom('a'), fields)).rejects.toMatchObject({ status: 400 })
  }
})

it('publishes only at paths of sites that take it', async () => {
  const sites = [
    { name: 'own', hosts: ['own.example'], defaultTtlMs: 0, hostHeader: 'origin' },
    { name: 'shop', hosts: ['shop.example'], origin: 'http://127.0.0.1:1/', defaultTtlMs: 0, hostHeader: 'origin' },
    { name: 'both', hosts: ['both.example'], origin: 'http://127.0.0.1:1/', published: true, defaultTtlMs: 0, hostHeader: 'preserve' }
  ] as const
  const { edges: [edge] } = await testColony({ places: ['north'], settings, sites })
  const { publish } = edge!
  expect(publish.address('own', '/a/../b').target).toBe('/b')
  expect(publish.address('both', '/a', 'both.example')).toMatchObject({ host: 'both.example' })
  const refusal = (...given: Parameters<typeof publish.address>): unknown => {
    try {
      return publish.address(...given)
    } catch (error) {
      return error
    }
  }
  expect(refusal('nobody', '/a')).toMatchObject({ status: 404, message: 'there is no site nobody on this edge: expected one of own, shop, both' })
  expect(refusal('shop', '/a')).toMatchObject({ status: 409, message: 'the site shop takes no published content: set published: true for it in the configuration of every edge' })
  expect(refusal('both', '/a')).toMatchObject({ status: 400, message: expect.stringContaining('name the host') as unknown })
  expect(refusal('own', '/a?b')).toMatchObject({ status: 400 })
  expect(refusal('own', '/a b')).toMatchObject({ status: 400 })
  expect(refusal('own', `/${'a'.repeat(5_000)}`)).toMatchObject({ status: 400 })
})
