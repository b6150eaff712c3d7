/** What the cache's tests share: sources that a test feeds by hand, and fills over a real memory store. */
import { Fill, type FillHead, type FillInit } from '../../../daemon/cache/fill.ts'
import { Interest } from '../../../daemon/cache/interest.ts'
import { cacheDefaults } from '../../../daemon/cache/settings.ts'
import type { Upstream } from '../../../daemon/cache/upstream.ts'
import { MemoryStore } from '../../../daemon/store/memory-store.ts'
import type { StoreSettings } from '../../../daemon/store/settings.ts'
import type { StoredResponse } from '../../../daemon/store/store.ts'
import { hashOf, keyOf, settingsOf } from '../../support/store.ts'

/**
 * A body whose bytes a test hands in. Dropping it while somebody waits for more ends it as an origin's
 * body ends: without an error.
 */
export class Feed implements AsyncIterableIterator<Uint8Array> {
  readonly #chunks: Uint8Array[] = []
  #over = false
  #error: Error | undefined
  #change = Promise.withResolvers<void>()
  #waiting = false
  taken = 0

  /** Whether whoever reads it has had everything and waits for more. */
  get waiting (): boolean { return this.#waiting && this.#chunks.length === 0 }

  push (...chunks: readonly Uint8Array[]): this {
    this.#chunks.push(...chunks)
    return this.#notify()
  }

  end (): this {
    this.#over = true
    return this.#notify()
  }

  fail (error: Error): this {
    this.#error = error
    return this.end()
  }

  [Symbol.asyncIterator] (): this { return this }

  async next (): Promise<IteratorResult<Uint8Array, undefined>> {
    for (;;) {
      const chunk = this.#chunks.shift()
      this.#waiting = false
      if (chunk !== undefined) {
        this.taken++
        return { done: false, value: chunk }
      }
      if (this.#error !== undefined) throw this.#error
      if (this.#over) return { done: true, value: undefined }
      this.#waiting = true
      await this.#change.promise
    }
  }

  async return (): Promise<IteratorResult<Uint8Array, undefined>> {
    this.#chunks.length = 0
    this.end()
    return { done: true, value: undefined }
  }

  #notify (): this {
    this.#change.resolve()
    this.#change = Promise.withResolvers<void>()
    return this
  }
}

export interface TestUpstream extends Upstream {
  readonly feed: Feed
  cancelled: number
}

export function upstreamOf (more: Partial<Omit<Upstream, 'body' | 'cancel'>> & { total?: Upstream['total'] } = {}): TestUpstream {
  const feed = new Feed()
  const upstream: TestUpstream = {
    source: 'origin',
    status: 200,
    fields: [['etag', '"1"'], ['cache-control', 'max-age=60']],
    receivedAtMs: 1_000,
    initialAgeMs: 0,
    stale: false,
    total: () => undefined,
    ...more,
    feed,
    body: feed,
    cancelled: 0,
    cancel: () => {
      upstream.cancelled++
      // A peer's stream is aborted, an origin's iteration ended.
      if (more.source === 'peer') feed.fail(new Error('the transfer was dropped by the asker'))
      else void feed.return()
    }
  }
  return upstream
}

/** A peer's answer that claims this body. */
export function peerOf (body: Uint8Array, more: Partial<Omit<Upstream, 'body' | 'cancel'>> = {}): TestUpstream {
  const hash = hashOf(body)
  return upstreamOf({ source: 'peer', peer: 'peer-1', length: body.byteLength, hash, total: () => ({ length: body.byteLength, hash }), ...more })
}

export interface FillRig {
  readonly fill: Fill
  readonly store: MemoryStore
  readonly interest: Interest
  readonly running: Promise<void>
  readonly stored: () => StoredResponse | undefined
  readonly resumed: Array<{ offset: number }>
  over: number
}

export interface FillRigInit {
  readonly upstream: TestUpstream
  readonly store?: MemoryStore
  readonly settings?: Partial<FillInit['settings']>
  readonly storable?: boolean
  readonly resume?: FillInit['resume']
  /** Who has an interest from the start. */
  readonly interest?: Interest
}

export function memoryStore (more: Partial<StoreSettings> = {}): MemoryStore {
  return new MemoryStore({ settings: settingsOf(more) })
}

export async function fillOf (init: FillRigInit): Promise<FillRig> {
  const { upstream } = init
  const store = init.store ?? memoryStore()
  const key = keyOf('filled')
  const writer = await store.create(key, upstream.length)
  if (writer === undefined) throw new Error('the store takes no such body')
  const head: FillHead = {
    key, variant: '', site: 'test', target: '/filled', status: 200, fields: upstream.fields, vary: [],
    receivedAtMs: upstream.receivedAtMs, initialAgeMs: upstream.initialAgeMs, length: upstream.length, hash: upstream.hash
  }
  const interest = init.interest ?? new Interest()
  const resumed: Array<{ offset: number }> = []
  const fill = new Fill({
    head, upstream, writer, interest,
    storable: () => init.storable ?? true,
    settings: { ...cacheDefaults, ...init.settings },
    onOver: () => { rig.over++ },
    resume: async (offset, failed) => {
      resumed.push({ offset })
      if (init.resume === undefined) throw new Error('no other source')
      return await init.resume(offset, failed)
    }
  })
  const rig: FillRig = { fill, store, interest, resumed, over: 0, running: Promise.resolve(), stored: () => store.variants(key)[0] }
  return Object.assign(rig, { running: fill.run() })
}

/** All that a reader gets, and how it ended. Lets everything else run between two chunks, as a socket does. */
export async function readFill (fill: Fill, start = 0, end?: number, signal = new AbortController().signal): Promise<{ bytes: Uint8Array, error?: Error }> {
  const parts: Uint8Array[] = []
  try {
    for await (const chunk of fill.read(start, end, signal)) {
      if (chunk.byteLength === 0) throw new Error('a reader was given a chunk without bytes')
      parts.push(chunk)
      await turn()
    }
    return { bytes: Buffer.concat(parts) }
  } catch (error) {
    return { bytes: Buffer.concat(parts), error: error as Error }
  }
}

/** Lets all that is due run. */
export async function turn (): Promise<void> {
  await new Promise((resolve) => { setImmediate(resolve) })
}

export function same (one: Uint8Array, other: Uint8Array): boolean {
  return Buffer.compare(one, other) === 0
}
