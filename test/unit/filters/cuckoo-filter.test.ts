import { describe, expect, it } from 'vitest'
import { CuckooFilter, saltOf, shapeFor, tableBytes } from '../../../protocols/filters/cuckoo-filter.ts'
import { keyAt, keysOf } from './support.ts'

const shape = shapeFor(3_000, 0.001)

function filterOf (salt = saltOf('peer', 1, 1)): CuckooFilter {
  const filter = new CuckooFilter(shape, salt)
  for (const key of keysOf(0, 3_000)) filter.add(key)
  return filter
}

describe('a cuckoo filter', () => {
  it('takes 13 bits a slot for one wrong answer in a thousand, buckets of four in a power of two', () => {
    expect(shape).toEqual({ bucketBits: 10, printBits: 13 })
    expect(tableBytes(shape)).toBe(4 * 1024 * 13 / 8)
    expect(shapeFor(0, 1)).toEqual({ bucketBits: 4, printBits: 4 })
  })

  it('is wrong about other keys under another salt, the edge\'s, its incarnation\'s or its generation\'s', () => {
    const strangers = keysOf(10_000, 40_000)
    const filter = filterOf()
    const wrong = strangers.filter((key) => filter.has(key))
    expect(wrong.length).toBeGreaterThan(10)
    for (const salt of [saltOf('other', 1, 1), saltOf('peer', 2, 1), saltOf('peer', 1, 2)]) {
      const other = filterOf(salt)
      expect(wrong.filter((key) => other.has(key)).length).toBeLessThan(3)
    }
  })

  it('changes nothing where it finds no place, and says so', () => {
    const filter = new CuckooFilter(shapeFor(1, 0.001), saltOf('peer', 1, 1))
    const added = []
    let before = new Uint8Array()
    for (const key of keysOf(0, 100)) {
      before = Uint8Array.from(filter.bytes)
      filter.takeChanged()
      if (!filter.add(key)) break
      added.push(key)
    }
    // 64 slots, of which more than nine in ten were filled.
    expect(added.length).toBeGreaterThan(57)
    expect(added.length).toBeLessThan(65)
    expect(filter.size).toBe(added.length)
    expect(filter.takeChanged()).toHaveLength(0)
    expect(Buffer.from(filter.bytes).equals(before)).toBe(true)
    for (const key of added) expect(filter.has(key)).toBe(true)
  })

  it('loses none of its keys, filled until there is no place, under any salt', () => {
    for (let generation = 0; generation < 300; generation++) {
      const filter = new CuckooFilter({ bucketBits: 4, printBits: 4 }, saltOf('peer', 1, generation))
      const added = []
      for (const key of keysOf(0, 65)) {
        if (!filter.add(key)) break
        added.push(key)
      }
      expect(added.filter((key) => !filter.has(key))).toEqual([])
    }
  })

  it('puts a key elsewhere under another salt', () => {
    const slots = Array.from({ length: 20 }, (_, generation) => {
      const filter = new CuckooFilter(shape, saltOf('peer', 1, generation))
      filter.add(keyAt(0))
      return filter.takeChanged()[0]
    })
    expect(new Set(slots).size).toBeGreaterThan(15)
  })

  it('touches one slot to delete, and little more than one to add while it is not full', () => {
    const filter = filterOf()
    filter.takeChanged()
    for (const key of keysOf(0, 500)) {
      filter.delete(key)
      expect(filter.takeChanged()).toHaveLength(1)
    }
    let changes = 0
    for (const key of keysOf(5_000, 500)) {
      filter.add(key)
      changes += filter.takeChanged().length
    }
    expect(changes / 500).toBeLessThan(1.3)
  })
})
