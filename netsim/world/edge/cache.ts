/**
 * The cache of a simulated edge: what is stored, what is on its way, or a new flight. Mirrors daemon/cache/cache.ts;
 * clients and peers both come through here.
 */
import type { ContentKey } from '../../../protocols/ids.ts'
import type { Disk } from '../disk.ts'
import type { Copies, Copy } from './copies.ts'
import type { Fetcher, Obtained } from './fetcher.ts'
import { Flight, Flights, Level, Source, type Outcome } from './flights.ts'
import type { Head } from './messages.ts'
import type { Self } from './self.ts'
import { run } from './task.ts'

export interface CacheRequest {
  readonly object: number
  readonly key: ContentKey
  readonly level: Level
  readonly path: readonly number[]
  readonly silent: readonly number[]
}

/** `stored` in place of `source` when this edge had it, stale then. */
export type Result =
  | { readonly kind: 'found', readonly head: Head, readonly source: Source }
  | { readonly kind: 'failed' }

export class Cache {
  readonly copies: Copies
  readonly flights = new Flights()
  readonly #self: Self
  readonly #fetcher: Fetcher
  /** What survives a restart; none in a large world. */
  readonly #disk: Disk<Copy> | undefined
  /** The directory is to be told: it came or went. */
  readonly #onChange: (object: number, key: ContentKey) => void

  constructor (self: Self, fetcher: Fetcher, copies: Copies, disk: Disk<Copy> | undefined, onChange: (object: number, key: ContentKey) => void) {
    this.#self = self
    this.#fetcher = fetcher
    this.copies = copies
    this.#disk = disk
    this.#onChange = onChange
  }

  start (): void {
    this.flights.clear()
    this.copies.clear()
    const disk = this.#disk
    if (disk === undefined) return
    this.#self.watch.restored(this.#self.index, disk)
    for (const [object, copy] of disk.entries()) {
      if (this.copies.find(object as number) !== -1) continue
      for (const gone of this.copies.restore(object as number, copy)) this.#write(gone, undefined)
    }
    this.#self.watch.stored(this.#self.index)
    this.#sync(disk)
  }

  /** Whether the copy in that slot may be served without asking anybody. */
  isFresh (object: number, slot: number): boolean {
    return this.#self.objects.lifetimeMs(object) > this.copies.ageMs(slot, this.#self.machine.wallMs())
  }

  head (slot: number, stale: boolean): Head {
    const { copies } = this
    return { version: copies.version(slot), bytes: copies.bytesAt(slot), ageMs: copies.ageMs(slot, this.#self.machine.wallMs()), stale }
  }

  /**
   * Of something that is not stored fresh.
   *
   * @returns the flight that is waited for
   */
  request (request: CacheRequest, done: (result: Result) => void): Flight {
    const { object, level } = request
    let variant = 0
    let flight = this.flights.get(object, 0)
    if (flight !== undefined && flight.level < level) {
      // It may be waiting on the very edge that asks: a flight of its own cannot.
      variant = level
      flight = this.flights.get(object, level)
    }
    const isNew = flight === undefined
    const slot = this.copies.find(object)
    flight ??= new Flight(this.#self.index, object, variant, level, slot === -1 ? -1 : this.copies.version(slot), this.#self.trueMs())
    flight.join((outcome) => { done(this.#settle(object, outcome)) })
    if (isNew) this.#depart(flight, request)
    return flight
  }

  /** RFC 9111 section 4.2.4: no origin can be reached, and what is stored does not forbid it. */
  #settle (object: number, outcome: Outcome): Result {
    if (outcome.kind === 'arrived') return { kind: 'found', head: outcome.head, source: outcome.source }
    const slot = this.copies.find(object)
    return slot === -1 ? outcome : { kind: 'found', head: this.head(slot, true), source: Source.Store }
  }

  #depart (flight: Flight, { key, level, path, silent }: CacheRequest): void {
    this.flights.add(flight)
    this.#self.watch.flight(flight, 'begins')
    run(this.#fetcher.obtain({ key, flight, level, path, silent }), (got) => {
      const outcome = this.#commit(flight, key, got)
      this.flights.remove(flight)
      this.#self.watch.flight(flight, 'ends')
      flight.land(outcome)
    })
  }

  #commit ({ object, held }: Flight, key: ContentKey, got: Obtained): Outcome {
    if (got.kind === 'failed') return got
    const { head, same, source } = got
    if (head.version === -1) return { kind: 'arrived', head, source }
    // The others have what is held here, and no origin can be reached: it is served as it is, its age too.
    if (same && head.stale) return { kind: 'failed' }
    const receivedAtMs = this.#self.machine.wallMs()
    const slot = this.copies.find(object)
    if (same) {
      // Evicted or replaced meanwhile, there is nothing to refresh.
      if (slot === -1 || this.copies.version(slot) !== held) return { kind: 'arrived', head, source }
      this.copies.refresh(object, head.ageMs, receivedAtMs)
      this.#write(object, this.copies.copy(slot))
      return { kind: 'arrived', head, source }
    }
    const copy: Copy = { version: head.version, bytes: head.bytes, initialAgeMs: head.ageMs, receivedAtMs }
    const gone = this.copies.put(object, copy)
    if (gone === undefined) {
      this.#write(object, undefined)
      if (slot !== -1) this.#onChange(object, key)
      return { kind: 'arrived', head, source }
    }
    this.#write(object, copy)
    this.#onChange(object, key)
    for (const other of gone) {
      this.#write(other, undefined)
      this.#onChange(other, this.#self.objects.key(other))
    }
    this.#self.watch.stored(this.#self.index)
    return { kind: 'arrived', head, source }
  }

  /** The object is as old as it may be, wherever it came from. */
  expire (object: number): void {
    this.copies.refresh(object, this.#self.objects.lifetimeMs(object), this.#self.machine.wallMs())
  }

  #write (object: number, copy: Copy | undefined): void {
    if (this.#disk === undefined) return
    if (copy === undefined) this.#disk.delete(object)
    else this.#disk.write(object, copy)
    this.#self.watch.written(this.#self.index, object, copy)
  }

  #sync (disk: Disk<Copy>): void {
    const { machine, settings: { model }, index, watch } = this.#self
    machine.after(model.diskSyncIntervalMs, () => {
      if (disk.unsynced > 0) {
        watch.sync(index, 'begins')
        disk.sync(() => { watch.sync(index, 'ends') })
      }
      this.#sync(disk)
    })
  }
}

export { Level, Source }
