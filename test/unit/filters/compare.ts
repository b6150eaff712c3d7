/**
 * Cuckoo filter against counting Bloom filter, as README.md of protocols/filters tells it: bits a key, bytes
 * that a change costs on the wire, false positives; and what a look-up over a region costs.
 * Run: node test/unit/filters/compare.ts
 */
import { CuckooFilter, filterWords, saltOf, shapeFor, tableBytes } from '../../../protocols/filters/cuckoo-filter.ts'
import { Holdings } from '../../../protocols/filters/holdings.ts'
import { pagesOfChanges, updateHead } from '../../../protocols/filters/messages.ts'
import { Neighbours } from '../../../protocols/filters/neighbours.ts'
import { filtersDefaults } from '../../../protocols/filters/settings.ts'
import type { ContentKey } from '../../../protocols/ids.ts'
import { keysOf } from './support.ts'

const rate = filtersDefaults.falsePositiveRate
const batches = [1, 10, 100, 1000]
const rounds = 100_000

/** What both filters are measured by. */
interface Changing {
  readonly add: (key: ContentKey) => void
  readonly delete: (key: ContentKey) => void
  readonly has: (key: ContentKey) => boolean
  /** Bytes of everything changed since the last call, slots or positions told as varint gaps. */
  readonly takeBytes: () => number
}

/** 4-bit counters at the sender, bits at the receiver: a change is told as the positions whose bit flipped. */
class CountingBloom implements Changing {
  readonly positions: number
  readonly hashes: number
  readonly #counters: Uint8Array
  readonly #flipped = new Set<number>()

  constructor (keys: number) {
    this.positions = Math.ceil(keys * Math.log(1 / rate) / Math.LN2 ** 2)
    this.hashes = Math.round(this.positions / keys * Math.LN2)
    this.#counters = new Uint8Array(this.positions)
  }

  add (key: ContentKey): void { for (const at of this.#places(key)) if (this.#counters[at]!++ === 0) this.#flip(at) }
  delete (key: ContentKey): void { for (const at of this.#places(key)) if (--this.#counters[at]! === 0) this.#flip(at) }
  has (key: ContentKey): boolean { return this.#places(key).every((at) => this.#counters[at]! > 0) }

  takeBytes (): number {
    const sorted = Uint32Array.from(this.#flipped).sort()
    this.#flipped.clear()
    let bytes = 0
    let last = -1
    for (const at of sorted) {
      const gap = at - last - 1
      bytes += gap < 0x80 ? 1 : gap < 0x4000 ? 2 : 3
      last = at
    }
    return bytes
  }

  /** A flip back before it was told is none. */
  #flip (at: number): void { if (!this.#flipped.delete(at)) this.#flipped.add(at) }

  /** Kirsch and Mitzenmacher 2006: two hashes make as many as are wanted. */
  #places (key: ContentKey): number[] {
    const [one, two] = filterWords(key)
    return Array.from({ length: this.hashes }, (_, index) => (one + index * ((two | 1) >>> 0)) % this.positions)
  }
}

class Cuckoo implements Changing {
  readonly #filter: CuckooFilter
  constructor (keys: number) { this.#filter = new CuckooFilter(shapeFor(keys, rate), saltOf('peer', 1, 1)) }
  add (key: ContentKey): void { if (!this.#filter.add(key)) throw new Error('no place was found') }
  delete (key: ContentKey): void { this.#filter.delete(key) }
  has (key: ContentKey): boolean { return this.#filter.has(key) }
  takeBytes (): number {
    const changes = Array.from(this.#filter.takeChanged(), (slot) => ({ slot, print: this.#filter.print(slot) }))
    const { shape } = this.#filter
    return pagesOfChanges(changes, shape, 2 ** 30).reduce((sum, page) =>
      sum + ((updateHead({ kind: 'changes', incarnation: 1, generation: 1, sequence: 1, shape, digest: 0, page: 0, pages: 1, still: false, changes: page }) as { changes: Uint8Array }).changes.byteLength), 0)
  }
}

function measure (what: string, filter: Changing, count: number, bits: string): void {
  const keys = keysOf(0, count + 40_000)
  for (let at = 0; at < count; at++) filter.add(keys[at]!)
  filter.takeBytes()
  let wrong = 0
  for (const key of keysOf(1_000_000, rounds)) if (filter.has(key)) wrong++
  let at = 0
  const costs = batches.map((batch) => {
    const times = Math.min(1_000, 8_000 / batch)
    let bytes = 0
    for (let time = 0; time < times; time++) {
      // A steady state: half of the changes come, half go.
      for (let each = 0; each < batch; each++) {
        if (each % 2 === time % 2) filter.add(keys[count + at]!)
        else filter.delete(keys[at++]!)
      }
      bytes += filter.takeBytes()
    }
    return (bytes / times / batch).toFixed(1)
  })
  console.log(`| ${what} | ${bits} | ${(wrong / rounds).toFixed(5)} | ${costs.join(' | ')} |`)
}

console.log(`| filter, keys | bits a key (copy / sender) | false positives | bytes a change, told by ${batches.join(' | by ')} |\n|---|---|---|---|---|---|---|`)
for (const count of [50_000, 58_900]) {
  const bits = (tableBytes(shapeFor(count, rate)) * 8 / count).toFixed(1)
  measure(`cuckoo, ${count}`, new Cuckoo(count), count, `${bits} / ${bits}`)
  const bloom = new CountingBloom(count)
  measure(`counting Bloom (k = ${bloom.hashes}), ${count}`, bloom, count, `${(bloom.positions / count).toFixed(1)} / ${(bloom.positions * 4 / count).toFixed(1)}`)
}

const neighbours = new Neighbours(filtersDefaults)
let buildMs = 0
const pausesMs: number[] = []
const members = 100
for (let member = 0; member < members; member++) {
  const holdings = new Holdings({ self: `peer ${member}`, incarnation: 1, settings: filtersDefaults })
  const keys = keysOf(member * 50_000, 50_000)
  const start = performance.now()
  for (const key of keys) {
    const before = performance.now()
    holdings.add(key)
    pausesMs.push(performance.now() - before)
  }
  buildMs += performance.now() - start
  for (const page of holdings.takeChanges()) neighbours.apply(`peer ${member}`, page)
}
const asked = keysOf(2_000_000, 100_000).concat(keysOf(7_000_000, 100_000))
for (const [what, keys] of [['cold', asked.slice(0, 100_000)], ['again', asked.slice(0, 100_000)], ['others', asked.slice(100_000)]] as const) {
  let named = 0
  const start = performance.now()
  for (const key of keys) named += neighbours.candidates(key, 0).length
  const us = (performance.now() - start) * 1000 / keys.length
  console.log(`candidates over ${members} members of 50,000 keys (${what}): ${us.toFixed(2)} us a key, ${(named / keys.length).toFixed(3)} named`)
}
console.log(`adding 50,000 keys one by one, every growth included: ${(buildMs / members).toFixed(0)} ms, the longest one ${pausesMs.sort((a, b) => b - a)[members / 2]?.toFixed(0)} ms (median of ${members}); ${(neighbours.sizes().bytes / members / 1024).toFixed(0)} KiB a filter`)
