/**
 * Memory in front of libp2p's datastore. Every stream that is opened, message of the DHT and measured round trip
 * reads the peer store, which keeps nothing in memory: each was a call into LevelDB and through its threads,
 * a fifth of an idle edge's processor time. Writes are gathered for a moment and go through as one batch: joining
 * writes the record of a peer ten times over. What a kill takes with it, the next meeting with that peer tells again.
 */
import type { Startable } from '@libp2p/interface'
import type { Batch, Datastore, Key, KeyQuery, Pair, Query } from 'interface-datastore'
import type { Clock } from '../protocols/clock.ts'

type Options = Parameters<Datastore['get']>[1]
/** What a key holds, or the error that says that it holds nothing. */
type Known = { readonly value: Uint8Array } | { readonly missing: Error }
/** Undefined: to be deleted. */
type Write = { readonly key: Key, readonly value: Uint8Array | undefined }

export interface RememberingInit {
  readonly store: Datastore
  /** Records held, some 500 bytes each for a peer. */
  readonly recordsMax: number
  /** How long a write may wait, ms. */
  readonly writeBehindMs: number
  readonly clock: Clock
}

export class RememberingDatastore implements Datastore, Startable {
  readonly #init: RememberingInit
  readonly #store: Datastore
  /** Least recently used first. */
  readonly #known = new Map<string, Known>()
  #unwritten = new Map<string, Write>()
  /** Those of the batch that is being written. */
  #underway: ReadonlyMap<string, Write> = new Map()
  #flushing: Promise<void> | undefined
  #cancel: (() => void) | undefined
  /** Counts writes: what was read before one may be out of date. */
  #writes = 0

  constructor (init: RememberingInit) {
    this.#init = init
    this.#store = init.store
  }

  start (): void {}
  stop (): void {}

  /** When everything that writes has stopped. */
  async afterStop (): Promise<void> { await this.flush() }

  async get (key: Key, options?: Options): Promise<Uint8Array> {
    const name = key.toString()
    let known = this.#recall(name)
    if (known === undefined) {
      const writes = this.#writes
      known = await this.#read(key, options)
      // Somebody wrote meanwhile, perhaps this key: what was read is an answer, and not to be kept.
      if (writes === this.#writes) this.#remember(name, known)
    } else this.#remember(name, known)
    if ('missing' in known) throw known.missing
    return known.value
  }

  async has (key: Key, options?: Options): Promise<boolean> {
    const known = this.#recall(key.toString())
    return known === undefined ? await this.#store.has(key, options) : 'value' in known
  }

  async put (key: Key, value: Uint8Array): Promise<Key> {
    this.#write({ key, value })
    return key
  }

  async delete (key: Key): Promise<void> { this.#write({ key, value: undefined }) }

  async * putMany (source: Iterable<Pair> | AsyncIterable<Pair>): AsyncGenerator<Key> {
    for await (const { key, value } of source) yield await this.put(key, value)
  }

  async * getMany (source: Iterable<Key> | AsyncIterable<Key>, options?: Options): AsyncGenerator<Pair> {
    for await (const key of source) yield { key, value: await this.get(key, options) }
  }

  async * deleteMany (source: Iterable<Key> | AsyncIterable<Key>): AsyncGenerator<Key> {
    for await (const key of source) {
      await this.delete(key)
      yield key
    }
  }

  batch (): Batch {
    const writes: Write[] = []
    return {
      put: (key, value) => { writes.push({ key, value }) },
      delete: (key) => { writes.push({ key, value: undefined }) },
      commit: async () => { for (const write of writes) this.#write(write) }
    }
  }

  async * query (query: Query, options?: Options): AsyncGenerator<Pair> {
    await this.flush()
    yield * this.#store.query(query, options)
  }

  async * queryKeys (query: KeyQuery, options?: Options): AsyncGenerator<Key> {
    await this.flush()
    yield * this.#store.queryKeys(query, options)
  }

  /** Writes what waits. @throws what the store throws; it then waits on */
  async flush (): Promise<void> {
    await this.#flushing
    if (this.#unwritten.size === 0) return
    this.#flushing = this.#commit()
    try {
      await this.#flushing
    } finally {
      this.#flushing = undefined
    }
  }

  async #commit (): Promise<void> {
    this.#cancel?.()
    this.#cancel = undefined
    const writes = this.#unwritten
    this.#underway = writes
    this.#unwritten = new Map()
    const batch = this.#store.batch()
    for (const { key, value } of writes.values()) {
      if (value === undefined) batch.delete(key)
      else batch.put(key, value)
    }
    try {
      await batch.commit()
    } catch (error) {
      this.#unwritten = new Map([...writes, ...this.#unwritten])
      throw error
    } finally {
      this.#underway = new Map()
    }
  }

  #write (write: Write): void {
    this.#writes++
    const name = write.key.toString()
    this.#unwritten.set(name, write)
    if (write.value === undefined) this.#known.delete(name)
    else this.#remember(name, { value: write.value })
    // A failing disk shows in the store of bodies; here the next write tries again.
    this.#cancel ??= this.#init.clock.after(this.#init.writeBehindMs, () => { this.flush().catch(() => {}) })
  }

  #recall (name: string): Known | undefined {
    const write = this.#unwritten.get(name) ?? this.#underway.get(name)
    if (write === undefined) return this.#known.get(name)
    return write.value === undefined ? { missing: notFound() } : { value: write.value }
  }

  async #read (key: Key, options: Options): Promise<Known> {
    try {
      return { value: await this.#store.get(key, options) }
    } catch (error) {
      if ((error as Error).name !== 'NotFoundError') throw error
      return { missing: error as Error }
    }
  }

  #remember (name: string, known: Known): void {
    this.#known.delete(name)
    this.#known.set(name, known)
    if (this.#known.size <= this.#init.recordsMax) return
    const [oldest] = this.#known.keys()
    if (oldest !== undefined) this.#known.delete(oldest)
  }
}

/** As interface-datastore's own. */
function notFound (): Error {
  return Object.assign(new Error('Not Found'), { name: 'NotFoundError', code: 'ERR_NOT_FOUND' })
}
