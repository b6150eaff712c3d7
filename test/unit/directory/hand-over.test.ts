/** Which entries of a directory go to whom when the ring changes. */
import { describe, expect, it } from 'vitest'
import { handOverPages } from '../../../protocols/directory/hand-over.ts'
import { Holders } from '../../../protocols/directory/holders.ts'
import { contentKey, type ContentKey } from '../../../protocols/ids.ts'
import type { OwnerView } from '../../../protocols/directory/reporter.ts'

const keys = Array.from({ length: 25 }, (_, index) => contentKey('site', `/${index}`))
const [lost, kept, foreign] = keys as [ContentKey, ContentKey, ContentKey]

function ringOf (owners: ReadonlyMap<ContentKey, string>, others = 'self'): OwnerView {
  return { owner: (key) => owners.get(key) ?? others }
}

describe('a hand-over', () => {
  it('gives the new owner what this edge owned, as the holders themselves said it, and not what the new owner knows of itself', () => {
    const directory = new Holders({ entriesMax: 1_000, keysPerHolderMax: 1_000, holdersPerKeyMax: 8 })
    const [one, two, next] = [directory.open('one')!, directory.open('two', { hearsay: true })!, directory.open('next')!]
    for (const slot of [one, two, next]) for (const key of [lost, kept, foreign]) directory.add(slot, key)
    const before = ringOf(new Map([[foreign, 'other']]))
    const now = ringOf(new Map([[lost, 'next'], [foreign, 'next']]))
    const pages = [...handOverPages({ self: 'self', directory, before, now, pageKeysMax: 10, sliceKeysMax: 10 })]
    expect(pages).toEqual([{ to: 'next', entries: new Map([['one', [lost]]]), size: 1 }])
  })

  it('goes in pages, with pauses in between', () => {
    const directory = new Holders({ entriesMax: 10_000, keysPerHolderMax: 1_000, holdersPerKeyMax: 8 })
    const slots = ['one', 'two'].map((peer) => directory.open(peer)!)
    for (const slot of slots) for (const key of keys) directory.add(slot, key)
    const pages = [...handOverPages({ self: 'self', directory, before: ringOf(new Map()), now: ringOf(new Map(), 'next'), pageKeysMax: 20, sliceKeysMax: 10 })]
    expect(pages.filter((page) => page === undefined)).toHaveLength(2)
    expect(pages.flatMap((page) => page?.size ?? [])).toEqual([20, 20, 10])
    expect(pages.flatMap((page) => page?.entries.get('two') ?? []).sort()).toEqual(keys.toSorted())
  })
})
