/**
 * One body on its way in and all who read it. Bytes go to the store's writer and become readable at
 * once, so that a client who comes later reads from the start while the rest is still arriving, and a slow client
 * holds up nobody. When the source breaks off the fill goes on from another one at the last good
 * byte. What a peer sent is shown up to the last block only once the whole has been checked.
 */
import { createHash, type Hash } from 'node:crypto'
import type { StoredResponse, StoreWriter } from '../store/store.ts'
import { codeOf, ColonyError, messageOf } from '../../protocols/errors.ts'
import type { Interest } from './interest.ts'
import type { CacheSettings } from './settings.ts'
import type { Upstream } from './upstream.ts'

/** A response head while its body is arriving: length and hash may not be known yet. */
export type FillHead = Omit<StoredResponse, 'length' | 'hash'> & { readonly length?: number, readonly hash?: string }

/** The body could not be completed. Clients see a transfer that is cut, never a short one that looks whole. */
export class FillError extends ColonyError {
  constructor (message: string, options?: { cause?: unknown }) {
    super('COLONY_FILL', message, options)
  }
}

export interface FillInit {
  readonly head: FillHead
  readonly upstream: Upstream
  readonly writer: StoreWriter
  /** Who still wants it: the writer stays readable as long as anybody does. */
  readonly interest: Interest
  /** Whether the response may be stored, asked once it is whole. */
  readonly storable: () => boolean
  readonly settings: CacheSettings
  /** Another source for the same version from `offset` on; throws when there is none. */
  readonly resume: (offset: number, failed: Upstream) => Promise<Upstream>
  /** The last byte is in, or none will come any more; readers may still be reading. */
  readonly onOver: () => void
}

interface Reader { at: number }

export class Fill {
  readonly head: FillHead
  readonly #init: FillInit
  readonly #readers = new Set<Reader>()
  #upstream: Upstream
  #visible = 0
  #written = 0
  #state: 'running' | 'done' | 'failed' = 'running'
  #failure: unknown
  #dropped = false
  #resuming = false
  #wakers: Array<() => void> = []
  /** The last chunks: whoever keeps up reads them here and not back from the disk. */
  readonly #recent: Array<{ start: number, bytes: Uint8Array }> = []
  #recentBytes = 0
  /** The store takes no more: what comes from here on is to be had in `#recent` alone. */
  #fullAt: number | undefined
  #hash: string | undefined
  /** Whether any byte came from a peer. */
  #fromPeer = false
  /** Over all bytes, once the store's own hash covers only a part. */
  #sum: Hash | undefined

  constructor (init: FillInit) {
    this.head = init.head
    this.#init = init
    this.#upstream = init.upstream
    init.interest.onChange(() => { this.#onInterest() })
  }

  /** Whether a new reader can still have every byte. */
  get joinable (): boolean { return this.#fullAt === undefined && this.#state !== 'failed' && !this.#dropped }
  get done (): boolean { return this.#state !== 'running' }
  /** Bytes that a reader can have now. */
  get visible (): number { return this.#visible }
  /** Whether its bytes come from the origin now, or are all here: a reader then waits on no peer. */
  get fromOrigin (): boolean { return this.#state === 'done' || (this.#upstream.source === 'origin' && !this.#resuming) }
  total (): { length: number, hash?: string } { return { length: this.#written, hash: this.#hash } }

  /** Moves the body in, to its end or failure. Never throws: readers see the failure. */
  async run (): Promise<void> {
    const { writer } = this.#init
    try {
      await this.#receive()
      await this.#finish()
      this.#state = 'done'
    } catch (error) {
      this.#failure = error
      this.#state = 'failed'
    }
    this.#init.onOver()
    this.#wake()
    while (this.#init.interest.count > 0) await this.#changed()
    await writer.close()
  }

  /**
   * @param end exclusive; the whole rest when absent
   * @throws FillError when the body cannot be completed
   */
  async * read (start: number, end: number | undefined, signal: AbortSignal): AsyncGenerator<Uint8Array> {
    const reader: Reader = { at: start }
    this.#readers.add(reader)
    const wake = (): void => { this.#wake() }
    signal.addEventListener('abort', wake)
    try {
      for (;;) {
        signal.throwIfAborted()
        const limit = end === undefined ? this.#visible : Math.min(end, this.#visible)
        if (reader.at < limit) {
          const bytes = await this.#bytes(reader.at, Math.min(this.#init.settings.readChunkBytes, limit - reader.at))
          reader.at += bytes.byteLength
          yield bytes
          if (this.#fullAt !== undefined) this.#wake()
          continue
        }
        if (end !== undefined && reader.at >= end) return
        if (this.#state === 'done') return
        if (this.#state === 'failed') throw new FillError(`the body of ${this.head.target} broke off after ${this.#visible} bytes: ${messageOf(this.#failure)}`, { cause: this.#failure })
        await this.#changed()
      }
    } finally {
      signal.removeEventListener('abort', wake)
      this.#readers.delete(reader)
      this.#wake()
    }
  }

  /** Nobody wants it any more: it goes on only when nearly there. */
  #onInterest (): void {
    this.#wake()
    const { interest, settings } = this.#init
    if (interest.count > 0 || this.#state !== 'running') return
    const { length } = this.head
    if (length !== undefined && length - this.#written <= settings.finishAbandonedBytesMax && this.#fullAt === undefined) return
    this.#dropped = true
    this.#upstream.cancel()
  }

  async #receive (): Promise<void> {
    for (let resumes = 0; ; resumes++) {
      try {
        for await (const chunk of this.#upstream.body) {
          await this.#accept(chunk)
          this.#assertWanted()
        }
        // An origin's body that was dropped ends as if it were whole.
        this.#assertWanted()
        const total = this.#upstream.total()
        if (this.head.length !== undefined && this.#written !== this.head.length) {
          throw new FillError(`it ended after ${this.#written} of ${this.head.length} bytes`)
        }
        if (total !== undefined && total.length !== this.#written) {
          throw new FillError(`its sender counted ${total.length} bytes, ${this.#written} arrived`)
        }
        return
      } catch (error) {
        if (this.#dropped) throw error
        if (this.#isWhole()) return
        if (resumes >= this.#init.settings.resumesMax) throw error
        this.#upstream.cancel()
        this.#resuming = true
        this.#upstream = await this.#init.resume(this.#written, this.#upstream)
        this.#resuming = false
        // The last may have left meanwhile.
        if (this.#dropped) this.#upstream.cancel()
        else if (this.#init.interest.count === 0) this.#onInterest()
        this.#assertWanted()
      }
    }
  }

  async #accept (chunk: Uint8Array): Promise<void> {
    const { writer } = this.#init
    if (this.head.length !== undefined && this.#written + chunk.byteLength > this.head.length) {
      throw new FillError(`more than the announced ${this.head.length} bytes arrived`)
    }
    if (this.#fullAt === undefined) {
      try {
        await writer.write(chunk)
      } catch (error) {
        if (codeOf(error) !== 'COLONY_STORE_FULL') throw error
        await this.#outgrow()
      }
    }
    if (this.#upstream.source === 'peer') this.#fromPeer = true
    this.#sum?.update(chunk)
    this.#remember(chunk)
    const before = this.#written
    this.#written += chunk.byteLength
    // Where a peer had a part in it, the last chunk stays hidden until the whole has been checked against the hash that was told.
    this.#visible = this.#fromPeer ? before : this.#written
    this.#wake()
    if (this.#fullAt !== undefined) await this.#consumed()
  }

  #remember (bytes: Uint8Array): void {
    this.#recent.push({ start: this.#written, bytes })
    this.#recentBytes += bytes.byteLength
    while (this.#recentBytes > this.#init.settings.recentBytesMax && (this.#recent[1]?.start ?? Infinity) <= this.#visible) {
      this.#recentBytes -= this.#recent.shift()?.bytes.byteLength ?? 0
    }
  }

  /** The store is full. Its writer hashes no further, so what it has is hashed here once more, where that matters. */
  async #outgrow (): Promise<void> {
    if (this.#fromPeer || this.#upstream.source === 'peer') {
      this.#sum = createHash('sha256')
      for (let at = 0; at < this.#written;) {
        const bytes = await this.#init.writer.read(at, this.#init.settings.readChunkBytes)
        this.#sum.update(bytes)
        at += bytes.byteLength
      }
    }
    this.#fullAt = this.#written
  }

  /** Without a store to keep the bytes, the next chunk waits for the slowest reader, and for who has joined and not begun. */
  async #consumed (): Promise<void> {
    const { interest } = this.#init
    while (!this.#dropped && (interest.count > this.#readers.size || [...this.#readers].some((reader) => reader.at < this.#visible))) await this.#changed()
  }

  async #finish (): Promise<void> {
    const { writer, head, storable } = this.#init
    const hash = this.#fullAt === undefined ? writer.digest() : this.#sum?.digest('base64url')
    const told = [head.hash, this.#upstream.hash, this.#upstream.total()?.hash]
    if (hash !== undefined && told.some((each) => each !== undefined && each !== hash)) {
      throw new FillError(`its bytes contradict the hash that ${this.#upstream.peer ?? 'its sender'} gave for the whole`)
    }
    this.#hash = hash
    this.#visible = this.#written
    this.#wake()
    if (this.#fullAt !== undefined || hash === undefined || !storable()) return
    // The bytes are good whether or not they could be kept; why not is the store's to tell.
    await writer.commit({ ...head, length: this.#written, hash }).catch(() => false)
  }

  /** Its source broke off after the last byte, and all are what was announced. */
  #isWhole (): boolean {
    const { length, hash } = this.head
    return hash !== undefined && length === this.#written && this.#fullAt === undefined && this.#init.writer.digest() === hash
  }

  #assertWanted (): void {
    if (this.#dropped) throw new FillError('nobody was waiting for it any more')
  }

  async #bytes (at: number, lengthMax: number): Promise<Uint8Array> {
    const recent = this.#recent.findLast(({ start }) => start <= at)
    if (recent !== undefined) return recent.bytes.subarray(at - recent.start, at - recent.start + lengthMax)
    const kept = (this.#fullAt ?? Infinity) - at
    if (kept <= 0) throw new FillError(`the bytes of ${this.head.target} at ${at} are gone: the store is full, and this reader came too late`)
    return await this.#init.writer.read(at, Math.min(lengthMax, kept))
  }

  async #changed (): Promise<void> {
    await new Promise<void>((resolve) => { this.#wakers.push(resolve) })
  }

  #wake (): void {
    const wakers = this.#wakers
    this.#wakers = []
    for (const wake of wakers) wake()
  }
}
