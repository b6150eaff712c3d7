/** A global group of which no log is left, founded anew from what an edge without a part in it holds. */
import { describe, expect, it } from 'vitest'
import { ConfigState } from '../../../protocols/config/state.ts'
import type { Recovered, Recover } from '../../../daemon/agreed/recovery.ts'
import { shop, TestRegion, type MemoryRecords } from './support.ts'

const put = { kind: 'put', document: { sites: { shop } } } as const
const gone = ['a', 'b', 'c']

class Outsiders extends TestRegion {
  readonly founded: Array<Parameters<Recover>> = []

  constructor () { super(['a', 'b', 'c', 'd', 'e']) }

  async join (name: string, records?: MemoryRecords): Promise<void> {
    await this.start(name, {
      raft: false, slot: 'global', ...(records !== undefined && { records }),
      init: { globalMembers: () => gone.filter((each) => !this.cut.has(each)), recover: { global: async (...which) => { this.founded.push(which) } } }
    })
  }

  async recover (name: string, given: readonly string[] = gone): Promise<Recovered> {
    return await this.outcome(this.at(name).agreed.recover('global', given, { author: 'ann', reason: 'fire' }, true))
  }
}

async function outsiders (): Promise<Outsiders> {
  const region = new Outsiders()
  for (const name of gone) await region.start(name, { slot: 'global' })
  for (const { raft } of region.edges.values()) await raft!.found('g', { voters: gone, learners: [] })
  for (const name of ['d', 'e']) await region.join(name)
  await region.until(() => region.leader !== undefined)
  await region.change('d', put, { scope: 'global', id: 'first' })
  return region
}

async function lose (region: Outsiders): Promise<void> {
  for (const name of gone) region.cut.add(name)
  await region.pass(1_000)
}

describe('a group without a log', () => {
  it('is founded anew by whoever holds its state and names each voter, and has all of that', async () => {
    const region = await outsiders()
    expect(await region.recover('d')).toMatchObject({ kind: 'refused', reason: expect.stringContaining('has a leader') })
    await lose(region)
    expect(await region.recover('d', ['a'])).toMatchObject({ kind: 'refused', gone: [{}, {}, {}], reason: expect.stringMatching(/copy of version 1, known to be current \d+ s ago, gives up what was agreed on after it: name each of them in "gone": a, b, c$/) })
    expect(region.founded).toEqual([])
    expect(await region.recover('d')).toMatchObject({ kind: 'recovered' })
    expect(await region.recover('d')).toMatchObject({ kind: 'recovered' })
    const [[of, id, from], [, again]] = region.founded as [Parameters<Recover>, Parameters<Recover>]
    expect([of, again]).toEqual(['g', id])
    const state = ConfigState.restore('global', from!.copy)
    expect([state.head, state.index, from!.term]).toEqual([1, from!.index, region.at('a').raft!.status().raft!.term])
    expect(state.history()).toEqual(region.at('a').agreed.machine('global').state.history())
    expect(state.vector).toEqual({ global: 1 })
  })

  it('is not where another that is left has a newer copy, which is named, or a log', async () => {
    const region = await outsiders()
    await region.pass(10_000)
    region.cut.add('d')
    await region.change('a', { kind: 'patch', patch: { flags: { on: true } } }, { scope: 'global' })
    await region.pass(10_000)
    await lose(region)
    region.cut.delete('d')
    expect(await region.recover('d')).toMatchObject({ kind: 'refused', reason: expect.stringContaining('edge-e has a newer copy (version 2') })
    region.cut.delete('c')
    expect(await region.recover('e')).toMatchObject({ kind: 'refused', reason: expect.stringContaining('edge-c has a log') })
    region.cut.add('c')
    expect(await region.recover('e')).toMatchObject({ kind: 'recovered' })
  })

  it('is founded by an edge that was started again from the version that it kept, whose number and author stay', async () => {
    const region = await outsiders()
    await region.pass(11_000)
    const [before] = region.at('a').agreed.machine('global').state.history()
    await lose(region)
    const { records, agreed } = region.at('d')
    await agreed.stop()
    await region.join('d', records)
    region.edges.delete('e')
    expect(await region.recover('d', [])).toMatchObject({ kind: 'refused', reason: expect.stringContaining('and the history before it') })
    expect(await region.recover('d')).toMatchObject({ kind: 'recovered' })
    const state = ConfigState.restore('global', region.founded[0]![2]!.copy)
    const [{ number, hash, author, wallMs, index, document }] = state.history() as [NonNullable<typeof before>]
    expect({ number, hash, author, wallMs, index, document }).toEqual(Object.fromEntries(Object.entries(before!).filter(([name]) => ['number', 'hash', 'author', 'wallMs', 'index', 'document'].includes(name))))
    expect(state.apply({ index: state.index + 1, term: region.founded[0]![2]!.term, bytes: new Uint8Array() })).toMatchObject({ kind: 'refused' })
    expect(state.head).toBe(1)
  })

  it('is not founded by an edge that was never told of it', async () => {
    const region = new Outsiders()
    await region.join('d')
    expect(await region.recover('d')).toMatchObject({ kind: 'refused', reason: expect.stringContaining('holds no copy') })
  })
})
