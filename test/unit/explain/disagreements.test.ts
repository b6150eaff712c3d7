/** Where beliefs and holdings differ: nothing is said of a mesh that agrees, and one sentence of each thing that does not. */
import { describe, expect, it } from 'vitest'
import { disagreements, type Evidence } from '../../../daemon/explain/disagreements.ts'
import type { EdgeReport } from '../../../daemon/explain/explanation.ts'
import { Tier } from '../../../protocols/survey/messages.ts'
import { held } from './support.ts'

const edge = (name: string, more: Partial<EdgeReport> = {}): EdgeReport => ({
  peer: name, name, region: 'here', self: false, variants: [], moreVariants: 0, fetching: 0, owner: false, ownerByItself: false, ring: 'ring-here', ...more
})
const ref = (name: string): { peer: string, name: string, region: string } => ({ peer: name, name, region: 'here' })

const owner = edge('owner', { owner: true, ownerByItself: true, variants: [held(1)] })
const holder = edge('holder', { variants: [held(1)] })
const empty = edge('empty')
const silent = edge('silent', { error: 'no answer', ownerByItself: undefined, ring: undefined })
const abroad = edge('abroad', { region: 'far', ring: 'ring-far', variants: [held(1)] })

/** All agree: the owner knows the holder, whose filter names it; another region's holder is not its to know. */
const agreed: Evidence = {
  edges: [owner, holder, empty, silent, abroad],
  sources: { directories: [{ of: ref('owner'), holders: [ref('holder')] }], filters: { known: 2, holders: [ref('holder')] }, dht: { providers: [ref('holder')] } },
  // Of the owner too, whose filter rightly leaves out what the ring leads to.
  hasFilterOf: (peer) => peer !== 'abroad' && peer !== 'silent',
  region: 'here',
  ringHash: (region) => `ring-${region}`
}
const withEdges = (...edges: readonly EdgeReport[]): Evidence => ({ ...agreed, edges: agreed.edges.map((each) => edges.find(({ peer }) => peer === each.peer) ?? each) })
const withSources = (sources: Partial<Evidence['sources']>): Evidence => ({ ...agreed, sources: { ...agreed.sources, ...sources } })
const names = (...holders: readonly string[]): Evidence => withSources({ directories: [{ of: ref('owner'), holders: holders.map(ref) }] })

describe('disagreements', () => {
  it('are none where everybody agrees, an edge is silent, or a body is still arriving', () => {
    expect(disagreements(agreed)).toEqual([])
    expect(disagreements(withEdges({ ...empty, variants: [held(1, { tier: Tier.Filling })] }))).toEqual([])
    expect(disagreements(withSources({ directories: [{ of: ref('owner'), error: 'no answer' }], filters: undefined, dht: undefined }))).toEqual([])
  })

  it.each<[string, Evidence, string]>([
    ['a directory names who holds nothing', names('holder', 'empty'), 'the directory of owner names empty, which does not hold it'],
    ['a directory names who does not answer', names('holder', 'silent'), 'the directory of owner names silent, which does not answer'],
    ['a directory names who left', names('holder', 'gone'), 'the directory of owner names gone, which is no member'],
    ['a directory does not know a holder', names(), 'holder holds it, and the directory of owner does not know'],
    ['a filter names who holds nothing', withSources({ filters: { known: 2, holders: [ref('holder'), ref('empty')] } }), 'the filter of empty names it, which does not hold it: a false positive'],
    ['a filter does not name a holder', withSources({ filters: { known: 2, holders: [] } }), 'holder holds it, and the filter that it sent does not name it'],
    ['the DHT names who holds nothing', withSources({ dht: { providers: [ref('empty')] } }), 'the DHT names empty, which does not hold it'],
    ['the DHT names a stranger', withSources({ dht: { providers: [{ peer: 'QmStrangerWithALongName' }] } }), 'the DHT names peer …LongName, which is no member'],
    ['an edge sees another ring', withEdges({ ...empty, ring: 'other' }), 'empty sees another ring of here (other, here ring-here)'],
    ['two edges count themselves as the owner', withEdges({ ...empty, ownerByItself: true }), 'empty counts itself as the owner, which it is not as seen from here'],
    ['the owner does not know that it is', withEdges({ ...owner, ownerByItself: false }), 'owner is the owner as seen from here, and does not count itself so'],
    ['two versions are held', withEdges({ ...holder, variants: [held(1, { hash: 'C'.repeat(43) })] }), '2 versions are held: one by owner and abroad, another by holder']
  ])('say so where %s', (_what, evidence, sentence) => {
    expect(disagreements(evidence)).toEqual([expect.stringContaining(sentence)])
  })

  it('say by when a directory has heard, and miss nobody in one that is full', () => {
    const full = { ...names('empty'), directory: { holdersPerKeyMax: 1, retryMaxMs: 15_000 } }
    expect(disagreements(full)).toEqual(['the directory of owner names empty, which does not hold it: dropped since and not yet reported, which takes at most 15 s; asking it costs one round trip'])
    expect(disagreements({ ...full, directory: { ...full.directory, holdersPerKeyMax: 2 } })).toHaveLength(2)
  })

  it('do not take two variants for two versions', () => {
    expect(disagreements(withEdges({ ...holder, variants: [held(1, { variant: 'gzip', hash: 'C'.repeat(43) })] }))).toEqual([])
  })
})
