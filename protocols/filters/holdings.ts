/**
 * The sending side: which keys this edge tells its region that it holds, their filter, and what has
 * changed in it since it was last told. A change is told as the slots it left different, so what comes
 * and goes between two messages costs nothing, and a backlog is never larger than the table. Where the
 * keys outgrow the table a new one of twice the size begins, which is told whole.
 */
import assert from 'node:assert/strict'
import type { ContentKey, PeerName } from '../ids.ts'
import { headBytesMax } from '../wire.ts'
import { CuckooFilter, saltOf, shapeFor, type FilterShape } from './cuckoo-filter.ts'
import { pageOverheadBytes, pagesOfChanges, type FullPage, type Update } from './messages.ts'
import type { FiltersSettings } from './settings.ts'

export interface HoldingsInit {
  readonly self: PeerName
  /** Later for each start of this edge: wall clock, ms. */
  readonly incarnation: number
  readonly settings: Pick<FiltersSettings, 'falsePositiveRate' | 'keysMax' | 'messageBytesMax'>
}

export class Holdings {
  readonly #init: HoldingsInit
  /** In the order in which they were last added: the first falls out where there are too many. */
  readonly #keys = new Set<ContentKey>()
  readonly #bucketBitsMax: number
  #filter: CuckooFilter
  #generation = 1
  /** Version that was last told. */
  #sequence = 0
  /** Nothing of this generation has been told. */
  #fresh = true
  #fellOut = 0
  /** The table as it was at some moment since the last version was told; cut when someone asks. */
  #full: readonly FullPage[] | undefined

  constructor (init: HoldingsInit) {
    const { keysMax, falsePositiveRate, messageBytesMax } = init.settings
    assert(messageBytesMax >= 2 * pageOverheadBytes && messageBytesMax <= headBytesMax, `messageBytesMax is ${messageBytesMax}; pages are of ${2 * pageOverheadBytes} to ${headBytesMax} bytes`)
    this.#init = init
    this.#bucketBitsMax = shapeFor(keysMax, falsePositiveRate).bucketBits
    this.#filter = this.#emptyFilter(shapeFor(0, falsePositiveRate))
  }

  /** Keys in the filter. */
  get size (): number {
    return this.#keys.size
  }

  /** Keys that were left out again as more than `keysMax` came. */
  get fellOut (): number {
    return this.#fellOut
  }

  get generation (): number {
    return this.#generation
  }

  /** Bytes of the filter's table. */
  get filterBytes (): number {
    return this.#filter.bytes.byteLength
  }

  has (key: ContentKey): boolean {
    return this.#keys.has(key)
  }

  /** Adds a key, or makes it the most recent one. */
  add (key: ContentKey): void {
    const known = this.#keys.delete(key)
    this.#keys.add(key)
    if (known) return
    if (this.#keys.size > this.#init.settings.keysMax) this.#dropOldest()
    const isLargest = this.#filter.shape.bucketBits >= this.#bucketBitsMax
    if ((this.#filter.isFull && !isLargest) || !this.#filter.add(key)) this.#rebuild()
  }

  /** Deletes a key; one that is not there is no error. */
  delete (key: ContentKey): void {
    if (this.#keys.delete(key)) this.#filter.delete(key)
  }

  /** Whether `takeChanges` would bring anything. */
  get hasNews (): boolean {
    return this.#fresh ? this.#keys.size > 0 || this.#sequence > 0 : this.#filter.hasChanged
  }

  /** What others must be told so that their copies equal the filter: nothing, the changed slots, or all of it. */
  takeChanges (): readonly Update[] {
    if (!this.hasNews) return []
    this.#sequence++
    this.#full = undefined
    const slots = this.#filter.takeChanged()
    const pages = this.#fresh ? undefined : this.#changes(slots)
    this.#fresh = false
    return pages ?? this.fullPages()
  }

  /** The version once more, for those who lost the last message; undefined before the first. */
  still (): Update | undefined {
    if (this.#sequence === 0 || this.hasNews) return undefined
    return { kind: 'changes', ...this.#version(), page: 0, pages: 1, still: true, changes: [] }
  }

  /**
   * All of the filter, as of the version last told or a little later. Both will do: whatever changed since that
   * version is told with the next one, whether or not it was in these pages, and a new table is told whole.
   */
  fullPages (): readonly FullPage[] {
    this.#full ??= this.#cut()
    return this.#full
  }

  /** @returns undefined where the whole table would be shorter */
  #changes (slots: Uint32Array): Update[] | undefined {
    const { shape, bytes } = this.#filter
    const changes = Array.from(slots, (slot) => ({ slot, print: this.#filter.print(slot) }))
    // Each change takes a byte at least to say where, and its fingerprint.
    if (changes.length * (1 + shape.printBits / 8) > bytes.byteLength) return undefined
    const pages = pagesOfChanges(changes, shape, this.#pageBytesMax())
    const version = this.#version()
    return pages.map((each, page) => ({ kind: 'changes', ...version, page, pages: pages.length, still: false, changes: each }))
  }

  #cut (): FullPage[] {
    const table = Uint8Array.from(this.#filter.bytes)
    const pageBytes = this.#pageBytesMax()
    const version = this.#version()
    const pages = Math.ceil(table.byteLength / pageBytes)
    return Array.from({ length: pages }, (_, page) => {
      const offset = page * pageBytes
      return { kind: 'full', ...version, page, pages, offset, bytes: table.subarray(offset, offset + pageBytes) }
    })
  }

  #version (): { incarnation: number, generation: number, sequence: number, shape: FilterShape, digest: number } {
    return {
      incarnation: this.#init.incarnation,
      generation: this.#generation,
      sequence: this.#sequence,
      shape: this.#filter.shape,
      digest: this.#filter.digest()
    }
  }

  #pageBytesMax (): number {
    return this.#init.settings.messageBytesMax - pageOverheadBytes
  }

  #dropOldest (): void {
    const [oldest] = this.#keys
    if (oldest === undefined) return
    this.#fellOut++
    this.delete(oldest)
  }

  /** A larger table, or, at the largest, another salt: where the keys found no place they will now. */
  #rebuild (): void {
    const { bucketBits, printBits } = this.#filter.shape
    const shape = { bucketBits: Math.min(bucketBits + 1, this.#bucketBitsMax), printBits }
    do {
      this.#generation++
      this.#filter = this.#emptyFilter(shape)
    } while (!this.#keys.values().every((key) => this.#filter.add(key)))
    this.#fresh = true
  }

  #emptyFilter (shape: FilterShape): CuckooFilter {
    const { self, incarnation } = this.#init
    return new CuckooFilter(shape, saltOf(self, incarnation, this.#generation))
  }
}
