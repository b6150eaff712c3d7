/**
 * The bytes of one response between the socket and their reader: a queue of bounded size, read as
 * an async iterable. When it is full the socket is paused, and a read that makes room lets it run
 * again, so the reader's pace reaches the origin. Bytes that arrived before a failure are still read;
 * the failure comes after them.
 */
export interface BodyHooks {
  /** There is room again after the queue was full. */
  readonly resume: () => void
  /** The reader left before the end. */
  readonly drop: () => void
}

/**
 * What a chunk costs in memory beside its bytes, in bytes. It counts against the budget, so that an
 * origin cannot fill the memory with a million chunks of one byte.
 */
const chunkOverheadBytes = 256

export class Body implements AsyncIterableIterator<Uint8Array> {
  readonly #budgetBytes: number
  readonly #hooks: BodyHooks
  readonly #chunks: Uint8Array[] = []
  #queuedBytes = 0
  #ended = false
  #error: Error | undefined
  #change: PromiseWithResolvers<void> | undefined

  constructor (budgetBytes: number, hooks: BodyHooks) {
    this.#budgetBytes = budgetBytes
    this.#hooks = hooks
  }

  /** Nothing should be pushed until `resume`. */
  get full (): boolean {
    return this.#queuedBytes >= this.#budgetBytes
  }

  push (chunk: Uint8Array): void {
    if (this.#ended) return
    this.#chunks.push(chunk)
    this.#queuedBytes += chunk.byteLength + chunkOverheadBytes
    this.#notify()
  }

  end (): void {
    this.#ended = true
    this.#notify()
  }

  fail (error: Error): void {
    if (this.#ended) return
    this.#error = error
    this.end()
  }

  [Symbol.asyncIterator] (): this {
    return this
  }

  async next (): Promise<IteratorResult<Uint8Array, undefined>> {
    for (;;) {
      const chunk = this.#chunks.shift()
      if (chunk !== undefined) {
        const wasFull = this.full
        this.#queuedBytes -= chunk.byteLength + chunkOverheadBytes
        if (wasFull && !this.full && !this.#ended) this.#hooks.resume()
        return { done: false, value: chunk }
      }
      if (this.#error !== undefined) throw this.#error
      if (this.#ended) return { done: true, value: undefined }
      this.#change ??= Promise.withResolvers<void>()
      await this.#change.promise
    }
  }

  async return (): Promise<IteratorResult<Uint8Array, undefined>> {
    this.#chunks.length = 0
    this.#queuedBytes = 0
    this.#error = undefined
    if (!this.#ended) {
      this.end()
      this.#hooks.drop()
    }
    return { done: true, value: undefined }
  }

  #notify (): void {
    this.#change?.resolve()
    this.#change = undefined
  }
}
