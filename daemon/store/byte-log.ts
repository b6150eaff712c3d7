/**
 * A body in memory that grows while it is read. Bytes are copied in, as a chunk from a socket is often
 * a small view on a large pooled buffer, and would hold all of that. What is handed out is a
 * view on the body's own bytes: it stays as it is when the body grows, and must not be written to.
 */

/** Largest block, bytes. One block holds all of a common object, so that it is answered with one write. */
const blockBytesMax = 256 * 1024
/** First block of a body of unknown length, bytes; it doubles up to the largest. */
const blockBytesMin = 4 * 1024
/** First block when a length is promised, bytes at most: a promise costs the promiser nothing. */
const hintedBytesMax = 64 * 1024

const empty = new Uint8Array(0)

export class ByteLog {
  readonly #lengthHint: number | undefined
  readonly #blocks: Uint8Array[] = []
  #length = 0
  #capacity = 0

  constructor (lengthHint?: number) {
    this.#lengthHint = lengthHint
  }

  get length (): number {
    return this.#length
  }

  /** Bytes of memory held. */
  get capacity (): number {
    return this.#capacity
  }

  /** Bytes of memory that will be held after `more` bytes were appended. */
  capacityAfter (more: number): number {
    const length = this.#length + more
    if (length <= this.#capacity) return this.#capacity
    let capacity = this.#lengthHint === undefined ? blockBytesMin : Math.min(this.#lengthHint, hintedBytesMax)
    capacity = Math.max(capacity, 1)
    while (capacity < length && capacity < blockBytesMax) capacity = Math.min(2 * capacity, blockBytesMax)
    if (capacity < length) capacity = Math.ceil(length / blockBytesMax) * blockBytesMax
    return this.#lengthHint !== undefined && length <= this.#lengthHint ? Math.min(capacity, this.#lengthHint) : capacity
  }

  append (chunk: Uint8Array): void {
    this.#resize(this.capacityAfter(chunk.byteLength))
    let rest = chunk
    while (rest.byteLength > 0) {
      const block = this.#blocks[Math.floor(this.#length / blockBytesMax)] as Uint8Array
      const at = this.#length % blockBytesMax
      const part = rest.subarray(0, block.byteLength - at)
      block.set(part, at)
      this.#length += part.byteLength
      rest = rest.subarray(part.byteLength)
    }
  }

  /** @returns at most `lengthMax` bytes, up to the end of a block; none at or after the end */
  read (offset: number, lengthMax: number): Uint8Array {
    if (offset >= this.#length || lengthMax <= 0) return empty
    const block = this.#blocks[Math.floor(offset / blockBytesMax)] as Uint8Array
    const at = offset % blockBytesMax
    const end = Math.min(at + lengthMax, at + this.#length - offset, block.byteLength)
    return block.subarray(at, end)
  }

  /** Gives back everything: the body goes on elsewhere, or is not wanted. */
  clear (): void {
    this.#length = 0
    this.#resize(0)
  }

  /** Gives back what is held beyond the length. */
  trim (): void {
    this.#resize(this.#length)
  }

  #resize (capacity: number): void {
    if (capacity === this.#capacity) return
    this.#capacity = capacity
    this.#blocks.length = Math.ceil(capacity / blockBytesMax)
    for (let index = 0; index < this.#blocks.length; index++) {
      const wanted = Math.min(blockBytesMax, capacity - index * blockBytesMax)
      const block = this.#blocks[index]
      if (block?.byteLength === wanted) continue
      // Not from the shared pool: a body of 100 bytes would hold 8 KiB of it for as long as it is cached.
      const next = Buffer.allocUnsafeSlow(wanted)
      if (block !== undefined) next.set(block.subarray(0, wanted))
      this.#blocks[index] = next
    }
  }
}
