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
  // What leaves a tier may still be held by another one: what is held, the store of both says.
  const ofTier: StoreEvents = {
    ...events,
    committed: undefined,
    refused: undefined,
    dropped: (head, cause) => { tiered.left(head, cause) }
  }
  const memory = new MemoryStore({ settings, events: ofTier, asideBytes: queueBytesMax(settings) })
  const files = new FileStore({ folder: join(folder, 'bodies'), settings, clock, logger, events: ofTier })
  const tiered = new TieredStore({ memory, files, settings, events })
  return tiered
}
