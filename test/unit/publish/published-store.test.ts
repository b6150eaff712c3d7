/** Published content in front of the cache's own store. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { Published } from '../../../daemon/publish/published.ts'
import { PublishedStore } from '../../../daemon/publish/published-store.ts'
import { MemoryStore } from '../../../daemon/store/memory-store.ts'
import type { StoreEvents } from '../../../daemon/store/settings.ts'
import type { ContentKey } from '../../../protocols/ids.ts'
import { emptyHash, type Manifest } from '../../../protocols/publish/manifest.ts'
import { publishDefaults } from '../../../protocols/publish/settings.ts'
import { storeConformance } from '../../conformance/store.ts'
import { bodyIn, bodyOf, hashOf, headOf, keyOf, put, settingsOf, stillClock } from '../../support/store.ts'

/** Keys that belong to other edges. */
const elsewhere = new Set<ContentKey>()

async function made (origins: readonly string[] = [], events?: StoreEvents): Promise<{ store: PublishedStore, published: Published, changed: ContentKey[], dispose: () => Promise<void> }> {
  const folder = await mkdtemp(join(tmpdir(), 'colony-overlay-'))
  const published = new Published({ folder, settings: publishDefaults, clock: stillClock(), logger: { warn: () => {} } })
  const changed: ContentKey[] = []
  const store = new PublishedStore({
    inner: new MemoryStore({ settings: settingsOf({ memoryBytesMax: 2_000_000 }), events }),
    published,
    clock: stillClock(),
    defaultMaxAgeS: 10,
    belongs: (key) => !elsewhere.has(key),
    hasOrigin: (site) => origins.includes(site),
    onChange: (key) => { changed.push(key) }
  })
  return { store, published, changed, dispose: async () => { await rm(folder, { recursive: true, force: true }) } }
}

storeConformance('PublishedStore with nothing published', async (events) => {
  const { store, dispose } = await made([], events)
  return { store, files: async () => [], dispose }
})

function manifestOf (name: string, body: Uint8Array, more: Partial<Manifest> = {}): Manifest {
  return {
    key: keyOf(name), site: 'test', target: `/${name}`, hash: hashOf(body), length: body.byteLength, version: { wallMs: 1, counter: 0, peer: 'a' },
    fields: [['content-type', 'text/css']], copies: 1, deleted: false, createdAtMs: 0, ...more
  }
}

async function publish (published: Published, manifest: Manifest, body: Uint8Array): Promise<void> {
  const unpin = published.pin(manifest.hash)
  await published.take(manifest, async function * () { yield body })
  await published.keep(manifest)
  unpin()
}

it('shows what is published in the place of what was cached, and nothing else takes its place', async () => {
  const { store, published, changed, dispose } = await made()
  await store.start()
  const cached = await put(store, 'x', bodyOf(100))
  expect(store.isPublished(cached)).toBe(false)
  const body = bodyOf(5_000, 2)
  await publish(published, manifestOf('x', body), body)
  expect(changed).toEqual([keyOf('x')])
  const [head, ...rest] = store.variants(keyOf('x'))
  expect(rest).toEqual([])
  expect(head).toMatchObject({
    status: 200, length: 5_000, vary: [], initialAgeMs: 0,
    fields: [['content-type', 'text/css'], ['cache-control', 'max-age=10'], ['etag', `"${hashOf(body)}"`], ['last-modified', 'Thu, 01 Jan 1970 00:00:00 GMT'], ['colony-version', '1.0.a']]
  })
  expect(store.isPublished(head!)).toBe(true)
  expect(await bodyIn(store, head!)).toEqual(Buffer.from(body))
  // A fill that was under way, an update, a removal by the cache: none of them shows.
  await put(store, 'x', bodyOf(100, 3), { receivedAtMs: 9_999 })
  await store.update({ ...head!, fields: [] })
  await store.remove(keyOf('x'))
  expect(store.variants(keyOf('x'))).toEqual([head])
  expect([...store.heads()]).toEqual([head])
  expect(store.tier(head!)).toBe('disk')
  await store.stop()
  await dispose()
})

it('gives peers bytes by their hash, also of a version that is not current yet', async () => {
  const { store, published, dispose } = await made()
  await store.start()
  const body = bodyOf(300)
  const manifest = manifestOf('x', body)
  const unpin = published.pin(manifest.hash)
  await published.take(manifest, async function * () { yield body })
  expect(store.variants(manifest.key)).toEqual([])
  const head = store.byHash('test', '/x', manifest.key, manifest.hash)
  expect(await bodyIn(store, head!)).toEqual(Buffer.from(body))
  unpin()
  expect(store.byHash('test', '/x', manifest.key, manifest.hash)).toBeUndefined()
  await store.stop()
  await dispose()
})

it('answers a deleted key with 410 where no origin could have it, and passes on to the cache where one may', async () => {
  const { store, published, dispose } = await made(['shop'])
  await store.start()
  for (const site of ['test', 'shop']) {
    const body = bodyOf(10)
    const manifest = manifestOf(site, body, { site })
    await publish(published, manifest, body)
    await published.keep({ ...manifest, version: { ...manifest.version, wallMs: 2 }, hash: emptyHash, length: 0, fields: [], deleted: true })
  }
  const [gone] = store.variants(keyOf('test'))
  expect(gone).toMatchObject({ status: 410, fields: expect.arrayContaining([['cache-control', 'max-age=10']]) as unknown })
  expect(store.isPublished(gone!)).toBe(true)
  expect(JSON.parse(Buffer.from((await bodyIn(store, gone!))!).toString())).toMatchObject({ status: 410 })
  expect(store.variants(keyOf('shop'))).toEqual([])
  const cached = await put(store, 'shop', bodyOf(20), { site: 'shop' })
  expect(store.variants(keyOf('shop'))).toEqual([cached])
  expect(store.isPublished(headOf(keyOf('shop'), bodyOf(20)))).toBe(false)
  await store.stop()
  await dispose()
})

it('takes a copy that belongs to other edges by now for a cached one', async () => {
  const { store, published, dispose } = await made()
  await store.start()
  const body = bodyOf(100)
  const manifest = manifestOf('moved', body, { createdAtMs: 5 })
  await publish(published, manifest, body)
  elsewhere.add(manifest.key)
  const [head] = store.variants(manifest.key)
  expect(head).toMatchObject({ receivedAtMs: 5, hash: manifest.hash })
  expect(store.isPublished(head!)).toBe(false)
  expect(await bodyIn(store, head!)).toEqual(Buffer.from(body))
  // Found current; then replaced by what was fetched.
  await store.update({ ...head!, receivedAtMs: 70 })
  expect(store.variants(manifest.key)[0]).toMatchObject({ receivedAtMs: 70 })
  const newer = await put(store, 'moved', bodyOf(100, 5), { receivedAtMs: 80 })
  expect(store.variants(manifest.key)).toEqual([newer])
  elsewhere.clear()
  expect(store.variants(manifest.key)[0]).toMatchObject({ hash: manifest.hash })
  await store.stop()
  await dispose()
})
