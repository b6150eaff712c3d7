/**
 * Objects of the memory tier on their way to the disk tier: a queue with a bound in bytes, drained by a few
 * writers, off every request's way. A queued object can be found and read until it is on disk, even
 * when memory has evicted it meanwhile. A newer body of the variant, or its removal, cancels the
 * write, also in its last moment before the object becomes visible.
 */
import type { ContentKey } from '../../protocols/ids.ts'
import type { FileStore } from './file-store.ts'
import { HeadIndex } from './heads.ts'
import type { MemoryBody } from './memory-store.ts'
import type { DropCause, StoreSettings } from './settings.ts'
import type { BodyReader, StoredResponse, VariantKey } from './store.ts'

/** Largest share of the memory budget for what waits: it is set aside from the tier's own. */
const queueShareMax = 0.125

/** Bytes that may wait, as such a body can be evicted from memory and still be held here. */
export function queueBytesMax (settings: StoreSettings): number {
  return Math.min(settings.diskQueueBytesMax, Math.floor(settings.memoryBytesMax * queueShareMax))
}

interface Job {
  head: StoredResponse
  readonly body: MemoryBody
  readonly reader: BodyReader
}

export class WriteBehind {
  readonly #files: FileStore
  readonly #settings: StoreSettings
  readonly #left: (head: StoredResponse, cause: DropCause) => void
  /** Wanted and not on disk yet, waiting or being written. */
  readonly #jobs = new HeadIndex<Job>()
  readonly #queue: Job[] = []
  readonly #writers = new Set<Promise<void>>()
  #bytes = 0

  /** @param left told of what waits no more, whether it came to the disk or not */
  constructor (files: FileStore, settings: StoreSettings, left: (head: StoredResponse, cause: DropCause) => void) {
    this.#files = files
    this.#settings = settings
    this.#left = left
  }

  variants (key: ContentKey): readonly StoredResponse[] {
    return this.#jobs.variants(key)
  }

  body (head: StoredResponse): MemoryBody | undefined {
    return this.#jobs.find(head)?.body
  }

  heads (): Iterable<StoredResponse> {
    return this.#jobs.values().map((job) => job.head)
  }

  /** @returns false when the queue is full: the object is not written */
  add (head: StoredResponse, body: MemoryBody): boolean {
    this.cancel(head.key, head.variant)
    if (this.#bytes + body.log.capacity > queueBytesMax(this.#settings)) return false
    const job: Job = { head, body, reader: body.pin() }
    this.#bytes += body.log.capacity
    this.#jobs.set(job)
    this.#queue.push(job)
    if (this.#writers.size < this.#settings.diskQueueWritersMax) {
      const writer = this.#drain()
      this.#writers.add(writer)
      void writer.finally(() => { this.#writers.delete(writer) })
    }
    return true
  }

  update (head: StoredResponse): void {
    const job = this.#jobs.find(head)
    if (job !== undefined) this.#jobs.update(job, head)
  }

  cancel (key: ContentKey, variant?: VariantKey): void {
    for (const job of this.#jobs.select(key, variant)) this.#leave(job, 'removed')
  }

  /** Resolves when nothing waits. */
  async flush (): Promise<void> {
    while (this.#writers.size > 0) await Promise.all(this.#writers)
  }

  async #drain (): Promise<void> {
    for (let job = this.#queue.shift(); job !== undefined; job = this.#queue.shift()) {
      try {
        if (this.#wants(job)) await this.#write(job)
      } catch {
        // The disk tier has said what failed; the object stays in memory only.
      } finally {
        if (this.#wants(job)) this.#leave(job, 'evicted')
        this.#bytes -= job.body.log.capacity
        job.reader.close()
      }
    }
  }

  async #write (job: Job): Promise<void> {
    const writer = await this.#files.create(job.head.key, job.head.length)
    if (writer === undefined) return
    try {
      while (writer.written < job.head.length && this.#wants(job)) {
        await writer.write(job.body.log.read(writer.written, job.head.length))
      }
      const { head } = job
      if (!this.#wants(job) || !await writer.commit(head, { wanted: () => this.#wants(job) })) return
      // A 304 came in while the head was being written.
      if (job.head !== head) await this.#files.update(job.head)
    } finally {
      await writer.close()
    }
  }

  #leave (job: Job, cause: DropCause): void {
    this.#jobs.delete(job)
    this.#left(job.head, cause)
  }

  #wants (job: Job): boolean {
    return this.#jobs.find(job.head) === job
  }
}
