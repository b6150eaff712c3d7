/**
 * Makes the store that the settings ask for: memory over files, or memory alone where the disk tier has
 * no budget. Callers know the port (store.ts) and nothing else of this folder.
 */
import { join } from 'node:path'
import type { Clock } from '../../protocols/clock.ts'
import { FileStore } from './file-store.ts'
import { MemoryStore } from './memory-store.ts'
import type { StoreEvents, StoreLogger, StoreSettings } from './settings.ts'
import type { Store } from './store.ts'
import { TieredStore } from './tiered-store.ts'
import { queueBytesMax } from './write-behind.ts'

export * from './errors.ts'
export * from './settings.ts'
export type * from './store.ts'

export interface StoreInit {
  /** The edge's data folder; bodies go to `bodies` in it. */
  readonly folder: string
  readonly settings: StoreSettings
  readonly clock: Clock
  readonly logger: StoreLogger
  readonly events?: StoreEvents
}

export function createStore (init: StoreInit): Store {
  const { folder, settings, clock, logger, events } = init
  if (settings.diskBytesMax === 0) return new MemoryStore({ settings, events })
  const memory = new MemoryStore({ settings, events, asideBytes: queueBytesMax(settings) })
  const files = new FileStore({ folder: join(folder, 'bodies'), settings, clock, logger, events })
  return new TieredStore({ memory, files, settings, events })
}
