import { describe, expect, it } from 'vitest'
import { noHealth } from '../../../protocols/config/health.ts'
import { raftDefaults } from '../../../protocols/raft/settings.ts'
import { shop, TestRegion } from './support.ts'

const put = { kind: 'put', document: { sites: { shop } } } as const

/** Three that agree on the global scope, and one that has no part in it. */
async function withOutsider (): Promise<TestRegion> {
  const region = new TestRegion(['a', 'b', 'c', 'd', 'e', 'f'])
  for (const name of ['a', 'b', 'c']) await region.start(name, { slot: 'global' })
  for (const { raft } of region.edges.values()) await raft!.found('g', { voters: ['a', 'b', 'c'], learners: [] })
  await region.start('d', { raft: false, slot: 'global', init: { globalMembers: () => ['a', 'b', 'c'].filter((name) => !region.cut.has(name)) } })
  await region.until(() => region.leader !== undefined)
  return region
}

describe('an edge without a part in the global group', () => {
  it('runs what is agreed there, and says who votes', async () => {
    const region = await withOutsider()
    expect(await region.change('b', put, { scope: 'global' })).toMatchObject({ kind: 'done', version: 1 })
    await region.until(() => region.at('d').ran.at(-1)?.sites.shop !== undefined)
    const { agreed } = region.at('d')
    expect(agreed.group('global')!.status()).toMatchObject({ standing: 'copy', raft: { configuration: { voters: ['a', 'b', 'c'] } } })
    expect(agreed.lacking({ global: 1 })).toEqual([])
  })

  it('changes it through a member, once, and sees it at once', async () => {
    const region = await withOutsider()
    const done = await region.change('d', put, { scope: 'global', id: 'k' })
    expect(done).toMatchObject({ kind: 'done', version: 1, token: { global: 1 } })
    expect(region.at('d').ran.at(-1)!.sites.shop).toMatchObject(shop)
    expect(await region.change('d', put, { scope: 'global', id: 'k' })).toEqual(done)
    expect(await region.change('a', put, { scope: 'global', id: 'k' })).toEqual(done)
    expect(await region.change('d', { kind: 'put', document: {}, base: 0 }, { scope: 'global' })).toMatchObject({ kind: 'refused', why: 'base' })
  })

  it('copies a state that is larger than one answer', async () => {
    const region = await withOutsider()
    const sites = Object.fromEntries(Array.from({ length: 900 }, (_, at) => [`site-${at}`, { hosts: [`${'x'.repeat(60)}.${at}.example.org`], origins: [`https://origin-${at}.example.org/`] }]))
    expect(await region.change('a', { kind: 'put', document: { sites } }, { scope: 'global' })).toMatchObject({ kind: 'done' })
    expect(region.leader!.agreed.machine('global').snapshot().byteLength).toBeGreaterThan(3 * 128 * 1024)
    await region.until(() => Object.keys(region.at('d').ran.at(-1)?.sites ?? {}).length === 900)
    expect(Buffer.from(region.at('d').agreed.machine('global').snapshot())).toEqual(Buffer.from(region.leader!.agreed.machine('global').snapshot()))
  })

  it('is rolled out to like any other, and reports to the leader', async () => {
    const region = await withOutsider()
    await region.change('a', put, { scope: 'global' })
    await region.until(() => region.at('d').agreed.follower.of('global').run.version === 1)
    await region.pass(2_000)
    const view = await region.outcome(region.leader!.agreed.rollout('global'))
    expect(view!.edges.map(({ peer, version }) => [peer, version])).toContainEqual(['d', 1])
  })

  it('has no more proposed than fits, whoever asks', async () => {
    const region = await withOutsider()
    const propose = async (bytes: number): Promise<unknown> => await region.outcome(region.leader!.agreed.answer({ head: { kind: 'propose', scope: 'global', key: 'k' }, payload: new Uint8Array(bytes) }, 'd', new AbortController().signal))
    expect(await propose(raftDefaults.proposalBytesMax + 1)).toMatchObject({ head: { failed: { code: 'COLONY_RAFT_TOO_LARGE' } } })
    // One that says nothing changes nothing.
    expect(await propose(10)).toMatchObject({ head: { result: { kind: 'refused', why: 'malformed' } } })
    await expect(region.at('d').agreed.group('global')!.propose(new Uint8Array(256 * 1024 + 1))).rejects.toMatchObject({ code: 'COLONY_RAFT_TOO_LARGE' })
  })

  it('goes on with what it has when nobody can be asked, and says that nothing was changed', async () => {
    const region = await withOutsider()
    await region.change('d', put, { scope: 'global' })
    for (const name of ['a', 'b', 'c']) region.cut.add(name)
    expect(await region.change('d', { kind: 'put', document: {} }, { scope: 'global' })).toMatchObject({ kind: 'unavailable' })
    expect(await region.outcome(region.at('d').agreed.refresh('global'))).toMatchObject({ current: false })
    expect(region.at('d').ran.at(-1)!.sites.shop).toMatchObject(shop)
  })

  it('asks another when one is silent, and finds the members through one that is none', async () => {
    const region = await withOutsider()
    await region.change('d', put, { scope: 'global' })
    const silent = ['a', 'b', 'c'].find((name) => name !== region.leader!.name)!
    region.cut.add(silent)
    await region.start('e', { raft: false, slot: 'global', init: { globalMembers: () => [silent, 'd'] } })
    expect(await region.change('e', { kind: 'patch', patch: { flags: { on: true } } }, { scope: 'global' })).toMatchObject({ kind: 'done', version: 2 })
    expect(await region.outcome(region.at('e').agreed.refresh('global'))).toMatchObject({ current: true })
  })

  it('does not go back to a group that was replaced by an older one', async () => {
    const region = await withOutsider()
    await region.change('d', put, { scope: 'global' })
    await region.start('e', { slot: 'global' })
    await region.at('e').raft!.found('younger', { voters: ['e'], learners: [] })
    await region.until(() => region.at('e').raft!.leads() !== undefined)
    let sources = ['a', 'b', 'c']
    await region.start('f', { raft: false, slot: 'global', init: { globalMembers: () => sources } })
    expect(await region.outcome(region.at('f').agreed.refresh('global'))).toMatchObject({ current: true })
    sources = ['e']
    await region.pass(20_000)
    expect([region.at('f').agreed.group('global')!.group, region.at('f').agreed.machine('global').state.head]).toEqual(['g', 1])
  })

  it('gets nothing from an edge that is no member itself, nor what it has already, and asks only for what may be asked', async () => {
    const region = await withOutsider()
    const ask = async (name: string, head: object): Promise<unknown> => await region.at(name).agreed.answer({ head: { scope: 'global', ...head }, payload: new Uint8Array() }, 'd', new AbortController().signal)
    await region.outcome(region.at('d').agreed.refresh('global'))
    expect(await ask('d', { kind: 'copy' })).toEqual({ head: { members: ['a', 'b', 'c'] } })
    await expect(ask('a', { kind: 'take' })).rejects.toThrow('does not know')
    for (const scope of ['all', 'local', undefined, 7]) await expect(ask('a', { kind: 'copy', scope }), String(scope)).rejects.toThrow('a scope of configuration that is none')
    expect(await ask('a', { kind: 'copy', at: 1e9, offset: -5 })).toMatchObject({ head: { offset: 0 } })
    const { state } = region.at('a').agreed.machine('global')
    expect(await ask('a', { kind: 'copy', group: 'g', index: state.index })).toMatchObject({ head: { length: 0 } })
    const follower = [...region.edges.values()].find((edge) => edge.name !== 'd' && edge !== region.leader)!
    const report = { incarnation: 1, sequence: 1, version: 0, regionWide: 0, health: noHealth }
    await expect(ask(follower.name, { kind: 'report', report })).rejects.toThrow('does not lead')
    await expect(ask(region.leader!.name, { kind: 'report', report: { ...report, version: -1 } })).rejects.toThrow()
    expect(await ask(region.leader!.name, { kind: 'report', report })).toEqual({ head: { index: state.index } })
  })
})
