/** What lies on one edge's disk: whole versions or none, whatever an earlier run or somebody else left there. */
import { cp, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ClassicLevel } from 'classic-level'
import { beforeEach, expect, it, onTestFinished } from 'vitest'
import { Published } from '../../../daemon/publish/published.ts'
import { contentKey } from '../../../protocols/ids.ts'
import type { Manifest } from '../../../protocols/publish/manifest.ts'
import { publishDefaults, type PublishSettings } from '../../../protocols/publish/settings.ts'
import { bodyOf, hashOf, stillClock } from '../../support/store.ts'

let folder: string
let warnings: string[]

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'colony-published-'))
  warnings = []
  onTestFinished(async () => { await rm(folder, { recursive: true, force: true }) })
})

async function opened (more: Partial<PublishSettings> = {}, at = folder): Promise<Published> {
  const published = new Published({ folder: at, settings: { ...publishDefaults, ...more }, clock: stillClock(), logger: { warn: (_fields, message) => { warnings.push(message) } } })
  await published.start()
  onTestFinished(async () => { await published.stop().catch(() => {}) })
  return published
}

function manifestOf (path: string, body: Uint8Array, wallMs: number, more: Partial<Manifest> = {}): Manifest {
  return {
    key: contentKey('default', path), site: 'default', target: path, hash: hashOf(body), length: body.byteLength,
    version: { wallMs, counter: 0, peer: 'a' }, fields: [], copies: 1, deleted: false, createdAtMs: wallMs, ...more
  }
}

async function store (published: Published, manifest: Manifest, body: Uint8Array): Promise<void> {
  const unpin = published.pin(manifest.hash)
  await published.take(manifest, async function * () { yield body })
  await published.keep(manifest)
  unpin()
}

async function bodies (at = folder): Promise<string[]> {
  return (await readdir(join(at, 'published'), { recursive: true })).filter((name) => /\.(part|body)$/.test(name))
}

async function bytes (published: Published, manifest: Manifest): Promise<Uint8Array> {
  return Buffer.concat(await Array.fromAsync(published.read(manifest, 0, manifest.length)))
}

it('has either the old or the new version, whole, at whatever moment the process ended', async () => {
  const published = await opened()
  const old = bodyOf(200_000, 1)
  const next = bodyOf(300_000, 2)
  await store(published, manifestOf('/x', old, 1), old)
  const copies: string[] = []
  const copy = async (): Promise<void> => {
    const at = await mkdtemp(join(tmpdir(), 'colony-published-copy-'))
    onTestFinished(async () => { await rm(at, { recursive: true, force: true }) })
    await cp(folder, at, { recursive: true })
    copies.push(at)
  }
  // What a kill leaves is what the file system shows at that moment.
  const manifest = manifestOf('/x', next, 2)
  const unpin = published.pin(manifest.hash)
  await published.take(manifest, async function * () {
    yield next.subarray(0, 100_000)
    await copy()
    yield next.subarray(100_000)
    await copy()
  })
  await copy()
  await published.keep(manifest)
  await copy()
  unpin()
  await published.stop()
  const found: number[] = []
  for (const at of copies) {
    const again = await opened({}, at)
    const [newest] = again.history(manifest.key)
    const body = newest!.version.wallMs === 1 ? old : next
    found.push(newest!.version.wallMs)
    expect(await bytes(again, newest!)).toEqual(Buffer.from(body))
    // Nothing of what was not promised takes space.
    expect(again.stats().bytes).toBe(newest!.version.wallMs === 1 ? old.byteLength : old.byteLength + next.byteLength)
    expect(await bodies(at)).toHaveLength(newest!.version.wallMs === 1 ? 1 : 2)
  }
  expect(found).toEqual([1, 1, 1, 2])
})

it('refuses bytes that are not those that were named', async () => {
  const published = await opened()
  const body = bodyOf(1_000)
  const manifest = manifestOf('/x', body, 1)
  for (const wrong of [bodyOf(1_000, 1), bodyOf(999), bodyOf(1_001)]) {
    await expect(published.take(manifest, async function * () { yield wrong })).rejects.toMatchObject({ code: 'COLONY_PUBLISH_DIGEST' })
  }
  await expect(published.keep(manifest)).rejects.toMatchObject({ code: 'COLONY_PUBLISH_BYTES' })
  expect(await bodies()).toEqual([])
  expect(published.stats()).toMatchObject({ objects: 0, bytes: 0 })
})

it('keeps one file for many objects with the same bytes, until the last is gone and nobody needs it', async () => {
  const published = await opened()
  const body = bodyOf(1_000)
  for (const path of ['/a', '/b']) await store(published, manifestOf(path, body, 1), body)
  expect(await bodies()).toHaveLength(1)
  await published.forget(contentKey('default', '/a'))
  expect(await bytes(published, manifestOf('/b', body, 1))).toEqual(Buffer.from(body))
  const unpin = published.pin(hashOf(body))
  await published.forget(contentKey('default', '/b'))
  expect(published.has(hashOf(body))).toBe(true)
  unpin()
  expect(published.stats()).toMatchObject({ objects: 0, bytes: 0 })
})

it('gives out no byte of a body that changed on disk, and passes over files that are not its own', async () => {
  const published = await opened()
  const body = bodyOf(5_000)
  const manifest = manifestOf('/x', body, 1)
  await store(published, manifest, body)
  await published.stop()
  const [name] = await bodies()
  await writeFile(join(folder, 'published', name!), bodyOf(5_000, 9))
  await mkdir(join(folder, 'published', 'bodies', 'notes'))
  await writeFile(join(folder, 'published', 'bodies', 'notes', 'README'), 'mine')
  const again = await opened()
  expect(again.has(manifest.hash)).toBe(true)
  await expect(bytes(again, manifest)).rejects.toMatchObject({ code: 'COLONY_PUBLISH_BYTES' })
  expect(again.has(manifest.hash)).toBe(false)
  expect(warnings).toEqual([expect.stringContaining('damaged')])
  expect(await readdir(join(folder, 'published', 'bodies', 'notes'))).toEqual(['README'])
})

it('leaves out records that it cannot read, and refuses those of a newer version', async () => {
  const published = await opened()
  const body = bodyOf(100)
  await store(published, manifestOf('/x', body, 1), body)
  await published.stop()
  const level = new ClassicLevel<string, Uint8Array>(join(folder, 'published', 'manifests'), { valueEncoding: 'view' })
  await level.put(contentKey('default', '/bad'), Buffer.from('rubbish'))
  await level.close()
  const again = await opened()
  expect(again.stats().objects).toBe(1)
  expect(warnings).toEqual([expect.stringContaining('could not be read')])
  await again.stop()
  await level.open()
  await level.put('!format', Buffer.from('2'))
  await level.close()
  await expect(opened()).rejects.toMatchObject({ code: 'COLONY_DATA_FOLDER', message: expect.stringContaining('has the format 2 of a newer version') as unknown })
})

it('takes no more objects than it may', async () => {
  const published = await opened({ objectsMax: 2 })
  const body = bodyOf(100)
  for (const path of ['/a', '/b']) await store(published, manifestOf(path, body, 1), body)
  await expect(store(published, manifestOf('/c', body, 1), body)).rejects.toMatchObject({ status: 507 })
  await store(published, manifestOf('/a', body, 2), body)
})
