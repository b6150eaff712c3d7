import { describe, expect, it } from 'vitest'
import { HealthCount, healthSince } from '../../../daemon/agreed/health-count.ts'
import { agreedDefaults } from '../../../daemon/agreed/settings.ts'
import { configDefaults } from '../../../protocols/config/settings.ts'
import { encodeCommand } from '../../../protocols/config/commands.ts'
import { prepareChange } from '../../../protocols/config/prepare.ts'
import { decodeToken, encodeToken } from '../../../protocols/config/token.ts'
import { Phase } from '../../../daemon/cache/phase.ts'
import { MemoryRecords, settled, shop, TestRegion } from './support.ts'

const put = { kind: 'put', document: { sites: { shop } } } as const
const ttl = (ms: number): { kind: 'patch', patch: object } => ({ kind: 'patch', patch: { sites: { shop: { ttl: { default: ms } } } } })

describe('a change of agreed configuration', () => {
  it('is agreed on, run, and answered with a token that covers it', async () => {
    const region = await TestRegion.of('a')
    const outcome = await region.change('a', put)
    expect(outcome).toMatchObject({ kind: 'done', version: 1, token: { fra: 1 } })
    expect(region.at('a').ran.at(-1)!.sites.shop).toMatchObject(shop)
    expect(region.at('a').agreed.lacking(decodeToken(encodeToken({ fra: 1 })))).toEqual([])
  })

  it('through a follower runs on all three, and the same key is not applied again anywhere', async () => {
    const region = await TestRegion.of('a', 'b', 'c')
    const follower = [...region.edges.values()].find((edge) => edge !== region.leader)!
    const first = await region.change(follower.name, put, { id: 'same' })
    await region.pass(100)
    for (const { ran } of region.edges.values()) expect(ran.at(-1)!.sites.shop).toMatchObject(shop)
    for (const name of ['a', 'b', 'c']) expect(await region.change(name, put, { id: 'same' })).toEqual(first)
    expect(await region.change('a', ttl(5), { id: 'same' })).toMatchObject({ kind: 'refused', why: 'same-key' })
  })

  it('without a majority is not done within its deadline, names who is missing, and may be asked again with its key', async () => {
    const region = await TestRegion.of('a', 'b', 'c')
    await region.change('a', put)
    const lone = region.leader!
    for (const name of ['a', 'b', 'c']) if (name !== lone.name) region.cut.add(name)
    // The lease has to end before anybody can know.
    await region.pass(1_000)
    const startMs = region.clock.nowMs()
    const outcome = await region.change(lone.name, ttl(5), { id: 'late' })
    expect(region.clock.nowMs() - startMs).toBeLessThanOrEqual(configDefaults.regionalTimeoutMs + 100)
    expect(outcome).toMatchObject({ kind: 'unavailable', missing: [{ name: expect.stringMatching(/^edge-/) }, { name: expect.stringMatching(/^edge-/) }] })
    expect((outcome as { reason: string }).reason).toMatch(/2 of 3 voters cannot be reached: edge-/)
    const read = await region.outcome(lone.agreed.refresh('regional'))
    expect(read).toMatchObject({ current: false })
    expect(read.ageMs).toBeGreaterThan(1_000)
    expect(lone.agreed.machine('regional').state.base).toBe(1)
    region.cut.clear()
    await region.until(() => region.leader !== undefined)
    expect(await region.change(lone.name, ttl(5), { id: 'late' })).toMatchObject({ kind: 'done', version: 2 })
  })

  it('that was handed to a leader which fell silent has an unknown outcome, and one outcome in the end', async () => {
    const region = await TestRegion.of('a', 'b', 'c')
    const leader = region.leader!
    const asked = leader.agreed.change(put, { scope: 'regional', id: 'k', author: 'ann', reason: '', plan: 'now' })
    // Its lease runs, so it appends; then nobody hears it.
    for (const name of ['a', 'b', 'c']) region.cut.add(name)
    expect(await region.outcome(asked)).toMatchObject({ kind: 'unknown' })
    region.cut.clear()
    await region.until(() => region.leader !== undefined)
    expect(await region.change(leader.name, put, { id: 'k' })).toMatchObject({ kind: 'done', version: 1 })
    await region.pass(2_000)
    for (const { agreed } of region.edges.values()) expect(agreed.machine('regional').state.head).toBe(1)
  })

  it('of the local scope needs nobody, and is there after a restart', async () => {
    const region = new TestRegion(['a'])
    const { records } = await region.start('a', { raft: false })
    expect(await region.change('a', put, { scope: 'local' })).toMatchObject({ kind: 'done', token: { 'local:a': 1 } })
    expect(await region.change('a', put, { scope: 'regional' })).toMatchObject({ kind: 'unavailable' })
    const again = await region.start('a', { raft: false, records })
    expect(again.ran.at(-1)!.sites.shop).toMatchObject(shop)
    expect(again.agreed.machine('local').state.base).toBe(1)
  })

  it('of a nearer scope is no conflict with what it was written on top of', async () => {
    const region = await TestRegion.of('a')
    await region.change('a', put)
    await region.change('a', ttl(4))
    expect(await region.change('a', ttl(5), { scope: 'local' })).toMatchObject({ kind: 'done' })
    const { settings, conflicts } = region.at('a').agreed.follower.effective!
    expect([settings.sites.shop!.ttl.default, conflicts]).toEqual([5, []])
    await region.change('a', ttl(6))
    expect(region.at('a').agreed.follower.effective).toMatchObject({ settings: { sites: { shop: { ttl: { default: 5 } } } }, conflicts: [{ winner: { value: 5 }, losers: [{ value: 6 }] }] })
  })

  it('told to describe itself says what it would do and changes nothing', async () => {
    const region = new TestRegion(['a'])
    const edge = await region.start('a', { raft: false, init: { objectsBySite: () => ({ shop: 7 }) } })
    await region.change('a', put, { scope: 'local' })
    const rekeyed = { kind: 'patch', patch: { sites: { shop: { key: { query: 'drop' } } } } } as const
    const outcome = await region.change('a', rekeyed, { scope: 'local', dryRun: true })
    expect(outcome).toMatchObject({ kind: 'described', objects: { shop: 7 }, description: { regionWide: true, moved: 1, fields: [{ path: 'sites/shop/key/query', is: 'drop' }] } })
    expect(edge.agreed.machine('local').state.head).toBe(1)
  })
})

describe('an edge that follows', () => {
  it('starts with the last agreed configuration where its group cannot be reached', async () => {
    const region = await TestRegion.of('a')
    await region.change('a', put)
    await region.outcome(region.at('a').agreed.stop())
    const alone = await region.start('a', { raft: false, records: region.at('a').records })
    expect(alone.ran.map(({ sites }) => Object.keys(sites))).toEqual([['shop']])
    expect(alone.agreed.ageMs('regional')).toBeGreaterThanOrEqual(0)
  })

  it('does not go back while its log is being read again', async () => {
    const region = await TestRegion.of('a')
    await region.change('a', put)
    await region.change('a', ttl(5))
    const { records, agreed } = region.at('a')
    await region.outcome(agreed.stop())
    const again = await region.start('a', { records })
    // A log that has come as far as the first version only.
    again.agreed.machine('regional').restore(undefined)
    await again.raft!.found('g', { voters: ['a'], learners: [] })
    await region.until(() => again.raft!.leads() !== undefined)
    await settled()
    expect(again.ran.map(({ sites }) => sites.shop!.ttl.default)).toEqual([5])
  })

  it('stays on its last good version, and says why, when it cannot run one', async () => {
    const region = await TestRegion.of('a')
    const edge = region.at('a')
    await region.change('a', put)
    edge.objection = ({ sites }) => { if (sites.shop!.ttl.default === 5) throw new Error('five is too few') }
    expect(await region.change('a', ttl(5))).toMatchObject({ kind: 'done', version: 2 })
    const { run, kept } = edge.agreed.follower.of('regional')
    expect([run.version, kept.active.refused]).toEqual([1, { version: 2, reason: 'five is too few' }])
    // What ran before was put in place again, as half of the other may have been, and is what a restart finds.
    expect(edge.ran.map(({ sites }) => sites.shop!.ttl.default)).toEqual([0, 0])
    const again = await new TestRegion(['a']).start('a', { raft: false, records: edge.records })
    expect(Object.keys(again.ran.at(-1)!.sites)).toEqual(['shop'])
    await region.change('a', ttl(6))
    expect(edge.agreed.follower.of('regional').run.version).toBe(3)
  })

  it('gives up a version under which its process stopped again and again', async () => {
    const region = await TestRegion.of('a')
    await region.change('a', put)
    await region.pass(agreedDefaults.provenMs)
    const good = new Map(region.at('a').records.written)
    await region.change('a', ttl(5))
    // Each start finds the disk as a killed process left it, and the log with version 2.
    let disk = region.at('a').records.written
    const log = region.at('a').agreed.machine('regional').snapshot()
    expect(disk).not.toEqual(good)
    for (const expected of [2, 1]) {
      const records = new MemoryRecords()
      for (const [name, value] of disk) records.written.set(name, value)
      const started = await region.start('a', { raft: false, records })
      started.raft = { group: 'g', leads: () => undefined, status: () => ({ standing: 'member' }) } as never
      started.agreed.machine('regional').restore(log)
      await settled()
      expect(started.agreed.follower.of('regional').run.version).toBe(expected)
      disk = records.written
    }
  })

  it('keeps what it runs when another group begins anew, until that has agreed on something', async () => {
    const region = await TestRegion.of('a')
    await region.change('a', put)
    const { records, agreed } = region.at('a')
    await region.outcome(agreed.stop())
    const again = await region.start('a', { records })
    await again.raft!.found('another', { voters: ['a'], learners: [] })
    await region.until(() => again.raft!.leads() !== undefined)
    expect(again.agreed.follower.effective!.settings.sites.shop).toMatchObject(shop)
    await region.change('a', { kind: 'put', document: { sites: { other: { ...shop, hosts: ['other.example.org'] } } } })
    expect(Object.keys(again.agreed.follower.effective!.settings.sites)).toEqual(['other'])
  })

  it('runs nothing that it could not write down before', async () => {
    const region = await TestRegion.of('a')
    const edge = region.at('a')
    edge.records.full = true
    expect(await region.change('a', put)).toMatchObject({ kind: 'done' })
    expect(edge.ran).toEqual([])
    edge.records.full = false
    edge.agreed.changed()
    await settled()
    expect(edge.ran).toHaveLength(1)
  })
})

describe('a staged roll-out', () => {
  const serve = (region: TestRegion, bad: (version: number) => boolean) => async (forMs: number, until: () => boolean): Promise<void> => {
    for (let passed = 0; passed < forMs && !until(); passed += 1_000) {
      for (const { agreed } of region.edges.values()) {
        const { version } = agreed.follower.of('regional').run
        for (let count = 0; count < 100; count++) agreed.health.count({ status: bad(version) && count % 2 === 0 ? 502 : 200, phase: Phase.Hit, durationMs: 3 })
      }
      await region.pass(1_000)
    }
  }

  it('goes from one edge to all when it is healthy', async () => {
    const region = await TestRegion.of('a', 'b', 'c')
    await region.change('a', put)
    // The leader need not wait for the next report to know what runs.
    await region.pass(2_000)
    expect((await region.outcome(region.leader!.agreed.rollout('regional')))!.edges.map(({ version }) => version)).toEqual([1, 1, 1])
    const live = serve(region, () => false)
    await live(60_000, () => false)
    expect(await region.change('b', ttl(5), { plan: 'edge,all' })).toMatchObject({ kind: 'done', version: 2 })
    const versions = (): number[] => ['a', 'b', 'c'].map((name) => region.at(name).agreed.follower.of('regional').run.version)
    await live(60_000, () => versions().includes(2))
    expect(versions().sort()).toEqual([1, 1, 2])
    await live(400_000, () => region.at('a').agreed.machine('regional').state.base === 2)
    expect(versions()).toEqual([2, 2, 2])
    const follower = [...region.edges.values()].find((edge) => edge !== region.leader)!
    const told = await region.outcome(follower.agreed.rollout('regional'))
    expect(told?.edges.map(({ version }) => version)).toEqual([2, 2, 2])
  })

  it('returns by itself, and says why, when one edge serves errors under it', async () => {
    const region = await TestRegion.of('a', 'b', 'c')
    await region.change('a', put)
    const live = serve(region, (version) => version === 2)
    await live(60_000, () => false)
    await region.change('a', ttl(5), { plan: 'edge,all' })
    const { state } = region.at('a').agreed.machine('regional')
    await live(200_000, () => state.version(2)!.outcome !== 'rolling-out')
    expect(state.version(2)).toMatchObject({ outcome: 'aborted', notes: [expect.stringMatching(/the error rate is 50 %/)] })
    await region.pass(1_000)
    for (const { agreed } of region.edges.values()) expect(agreed.follower.of('regional').run.version).toBe(1)
  })

  it('of a list of allowed peers is refused where it locks out who agrees, and else does not wait for whom it shuts out', async () => {
    const names = ['a', 'b', 'c'].map((each) => each.repeat(52))
    const region = await TestRegion.of(...names)
    const leader = region.leader!
    const [other, out] = names.filter((name) => name !== leader.name) as [string, string]
    const list = (...allowed: string[]): { kind: 'patch', patch: object } => ({ kind: 'patch', patch: { peers: { allowed } } })
    const wrong = await region.change(leader.name, list(other, out), { plan: 'edge,all', dryRun: true }).catch((error: Error) => error)
    expect(wrong).toMatchObject({ code: 'COLONY_CONFIG_INVALID', message: `peers.allowed: leaves out edge-${leader.name} (${leader.name}), the edge that was asked` })
    await expect(region.change(other, list(other, out), { plan: 'edge,all' })).rejects.toThrow(`leaves out edge-${leader.name} (${leader.name}), which leads the roll-out`)
    await expect(region.change(leader.name, list(leader.name), { plan: 'now' })).rejects.toThrow('2 of 3 voters of the regional group')
    const live = serve(region, () => false)
    await live(60_000, () => false)
    region.cut.add(out)
    expect(await region.change(leader.name, list(leader.name, other), { dryRun: true })).toMatchObject({ kind: 'described', description: { shutOut: [{ peer: out, name: `edge-${out}` }] } })
    expect(await region.change(leader.name, list(leader.name, other), { plan: 'edge,all' })).toMatchObject({ kind: 'done', version: 1 })
    const { state } = leader.agreed.machine('regional')
    await live(600_000, () => state.rollout === undefined)
    expect(state.version(1)).toMatchObject({ outcome: 'good' })
    expect([leader.name, other, out].map((name) => region.at(name).ran.at(-1)?.peers.allowed.length)).toEqual([2, 2, undefined])
    // It stands in the way of nothing else, whoever is asked.
    region.cut.clear()
    await region.pass(2_000)
    expect(await region.change(out, { kind: 'patch', patch: { flags: { open: true } } })).toMatchObject({ kind: 'done', version: 2 })
  })

  it('counts an origin that does not answer as errors, though the mesh hides it from clients', () => {
    const health = new HealthCount()
    const before = health.total
    for (let count = 0; count < 4; count++) health.count({ status: count === 0 ? 502 : 200, phase: Phase.Miss, durationMs: 3 })
    expect(healthSince(health.total, before)).toMatchObject({ requests: 4, errors: 1 })
    for (let count = 0; count < 3; count++) health.originFailed()
    expect(healthSince(health.total, before).errors).toBe(3)
    for (let count = 0; count < 9; count++) health.originFailed()
    expect(healthSince(health.total, before).errors).toBe(4)
  })

  it('goes on with what was learned where the lease lapsed and came back in the same term', async () => {
    const region = await TestRegion.of('a', 'b', 'c')
    const { name, raft, agreed } = region.leader!
    const reporting = async (): Promise<number> => (await region.outcome(agreed.rollout('regional')))?.edges.length ?? 0
    await region.pass(agreedDefaults.idleReportIntervalMs + 1_000)
    const before = [raft!.leads(), await reporting()]
    region.cut.add(name)
    await region.until(() => raft!.leads() === undefined)
    expect(await reporting()).toBe(0)
    region.cut.delete(name)
    await region.until(() => raft!.leads() !== undefined)
    expect([raft!.leads(), await reporting()]).toEqual(before)
    expect(before[1]).toBe(3)
  })

  it('is ended by hand', async () => {
    const region = await TestRegion.of('a')
    await region.change('a', put)
    await region.change('a', { kind: 'patch', patch: { sites: { shop: { key: { query: 'drop' } } } } }, { plan: 'edge,all' })
    // Misses of its own making are allowed for, and what makes keys is switched for the whole region.
    expect(region.at('a').agreed.machine('regional').state.rollout).toMatchObject({ moved: 1, steps: [{ act: 'run' }, { act: 'run' }, { act: 'switch' }] })
    expect(await region.outcome(region.at('a').agreed.abort('regional', 2, { author: 'ann', reason: 'a second thought' }))).toMatchObject({ kind: 'done' })
    expect(region.at('a').agreed.machine('regional').state.version(2)).toMatchObject({ outcome: 'aborted', notes: ['a second thought'] })
    // Whoever got no answer asks again.
    expect(await region.outcome(region.at('a').agreed.abort('regional', 2, { author: 'ann', reason: 'again' }))).toMatchObject({ kind: 'done', version: 2 })
  })
})

describe('a group that is dissolved', () => {
  it('leaves what it had agreed on to the next one, and what both say stands as a conflict', async () => {
    const region = await TestRegion.of('a')
    await region.change('a', put)
    await region.change('a', ttl(5))
    const snapshot = region.at('a').agreed.machine('regional').snapshot()
    const other = new TestRegion(['a'])
    let left: Array<{ group: string, snapshot: Uint8Array }> = []
    await other.start('a', { init: { dissolved: { regional: () => ({ all: async () => left, forget: async () => { left = [] } }) } } })
    await other.at('a').raft!.found('g', { voters: ['a'], learners: [] })
    await other.until(() => other.leader !== undefined)
    await other.change('a', put)
    await other.change('a', ttl(6))
    await other.pass(5_000)
    await other.change('a', ttl(7))
    const { agreed } = other.at('a')
    left = [{ group: 'younger', snapshot }]
    agreed.changed()
    await other.until(() => agreed.machine('regional').state.head === 4)
    // Staged like any other change; kept until that has ended.
    await other.pass(5_000)
    expect([left.length, agreed.machine('regional').state.rollout?.version]).toEqual([1, 4])
    await other.until(() => left.length === 0, 3_000_000)
    expect(agreed.machine('regional').state.history().map(({ author }) => author)).toEqual(['ann@desk', 'ann@desk', 'ann@desk', 'colony'])
    await other.pass(5_000)
    expect(agreed.machine('regional').state.head).toBe(4)
    expect(agreed.machine('regional').state.conflicts()).toMatchObject([{ path: 'sites/shop/ttl/default', winner: { value: 7 }, losers: [{ value: 5 }] }])
  })

  it('leaves nothing to the one that was founded anew from it, but what it agreed on after the parting', async () => {
    const region = await TestRegion.of('a')
    let left: Array<{ group: string, snapshot: Uint8Array }> = []
    await region.start('a', { init: { dissolved: { regional: () => ({ all: async () => left, forget: async () => { left = [] } }) } } })
    await region.at('a').raft!.found('g', { voters: ['a'], learners: [] })
    await region.until(() => region.leader !== undefined)
    const machine = region.at('a').agreed.machine('regional')
    const comesIn = async (snapshot: Uint8Array): Promise<void> => {
      left = [{ group: 'replaced', snapshot }]
      region.at('a').agreed.changed()
      await region.until(() => left.length === 0, 3_000_000)
    }
    await region.change('a', put)
    await region.change('a', ttl(5))
    const parting = machine.snapshot()
    await region.change('a', ttl(6))
    await comesIn(parting)
    expect([machine.state.head, machine.state.conflicts()]).toEqual([3, []])

    const other = await TestRegion.of('b')
    other.at('b').agreed.machine('regional').restore(parting)
    const { state } = other.at('b').agreed.machine('regional')
    const command = prepareChange(state, ttl(9), { scope: 'regional', id: 'k', author: 'ann', reason: '', wallMs: 7, plan: 'now' })
    state.apply({ index: state.index + 1, term: state.term, bytes: encodeCommand(command) })
    await comesIn(state.snapshot())
    expect(machine.state.conflicts()).toMatchObject([{ path: 'sites/shop/ttl/default', losers: [{}] }])
  })
})

describe('a token', () => {
  it('is waited for until the edge acts on what it names', async () => {
    const region = await TestRegion.of('a', 'b', 'c')
    const [late] = [...region.edges.values()].filter((edge) => edge !== region.leader)
    region.cut.add(late!.name)
    const done = await region.change(region.leader!.name, put)
    const { token } = done as { token: Record<string, number> }
    const waiting = late!.agreed.reached(token)
    await settled()
    region.cut.clear()
    expect(await region.outcome(waiting)).toEqual([])
    expect(late!.ran.at(-1)!.sites.shop).toMatchObject(shop)
  })

  it('that names what does not come in time, or never comes, is answered with what is lacking', async () => {
    const region = await TestRegion.of('a')
    const { agreed } = region.at('a')
    const lacking = await region.outcome(agreed.reached({ fra: 9 }))
    expect(lacking).toEqual([{ group: 'fra', has: 0, needs: 9 }])
    expect(agreed.willCome(lacking[0]!)).toBe(true)
    const startMs = region.clock.nowMs()
    const never = await region.outcome(agreed.reached({ 'purge:ams': 1 }))
    expect([never.map((lack) => agreed.willCome(lack)), region.clock.nowMs() - startMs]).toEqual([[false], 0])
    expect(await region.change('a', put, { token: { 'purge:ams': 1 } })).toMatchObject({ kind: 'lacking' })
  })
})
