import { describe, expect, it } from 'vitest'
import { isOlder } from '../../../protocols/raft/group-id.ts'
import type { Recovered } from '../../../daemon/agreed/recovery.ts'
import { shop, TestRegion } from './support.ts'

const put = { kind: 'put', document: { sites: { shop } } } as const

/** @param found what founding does, beside being written down */
async function regionOf (names: readonly string[], found: () => void = () => {}): Promise<{ region: TestRegion, founded: Array<[string, string]>, recover: (name: string, gone: readonly string[]) => Promise<Recovered> }> {
  const region = new TestRegion(names)
  const founded: Array<[string, string]> = []
  const init = { recover: { regional: async (of: string, id: string) => { founded.push([of, id]); found() } } }
  for (const name of names) await region.start(name, { init })
  for (const { raft } of region.edges.values()) await raft!.found('g', { voters: [...names], learners: [] })
  await region.until(() => region.leader !== undefined)
  return { region, founded, recover: async (name, gone) => await region.outcome(region.at(name).agreed.recover('regional', gone, { author: 'ann', reason: 'fire' })) }
}

async function cut (region: TestRegion, names: readonly string[]): Promise<void> {
  for (const name of names) region.cut.add(name)
  await region.pass(1_000)
}

describe('a group whose majority is gone', () => {
  it('is founded anew only without a leader, and for who names each voter that is given up', async () => {
    const { region, founded, recover } = await regionOf(['a', 'b', 'c'])
    const leader = region.leader!.name
    const [lone, ...gone] = ['a', 'b', 'c'].sort((one, other) => Number(one === leader) - Number(other === leader)) as [string, ...string[]]
    expect(await recover(lone, gone)).toMatchObject({ kind: 'refused', reason: expect.stringContaining(`has a leader (edge-${leader})`) })
    await cut(region, [gone[0]!])
    expect(await recover(lone, [gone[0]!])).toMatchObject({ kind: 'refused' })
    await cut(region, gone)
    expect(await recover(lone, [gone[0]!])).toMatchObject({ kind: 'refused', reason: expect.stringContaining(gone.toSorted().join(', ')), gone: [{ name: expect.stringMatching(/^edge-/) }, {}] })
    expect(founded).toEqual([])
    const done = await recover(lone, gone.toReversed()) as Extract<Recovered, { kind: 'recovered' }>
    expect(founded).toEqual([['g', done.group]])
    expect(isOlder(done.group, 'g')).toBe(true)
  })

  it('has lost a voter that is there without its log, too', async () => {
    const { region, recover } = await regionOf(['a', 'b', 'c'])
    const leader = region.leader!.name
    const [lone, emptied] = ['a', 'b', 'c'].filter((name) => name !== leader) as [string, string]
    await region.at(emptied).raft!.stop()
    await cut(region, [leader])
    expect(await recover(lone, [leader])).toMatchObject({ kind: 'refused', gone: [{}, {}] })
    expect(await recover(lone, [leader, emptied])).toMatchObject({ kind: 'recovered' })
  })

  it('may have been one voter, and the one that learned is left', async () => {
    const region = new TestRegion(['a', 'b'])
    for (const name of ['a', 'b']) await region.start(name, { init: { recover: { regional: async () => {} } } })
    for (const name of ['a', 'b']) await region.at(name).raft!.found('g', { voters: ['a'], learners: ['b'] })
    await region.until(() => region.leader !== undefined)
    await region.change('a', put)
    await region.pass(100)
    const recover = async (): Promise<Recovered> => await region.outcome(region.at('b').agreed.recover('regional', ['a'], { author: 'ann', reason: 'fire' }))
    expect(await recover()).toMatchObject({ kind: 'refused', reason: expect.stringContaining('has a leader') })
    await cut(region, ['a'])
    expect(await recover()).toMatchObject({ kind: 'recovered' })
  })

  it('is founded anew from the log of one that follows by copies meanwhile, but not where a copy has seen more', async () => {
    const region = new TestRegion(['a', 'b', 'c'])
    let takesPart = true
    const { agreed } = await region.start('b', { init: {
      groups: { regional: () => takesPart ? region.at('b').raft : undefined, global: () => undefined },
      logs: { regional: () => region.at('b').raft! },
      recover: { regional: async () => {} }
    } })
    for (const name of ['a', 'c']) await region.start(name)
    for (const name of ['a', 'b']) await region.at(name).raft!.found('g', { voters: ['a'], learners: ['b'] })
    await region.until(() => region.leader !== undefined)
    await region.change('a', put)
    await region.pass(100)
    takesPart = false
    await cut(region, ['a'])
    const recover = async (): Promise<Recovered> => await region.outcome(agreed.recover('regional', ['a'], { author: 'ann', reason: 'fire' }))
    let index = region.at('b').raft!.status().raft!.lastIndex + 1
    region.edges.set('c', { ...region.at('c'), agreed: { answer: async () => ({ head: { isMember: false, leads: false, lastTerm: 0, lastIndex: 0, copy: { group: 'g', index, version: 7 } } }) } as never })
    expect(await recover()).toMatchObject({ kind: 'refused', reason: expect.stringContaining('edge-c has a copy of what was agreed on later (version 7)') })
    index--
    expect(await recover()).toMatchObject({ kind: 'recovered' })
  })

  it('is founded anew by the edge that has most of the log', async () => {
    const { region, recover } = await regionOf(['a', 'b', 'c', 'd', 'e'])
    const leader = region.leader!.name
    const [behind, ahead, ...rest] = ['a', 'b', 'c', 'd', 'e'].filter((name) => name !== leader) as [string, string, ...string[]]
    await cut(region, [behind])
    await region.change(leader, put)
    await region.pass(200)
    region.cut.clear()
    const gone = [leader, ...rest]
    await cut(region, gone)
    expect(await recover(behind, gone)).toMatchObject({ kind: 'refused', reason: expect.stringContaining(`edge-${ahead} has more`) })
    expect(await recover(ahead, gone)).toMatchObject({ kind: 'recovered' })
  })

  it('gets one new id, however often founding it failed half way', async () => {
    let full = true
    const { region, founded, recover } = await regionOf(['a', 'b', 'c'], () => { if (full) throw new Error('no space is left') })
    const gone = ['b', 'c']
    await cut(region, gone)
    await expect(recover('a', gone)).rejects.toThrow('no space is left')
    full = false
    expect(await recover('a', gone)).toMatchObject({ kind: 'recovered' })
    expect(new Set(founded.map(([, id]) => id)).size).toBe(1)
  })
})
