/**
 * The parts of purging on one edge, joined: the ledger, what is purged, the store behind that, the sweeper, and their numbers. Made
 * before the store, whose events it hears, and before the cache, which asks it.
 */
import type { Clock } from '../../protocols/clock.ts'
import { Purged } from '../../protocols/purge/marks.ts'
import { readSelector } from '../../protocols/purge/selector.ts'
import type { Sites } from '../cache/sites.ts'
import type { HandlerInit } from '../http/handler.ts'
import type { Logger } from '../log.ts'
import type { Metrics } from '../metrics.ts'
import type { Database } from '../database.ts'
import type { StoreEvents, StoreSettings } from '../store/settings.ts'
import type { Store } from '../store/store.ts'
import { taken } from './answer.ts'
import { Ledger } from './ledger.ts'
import { LocalPurges } from './local-purges.ts'
import type { PurgeSites } from './places.ts'
import { notesOn, OrderLimit } from './orders.ts'
import { subjectOf, Wait, type Purger } from './ports.ts'
import { PurgedStore } from './purged-store.ts'
import type { PurgeSettings } from './settings.ts'
import { Sweeper } from './sweeper.ts'

export interface PurgingInit {
  readonly sites: PurgeSites & Pick<Sites, 'all'>
  readonly clock: Clock
  readonly settings: { readonly purge: PurgeSettings, readonly store: Pick<StoreSettings, 'diskBytesMax'> }
  readonly metrics: Metrics
  readonly logger: Logger
  readonly database: () => Database
  /** Of the oldest fetch that may yet be stored. */
  readonly oldestEpoch: () => number
}

export interface Purging {
  readonly local: LocalPurges
  /** Takes orders, not too many, for whoever carries them to all edges, this one among them. */
  orders: (carrier: { readonly purge: Purger }) => { readonly purge: Purger, readonly byMethod: NonNullable<HandlerInit['purge']> }
  /** The same store, without what is purged. Called once. */
  over: (store: Store) => Store
  /** What the store tells, heard here first. */
  hearing: (events: StoreEvents) => StoreEvents
  /** Before the store. */
  start: () => Promise<void>
  /** After it. */
  stop: () => Promise<void>
}

export function createPurging ({ sites, clock, settings: { purge: settings, store: { diskBytesMax } }, metrics, logger, database, oldestEpoch }: PurgingInit): Purging {
  const applied = metrics.counter('purge', 'applied', '', 'Purges that were applied on this edge, by kind.', ['kind'])
  const removed = metrics.counter('purge', 'removed', 'objects', 'Stored objects that the sweeper removed.')
  const ledger = new Ledger({ database, logger, epochsPerBlock: settings.epochsPerBlock, wallMs: () => clock.wallMs() })
  const local = new LocalPurges({
    sites, ledger, clock, settings,
    onApplied: ({ soft }) => {
      applied.inc({ kind: soft ? Purged.Soft : Purged.Hard })
      sweeper?.wake()
    }
  })
  metrics.gauge('purge', 'marks', '', 'Marks of purges that are kept until everything stored has been held against them.', [], (gauge) => { gauge.set(local.marks) })
  let sweeper: Sweeper | undefined
  return {
    local,
    orders: (carrier) => {
      const limit = new OrderLimit(clock, settings)
      const purge: Purger = async (order, signal) => {
        limit.spend()
        const receipt = await carrier.purge(order, signal)
        return { ...receipt, notes: [...receipt.notes, ...notesOn(order.selectors, sites)] }
      }
      return {
        purge,
        byMethod: async (selector, signal) => await taken(async () => await purge({ selectors: [readSelector(selector)], soft: false, wait: Wait.All, timeoutMs: settings.methodWaitMs }, signal))
      }
    },
    over: (store) => {
      const purged = new PurgedStore(store, local)
      sweeper = new Sweeper({ store: purged, purges: local, oldestEpoch, clock, settings, onRemoved: (objects) => { removed.inc(objects) } })
      // Without a disk, all that is stored is known from the start.
      if (diskBytesMax === 0) sweeper.loaded()
      return purged
    },
    hearing: (events) => ({
      ...events,
      dropped: (head, cause) => { events.dropped?.(head, cause === 'removed' && local.isPurged(subjectOf(head)) === Purged.Hard ? 'purged' : cause) },
      loaded: () => {
        events.loaded?.()
        sweeper?.loaded()
      },
      diskUsable: (usable) => {
        events.diskUsable?.(usable)
        sweeper?.diskUsable(usable)
      }
    }),
    start: async () => {
      await local.start()
      sweeper?.wake()
    },
    stop: async () => {
      sweeper?.stop()
      await local.stop()
    }
  }
}
