/** The store's conformance suite on every implementation. */
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Published } from '../../daemon/publish/published.ts'
import { PublishedStore } from '../../daemon/publish/published-store.ts'
import { FileStore } from '../../daemon/store/file-store.ts'
import { createStore } from '../../daemon/store/index.ts'
import { MemoryStore } from '../../daemon/store/memory-store.ts'
import type { StoreEvents, StoreSettings } from '../../daemon/store/settings.ts'
import type { Store } from '../../daemon/store/store.ts'
import { publishDefaults } from '../../protocols/publish/settings.ts'
import { settingsOf, stillClock } from '../support/store.ts'
import { storeConformance } from './store.ts'
import type { StoreUnderTest } from './store.ts'

const logger = { warn: () => {} }

async function onDisk (make: (folder: string) => Store): Promise<StoreUnderTest> {
  const folder = await mkdtemp(join(tmpdir(), 'colony-store-'))
  return {
    store: make(folder),
    files: async () => (await readdir(folder, { recursive: true, withFileTypes: true })).filter((each) => each.isFile() && each.name.endsWith('.body')).map((each) => each.name).sort(),
    dispose: async () => { await rm(folder, { recursive: true, force: true }) }
  }
}

function tiered (more: Partial<StoreSettings>): (events: StoreEvents) => Promise<StoreUnderTest> {
  return async (events) => await onDisk((folder) => createStore({ folder, settings: settingsOf(more), clock: stillClock(), logger, events }))
}

const memoryBytesMax = 2_000_000
const diskBytesMax = 2_000_000

storeConformance('MemoryStore', async (events) => ({
  store: new MemoryStore({ settings: settingsOf({ memoryBytesMax }), events }),
  files: async () => [],
  dispose: async () => {}
}))

storeConformance('FileStore', async (events) => await onDisk((folder) => new FileStore({
  folder, settings: settingsOf({ diskBytesMax }), clock: stillClock(), logger, events
})))

storeConformance('FileStore with two file handles', async (events) => await onDisk((folder) => new FileStore({
  folder, settings: settingsOf({ diskBytesMax, diskHandlesMax: 2 }), clock: stillClock(), logger, events
})))

storeConformance('TieredStore', tiered({ memoryBytesMax, diskBytesMax }))

storeConformance('TieredStore whose bodies outgrow memory at once', tiered({ memoryBytesMax, diskBytesMax, memoryObjectBytesMax: 20_000, memoryUnknownBytesMax: 5_000 }))

storeConformance('TieredStore with next to no memory', tiered({ memoryBytesMax: 200_000, diskBytesMax }))

storeConformance('TieredStore without a disk', tiered({ memoryBytesMax, diskBytesMax: 0 }))

storeConformance('PublishedStore over a TieredStore, with nothing published', async (events) => await onDisk((folder) => new PublishedStore({
  inner: createStore({ folder, settings: settingsOf({ memoryBytesMax, diskBytesMax }), clock: stillClock(), logger, events }),
  published: new Published({ folder, settings: publishDefaults, clock: stillClock(), logger }),
  clock: stillClock(), defaultMaxAgeS: 10, hasOrigin: () => true, belongs: () => true, onChange: () => {}
})))
