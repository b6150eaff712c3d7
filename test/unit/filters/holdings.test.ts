import { describe, expect, it } from 'vitest'
import { Holdings } from '../../../protocols/filters/holdings.ts'
import { updateHead } from '../../../protocols/filters/messages.ts'
import { Neighbours } from '../../../protocols/filters/neighbours.ts'
import { encodeHead } from '../../../protocols/wire.ts'
import { keyAt, keysOf, settingsWith } from './support.ts'

const settings = settingsWith({ messageBytesMax: 2_048, keysMax: 20_000 })
const holdingsOf = (some = {}): Holdings => new Holdings({ self: 'self', incarnation: 1, settings: { ...settings, ...some } })

describe('the keys that an edge tells', () => {
  it('are the most recent ones where there are too many', () => {
    const holdings = holdingsOf({ keysMax: 3 })
    for (const at of [1, 2, 3, 1, 4]) holdings.add(keyAt(at))
    expect([1, 2, 3, 4].map((at) => holdings.has(keyAt(at)))).toEqual([true, false, true, true])
    expect(holdings).toMatchObject({ size: 3, fellOut: 1 })
    const copy = new Neighbours(settings)
    for (const update of holdings.takeChanges()) copy.apply('self', update)
    expect([1, 2, 3, 4].map((at) => copy.has('self', keyAt(at)))).toEqual([true, false, true, true])
    holdings.delete(keyAt(1))
    for (const update of holdings.takeChanges()) copy.apply('self', update)
    expect(copy.has('self', keyAt(1))).toBe(false)
  })

  it('are told whole at first, then as what changed, and not at all where nothing did', () => {
    const holdings = holdingsOf()
    expect(holdings.takeChanges()).toEqual([])
    expect(holdings.still()).toBeUndefined()
    holdings.add(keyAt(1))
    expect(holdings.takeChanges()).toMatchObject([{ kind: 'full', sequence: 1 }])
    expect(holdings.takeChanges()).toEqual([])
    expect(holdings.still()).toMatchObject({ kind: 'changes', still: true, sequence: 1, changes: [] })
    holdings.add(keyAt(2))
    holdings.delete(keyAt(1))
    holdings.delete(keyAt(99))
    expect(holdings.still()).toBeUndefined()
    const changes = holdings.takeChanges()
    expect(changes).toMatchObject([{ kind: 'changes', still: false, sequence: 2, generation: 1 }])
    expect(encodeHead(updateHead(changes[0]!)).byteLength).toBeLessThan(200)
  })

  it('get a table of twice the size when they outgrow it, told whole in pages within the limit', () => {
    const holdings = holdingsOf()
    for (const key of keysOf(0, 57)) holdings.add(key)
    const { filterBytes } = holdings
    expect(holdings.takeChanges()).toMatchObject([{ kind: 'full', generation: 1 }])
    for (const key of keysOf(57, 2)) holdings.add(key)
    expect(holdings).toMatchObject({ generation: 2, filterBytes: 2 * filterBytes })
    expect(holdings.takeChanges()).toMatchObject([{ kind: 'full', generation: 2, sequence: 2 }])
    for (const key of keysOf(59, 3_000)) holdings.add(key)
    const pages = holdings.takeChanges()
    expect(pages.length).toBeGreaterThan(2)
    for (const [page, update] of pages.entries()) {
      expect(update).toMatchObject({ kind: 'full', sequence: 3, page, pages: pages.length })
      expect(encodeHead(updateHead(update)).byteLength).toBeLessThanOrEqual(settings.messageBytesMax)
    }
  })

  it('that outgrew their table and went before anything was told are told as none', () => {
    const holdings = holdingsOf()
    holdings.add(keyAt(0))
    holdings.takeChanges()
    for (const key of keysOf(1, 100)) holdings.add(key)
    for (const key of keysOf(0, 101)) holdings.delete(key)
    expect(holdings.takeChanges()).toMatchObject([{ kind: 'full', generation: 2 }])
  })

  it('are told whole where the changes would be longer', () => {
    const holdings = holdingsOf()
    for (const key of keysOf(0, 3_000)) holdings.add(key)
    holdings.takeChanges()
    for (const key of keysOf(0, 3_000)) holdings.delete(key)
    for (const key of keysOf(10_000, 3_000)) holdings.add(key)
    expect(holdings.takeChanges()[0]).toMatchObject({ kind: 'full', generation: holdings.generation })
  })

  it('never make a table larger than their limit needs, and find a place for all under another salt', () => {
    // Fingerprints of 4 bits in 16 buckets: now and then there is no place before the table is full.
    const crowded = holdingsOf({ keysMax: 57, falsePositiveRate: 0.5 })
    const copy = new Neighbours({ ...settings, statedRateMax: 1 })
    for (const key of keysOf(0, 5_000)) crowded.add(key)
    expect(crowded.generation).toBeGreaterThan(1)
    expect(crowded.filterBytes).toBe(32)
    for (const update of crowded.takeChanges()) copy.apply('self', update)
    for (const key of keysOf(5_000 - 57, 57)) expect(copy.has('self', key)).toBe(true)

    const holdings = holdingsOf({ keysMax: 100 })
    for (const key of keysOf(0, 5_000)) holdings.add(key)
    expect(holdings).toMatchObject({ size: 100, fellOut: 4_900, filterBytes: 32 * 4 * 13 / 8 })
  })
})
