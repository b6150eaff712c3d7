/** What large worlds look up in tables is what the rings and the directories say. */
import { describe, expect, it } from 'vitest'
import { Objects } from '../../../netsim/world/edge/objects.ts'
import { PackedDirectory } from '../../../netsim/world/edge/packed-directory.ts'
import { Owners } from '../../../netsim/world/edge/rings.ts'
import { Ring } from '../../../protocols/locate/ring.ts'
import { KeyWord } from '../../../protocols/key-word.ts'
import { Random } from '../../../netsim/random.ts'

const indexOf = (peer: string): number => Number(peer.slice(5))
const objects = new Objects({ seed: 1, count: 1_000_000, medianBytes: 1_000, sigma: 1, bytesMax: 1_000_000, lifetimeMs: [1_000, 60_000], changeMs: 10_000 })

describe('the table of a ring\'s owners', () => {
  it('names the ring\'s owner for every key', () => {
    for (const members of [1, 2, 9]) {
      const ring = new Ring(Array.from({ length: members }, (_, at) => ({ peer: `edge-${100 + at}`, weight: [1, 2, 0.5][at % 3]! })))
      const owners = new Owners(ring, indexOf)
      for (let object = 0; object < 20_000; object++) expect(owners.of(objects.word(object, KeyWord.Ring))).toBe(indexOf(ring.owner(objects.key(object))!))
      for (const edge of [0, 2 ** 32 - 1, 2 ** 31]) expect(owners.of(edge)).toBe(indexOf(ring.peers()[ring.ownerPlace(edge)]!))
    }
  })
})

describe('the directory of a region in a large world', () => {
  it('knows what was told a while ago, forgets what was dropped and who is gone, whatever came in between', () => {
    const directory = new PackedDirectory(1_000)
    const chance = new Random('directory')
    const truth = new Map<number, Set<number>>()
    const into = new Int32Array(4)
    let nowMs = 0
    const known = (object: number): number[] => [...into.subarray(0, directory.holders(object, nowMs, into))].sort()
    for (let step = 0; step < 20_000; step++) {
      const [object, holder, has] = [chance.int(3_000), chance.int(3), chance.chance(0.6)]
      directory.tell(object, holder, has, nowMs += 1)
      const holders = truth.get(object) ?? new Set()
      truth.set(object, has ? holders.add(holder) : (holders.delete(holder), holders))
    }
    directory.tell(5_000, 1, true, nowMs)
    nowMs += 999
    expect(known(5_000)).toEqual([])
    nowMs += 1
    expect(known(5_000)).toEqual([1])
    for (const [object, holders] of truth) expect(known(object)).toEqual([...holders].sort())
    directory.forget(1)
    for (const [object, holders] of truth) expect(known(object)).toEqual([...holders].filter((holder) => holder !== 1).sort())
  })
})
