/** The memory of a directory against the plainest one: a set of keys for each slot. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Holders } from '../../../protocols/directory/holders.ts'
import { contentKey, type ContentKey } from '../../../protocols/ids.ts'

const keys = Array.from({ length: 12 }, (_, index) => contentKey('site', `/${index}`))

interface Slot { readonly peer: string, readonly hearsay: boolean, readonly keys: Set<ContentKey> }

const operation = fc.record({
  kind: fc.constantFrom('open' as const, 'add' as const, 'add' as const, 'add' as const, 'remove' as const, 'retire' as const, 'sweep' as const),
  slot: fc.nat(7),
  key: fc.nat(keys.length - 1)
})

describe('the memory of a directory', () => {
  it('says what a set of keys for each slot says, whatever is opened, retired and swept in between', () => {
    fc.assert(fc.property(fc.array(operation, { maxLength: 200 }), (operations) => {
      const directory = new Holders({ entriesMax: 1_000_000, keysPerHolderMax: 1_000, holdersPerKeyMax: 1_000 })
      const slots = new Map<number, Slot>()
      for (const { kind, slot, key: index } of operations) {
        const key = keys[index]!
        const [number, model] = [...slots][slot % Math.max(1, slots.size)] ?? [-1, undefined]
        if (kind === 'sweep') directory.sweep(index)
        else if (kind === 'open') {
          const opened = directory.open(`peer ${slot}`, { hearsay: index % 2 === 0 })!
          expect(slots.has(opened)).toBe(false)
          slots.set(opened, { peer: `peer ${slot}`, hearsay: index % 2 === 0, keys: new Set() })
        } else if (model === undefined) continue
        else if (kind === 'add') {
          directory.add(number, key)
          model.keys.add(key)
        } else if (kind === 'remove') {
          directory.remove(number, key)
          model.keys.delete(key)
        } else {
          directory.retire(number)
          slots.delete(number)
        }
        for (const [each, { keys: held }] of slots) expect(directory.count(each)).toBe(held.size)
        for (const firstHand of [false, true]) {
          const peers = [...slots.values()].filter((each) => each.keys.has(key) && !(firstHand && each.hearsay)).map(({ peer }) => peer)
          expect(directory.holders(key, { firstHand }).toSorted()).toEqual([...new Set(peers)].sort())
        }
      }
      while (directory.stale) directory.sweep(3)
      const held = new Set([...slots.values()].flatMap(({ keys: each }) => [...each]))
      expect([...directory.keys()].sort()).toEqual([...held].sort())
      expect(directory.size).toBe(held.size)
    }))
  })
})
