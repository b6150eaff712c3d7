/**
 * Goes through everything stored, some while after a purge, slowly: removes what was purged hard, so that its space comes back, and
 * writes into the heads of what was purged softly since when it is stale. After that the marks have nothing left to say and are
 * dropped. That must not be believed too soon, or what was purged comes back:
 *
 * 1. a fetch began before the purge, and is stored behind the walk: marks younger than the oldest fetch under way stay;
 * 2. the index of an earlier run is still being read: there is no walk before it is whole;
 * 3. the disk does not take the removals: a walk during which it failed does not count.
 */
import type { Clock } from '../../protocols/clock.ts'
import { Purged } from '../../protocols/purge/marks.ts'
import type { StoredResponse } from '../store/store.ts'
import type { LocalPurges } from './local-purges.ts'
import { subjectOf } from './ports.ts'
import type { PurgedStore } from './purged-store.ts'
import type { PurgeSettings } from './settings.ts'

export interface SweeperInit {
  readonly store: Pick<PurgedStore, 'all' | 'tidy' | 'update'>
  readonly purges: Pick<LocalPurges, 'stamp' | 'latest' | 'isPurged' | 'softenedAtMs' | 'settle'>
  /** Of the oldest fetch that may yet be stored; Infinity without any. */
  readonly oldestEpoch: () => number
  readonly clock: Clock
  readonly settings: Pick<PurgeSettings, 'sweepDelayMs' | 'sweepObjectsPerSlice' | 'sweepPauseMs'>
  readonly onRemoved: (objects: number) => void
}

export class Sweeper {
  readonly #init: SweeperInit
  #loaded = false
  #diskUsable = true
  #sound = true
  #sweeping = false
  #stopped = false
  #cancel: (() => void) | undefined

  constructor (init: SweeperInit) { this.#init = init }

  /** All that an earlier run left is known. */
  loaded (): void {
    this.#loaded = true
    this.wake()
  }

  diskUsable (usable: boolean): void {
    this.#diskUsable = usable
    if (!usable) this.#sound = false
  }

  /** There may be something to do; soon is early enough. */
  wake (): void {
    if (this.#cancel !== undefined || this.#sweeping || this.#stopped || this.#init.purges.latest === 0) return
    this.#cancel = this.#init.clock.after(this.#init.settings.sweepDelayMs, () => {
      this.#cancel = undefined
      void this.sweep()
    })
  }

  stop (): void {
    this.#stopped = true
    this.#cancel?.()
  }

  /** One walk. Never rejects. @returns the objects that were removed */
  async sweep (): Promise<number> {
    const { store, purges, oldestEpoch, settings, onRemoved } = this.#init
    if (!this.#loaded || this.#sweeping || this.#stopped) return 0
    this.#sweeping = true
    this.#sound = this.#diskUsable
    const upTo = Math.min(purges.stamp, oldestEpoch())
    let removed = 0
    try {
      const rest = store.all()[Symbol.iterator]()
      for (let more = true; more && !this.#stopped;) {
        const work: Promise<number>[] = []
        for (let count = 0; more && count < settings.sweepObjectsPerSlice; count++) {
          const next = rest.next()
          more = next.done !== true
          if (next.done !== true) work.push(...this.#look(next.value))
        }
        const slice = (await Promise.all(work)).reduce((sum, each) => sum + each, 0)
        onRemoved(slice)
        removed += slice
        if (more) await this.#pause()
      }
      if (this.#sound && !this.#stopped) purges.settle(upTo)
    } catch {
      // The store has said what failed; the marks stay.
    } finally {
      this.#sweeping = false
    }
    // What came meanwhile, or could not be settled.
    this.wake()
    return removed
  }

  #look (head: StoredResponse): Array<Promise<number>> {
    const { store, purges } = this.#init
    const subject = subjectOf(head)
    switch (purges.isPurged(subject)) {
      case Purged.None: return []
      case Purged.Hard: return [store.tidy(head.key)]
      case Purged.Soft: {
        // Hard purges so far do not mean it, soft ones are said by the time: it is as good as fetched now.
        const staleAtMs = Math.min(head.staleAtMs ?? Infinity, purges.softenedAtMs(subject) ?? Infinity)
        return [store.update({ ...head, epoch: purges.stamp, tags: subject.tags ?? [], staleAtMs }).then(() => 0)]
      }
    }
  }

  async #pause (): Promise<void> {
    await new Promise<void>((resolve) => { this.#init.clock.after(this.#init.settings.sweepPauseMs, resolve) })
  }
}
