/** A configuration group's state: versions, repeated requests, roll-outs as entries, conflicts, snapshots. */
import { describe, expect, it } from 'vitest'
import { encodeCommand, type CommandOf } from '../../../protocols/config/commands.ts'
import { effectiveSettings, composeLayers } from '../../../protocols/config/merge.ts'
import { answerTo } from '../../../protocols/config/prepare.ts'
import { isReached } from '../../../protocols/config/rollout.ts'
import { ConfigState } from '../../../protocols/config/state.ts'
import { versionLimits } from '../../../protocols/config/versions.ts'
import { encodeHead } from '../../../protocols/wire.ts'
import { Group, shop } from './support.ts'

const ttl = (ms: number): object => ({ sites: { shop: { ...shop, ttl: { default: ms } } } })

describe('versions', () => {
  it('have number, author, time, reason and hash, and the answer carries a token', () => {
    const group = new Group()
    expect(group.put(ttl(1), { author: 'ann', reason: 'first', wallMs: 77 })).toEqual({ kind: 'done', version: 1, hash: expect.any(String), token: { global: 1 } })
    expect(group.state.history()).toMatchObject([{ number: 1, author: 'ann', reason: 'first', wallMs: 77, base: 0, outcome: 'good', index: 1, term: 1 }])
    expect(group.state.document()).toEqual(ttl(1))
  })

  it('are not written over by an author who looked at an older one', () => {
    const group = new Group()
    group.put(ttl(1))
    group.put(ttl(2))
    expect(group.change({ kind: 'put', document: ttl(3), base: 1 })).toEqual({
      kind: 'refused', why: 'base', reason: 'the change starts from version 1, but version 2 is agreed now; look at it and try again'
    })
    expect(group.state.document()).toEqual(ttl(2))
  })

  it('come from a patch of what the author looked at', () => {
    const group = new Group()
    group.put(ttl(1))
    group.change({ kind: 'patch', patch: { sites: { shop: { ttl: null, hostHeader: 'preserve' } }, flags: { beta: true } }, base: 1 })
    expect(group.state.document()).toEqual({ sites: { shop: { ...shop, hostHeader: 'preserve' } }, flags: { beta: true } })
    expect(() => group.change({ kind: 'patch', patch: { sites: { shop: { hosts: null } } } })).toThrow('sites.shop.hosts: missing; no scope gives this site host names')
  })

  it('are refused before they are proposed where no entry of a log holds them', () => {
    const command = { ...new Group().prepare({ kind: 'put', document: ttl(1) }), settles: Array.from({ length: 600 }, () => 'x'.repeat(2_000)) } as CommandOf<'put'>
    expect(() => encodeCommand(command)).toThrow('bytes as an entry of the log, which takes 1048576 at most; change less at once')
    expect(() => encodeCommand({ ...command, settles: [] })).not.toThrow()
  })

  it('are not made for what is agreed already', () => {
    const group = new Group()
    group.put(ttl(1))
    expect(group.put(ttl(1), { plan: 'edge,all' })).toEqual({ kind: 'done', version: 1, hash: expect.any(String), token: { global: 1 }, unchanged: true })
    expect([group.state.head, group.state.rollout]).toEqual([1, undefined])
  })

  it('go back to an older one by a new one', () => {
    const group = new Group()
    group.put(ttl(1))
    group.put(ttl(2))
    group.change({ kind: 'rollback', to: 1 })
    expect(group.state.history().at(-1)).toMatchObject({ number: 3, restores: 1, document: ttl(1) })
    expect(group.state.history()[0]!.hash).toBe(group.state.history()[2]!.hash)
    expect(() => group.change({ kind: 'rollback', to: 9 })).toThrow('version 9 is not kept; there are 1 to 3')
  })

  it('leave when there are too many, but the good one and the one under way stay', () => {
    const group = new Group()
    for (let each = 1; each <= versionLimits.versionsMax + 5; each++) group.put(ttl(each))
    expect(group.state.history().map(({ number }) => number)).toEqual(Array.from({ length: versionLimits.versionsMax }, (_, index) => index + 6))
    expect(() => group.change({ kind: 'rollback', to: 5 })).toThrow('version 5 is not kept; there are 6 to 105')
    for (let each = 106; each <= 220; each++) {
      group.put(ttl(each), { plan: 'edge,all' })
      group.commit({ kind: 'abort', version: each, reason: 'x', author: 'ann', wallMs: 0 })
    }
    expect(group.state.document()).toEqual(ttl(105))
    expect(group.state.history().map(({ number }) => number)).toEqual([105, ...Array.from({ length: versionLimits.versionsMax - 1 }, (_, index) => index + 122)])
  })

  it('leave when they are too large together', () => {
    const group = new Group()
    const padding = Object.fromEntries(Array.from({ length: 60 }, (_, index) => [`x-${index}`, 'x'.repeat(1_000)]))
    const sites = (name: string): object => Object.fromEntries(Array.from({ length: 4 }, (_, index) => [`s${index}`, { hosts: [`${name}${index}.example`], headers: { set: Object.fromEntries(Object.entries(padding).slice(0, 50)) } }]))
    for (let each = 0; each < 25; each++) expect(group.put({ sites: sites(`n${each}-`) })).toMatchObject({ kind: 'done' })
    const kept = group.state.history()
    expect(kept.reduce((sum, { bytes }) => sum + bytes, 0)).toBeLessThanOrEqual(versionLimits.versionsBytesMax)
    expect(kept.length).toBeLessThan(25)
    expect(kept.at(-1)!.number).toBe(25)
  })
})

describe('a repeated request', () => {
  it('gets the same answer and changes nothing, whatever happened since', () => {
    const group = new Group()
    const command = group.prepare({ kind: 'put', document: ttl(1) }, { id: 'k' })
    const first = group.commit(command)
    group.put(ttl(2))
    expect(group.commit(command)).toEqual(first)
    expect(group.state.head).toBe(2)
    expect(answerTo(group.state, { kind: 'put', document: ttl(1) }, 'k')).toEqual(first)
    expect(answerTo(group.state, { kind: 'put', document: ttl(1) }, 'l')).toBeUndefined()
  })

  it('is known when it comes by another edge, at another time', () => {
    const group = new Group()
    const first = group.put(ttl(1), { id: 'k', wallMs: 1 })
    expect(group.put(ttl(1), { id: 'k', wallMs: 2 })).toEqual(first)
  })

  it('is told from another one under the same key', () => {
    const group = new Group()
    group.put(ttl(1), { id: 'k' })
    expect(group.put(ttl(2), { id: 'k' })).toEqual({ kind: 'refused', why: 'same-key', reason: 'the idempotency key "k" was used for another change; use a new one' })
  })

  it('is refused again when it was refused', () => {
    const group = new Group()
    group.put(ttl(1))
    const late = { kind: 'put', document: ttl(3), base: 0 } as const
    expect(group.change(late, { id: 'late' })).toMatchObject({ kind: 'refused', why: 'base' })
    expect(group.change(late, { id: 'late' })).toMatchObject({ kind: 'refused', why: 'base' })
  })
})

describe('an entry', () => {
  it('that was applied before is passed over', () => {
    const group = new Group()
    group.put(ttl(1))
    expect(group.state.apply(group.log[0]!)).toBeUndefined()
    expect(group.state.head).toBe(1)
  })

  it.each([
    ['of no CBOR', new Uint8Array([255, 1])],
    ['of no command', encodeHead({ kind: 'dance', format: 1 })],
    ['with a field of another kind', encodeHead({ kind: 'abort', version: 'x', reason: '', author: '', wallMs: 0, format: 1 })],
    ['that is too long', new Uint8Array(1024 * 1024 + 1)]
  ])('%s changes nothing but the index', (_what, bytes) => {
    const group = new Group()
    group.put(ttl(1))
    expect(group.commit(bytes)).toMatchObject({ kind: 'refused', why: 'malformed' })
    expect([group.state.index, group.state.head]).toEqual([2, 1])
  })

  it('of a later format stops an edge that cannot read it', () => {
    const group = new Group()
    expect(() => group.commit(encodeHead({ kind: 'put', format: 2 }))).toThrow(expect.objectContaining({ code: 'COLONY_CONFIG_FORMAT' }))
    expect(group.state.index).toBe(0)
  })
})

describe('a roll-out in the log', () => {
  const edge = (peer: string, region: string): { peer: string, region: string } => ({ peer, region })
  const step = (group: Group, number: number, edges: string[] = [], regions: string[] = []): unknown =>
    group.commit({ kind: 'step', version: group.state.rollout!.version, step: number, edges, regions, wallMs: 0 })

  it('takes edges, then a region, then all to the new version, and its end makes it the good one', () => {
    const group = new Group()
    group.put(ttl(1))
    group.put(ttl(2), { plan: 'edge,region,all' })
    const runs = (): number[] => [edge('a1', 'a'), edge('a2', 'a'), edge('b1', 'b')].map((each) => group.state.desired(each).version)
    expect([group.state.base, runs()]).toEqual([1, [1, 1, 1]])
    step(group, 0, ['a1'])
    expect(runs()).toEqual([2, 1, 1])
    step(group, 1, [], ['a'])
    expect(runs()).toEqual([2, 2, 1])
    step(group, 2)
    expect(runs()).toEqual([2, 2, 2])
    expect(group.commit({ kind: 'finish', version: 2, step: 2, wallMs: 0 })).toMatchObject({ kind: 'done', version: 2 })
    expect([group.state.base, group.state.rollout, group.state.version(2)!.outcome]).toEqual([2, undefined, 'good'])
    expect(effectiveSettings([group.state.layer()]).settings.sites.shop!.ttl.default).toBe(2)
  })

  it('returns everyone to the last good version when it is aborted, and keeps why', () => {
    const group = new Group()
    group.put(ttl(1))
    group.put(ttl(2), { plan: 'edge,region,all' })
    step(group, 0, ['a1'])
    group.commit({ kind: 'abort', version: 2, reason: 'the error rate rose', author: 'colony', wallMs: 0 })
    expect(group.state.desired(edge('a1', 'a'))).toEqual({ version: 1, regionWide: 1 })
    expect(group.state.version(2)).toMatchObject({ outcome: 'aborted', notes: ['the error rate rose'] })
    expect(group.put(ttl(3))).toMatchObject({ version: 3 })
    expect(group.state.document()).toEqual(ttl(3))
  })

  it('is moved by the next step only, whoever proposes it and however often', () => {
    const group = new Group()
    group.put(ttl(1), { plan: 'edge,all' })
    expect(step(group, 1)).toMatchObject({ kind: 'refused', why: 'stale' })
    step(group, 0, ['a1'])
    expect(step(group, 0, ['b1'])).toMatchObject({ kind: 'refused', why: 'stale' })
    expect(group.state.rollout!.edges).toEqual(['a1'])
    expect(group.commit({ kind: 'finish', version: 1, step: 0, wallMs: 0 })).toMatchObject({ kind: 'refused', why: 'stale' })
    group.commit({ kind: 'abort', version: 1, reason: 'x', author: 'ann', wallMs: 0 })
    expect(group.commit({ kind: 'abort', version: 1, reason: 'x', author: 'ann', wallMs: 0 })).toEqual({ kind: 'refused', why: 'stale', reason: 'version 1 is not being rolled out' })
  })

  it('keeps other changes away', () => {
    const group = new Group()
    group.put(ttl(1), { plan: 'edge,all' })
    expect(group.put(ttl(2))).toEqual({ kind: 'refused', why: 'busy', reason: 'version 1 is being rolled out; wait for it, or abort it' })
  })

  it('is judged by the edges that a step reaches anew', () => {
    const group = new Group()
    group.put({ sites: { shop }, ring: { weights: { a1: 2 } } }, { plan: 'edge,region,all' })
    const reached = (): string[] => ['a1 a', 'a2 a', 'b1 b'].filter((each) => isReached(group.state.rollout!, edge(each.slice(0, 2), each.slice(3))))
    const seen = [[0, ['a1'], []], [1, [], ['a']], [2, [], ['a']], [3, [], []], [4, [], []]] as const
    expect(seen.map(([number, edges, regions]) => {
      step(group, number, [...edges], [...regions])
      return reached()
    })).toEqual([['a1 a'], ['a2 a'], ['a1 a', 'a2 a'], ['b1 b'], ['a1 a', 'a2 a', 'b1 b']])
  })

  it('switches what is region-wide a region at a time, each at one epoch, and back by the abort', () => {
    const group = new Group()
    group.put({ sites: { shop }, ring: { weights: { a1: 1 } } })
    const first = group.state.epoch('a')
    group.put({ sites: { shop: { ...shop, ttl: { default: 5 } } }, ring: { weights: { a1: 2 } } }, { plan: 'edge,region,all' })
    expect(group.state.rollout!.steps.map(({ act, reach }) => `${act} ${reach}`)).toEqual(['run edges', 'run regions', 'switch regions', 'run all', 'switch all'])
    const runs = (peer: string, region: string): [number, number] => {
      const { version, regionWide } = group.state.desired({ peer, region })
      const { settings } = effectiveSettings([composeLayers(group.state.layer(version)!, group.state.layer(regionWide)!)])
      return [settings.sites.shop!.ttl.default, settings.ring.weights.a1!]
    }
    step(group, 0, ['a1'])
    expect([runs('a1', 'a'), runs('a2', 'a')]).toEqual([[5, 1], [0, 1]])
    step(group, 1, [], ['a'])
    expect([runs('a1', 'a'), runs('a2', 'a'), group.state.epoch('a')]).toEqual([[5, 1], [5, 1], first])
    step(group, 2, [], ['a'])
    expect([runs('a1', 'a'), runs('a2', 'a'), runs('b1', 'b')]).toEqual([[5, 2], [5, 2], [0, 1]])
    expect([group.state.epoch('a'), group.state.epoch('b')]).toEqual([group.state.index, first])
    group.commit({ kind: 'abort', version: 2, reason: 'x', author: 'colony', wallMs: 0 })
    expect([runs('a1', 'a'), group.state.epoch('a'), group.state.epoch('b')]).toEqual([[0, 1], group.state.index, first])
  })

  it('lets a new site begin, and an old one end, with the whole region', () => {
    const group = new Group()
    group.put({ sites: { old: { hosts: ['old.example'], origins: ['http://old.example/'] } } })
    group.put({ sites: { young: { hosts: ['young.example'], origins: ['http://young.example/'] } } }, { plan: 'edge,all' })
    const sites = (): string[] => {
      const { version, regionWide } = group.state.desired({ peer: 'a1', region: 'a' })
      const { settings } = effectiveSettings([composeLayers(group.state.layer(version)!, group.state.layer(regionWide)!)])
      return Object.entries(settings.sites).map(([name, { origins }]) => `${name} ${origins.length}`)
    }
    step(group, 0, ['a1'])
    expect(sites()).toEqual(['old 1'])
    step(group, 1)
    expect(sites()).toEqual(['old 1'])
    step(group, 2)
    expect(sites()).toEqual(['young 1'])
  })
})

describe('scopes and cut-off edits', () => {
  it('let a region go before the global settings, and list the value that did not count', () => {
    const global = new Group('global')
    const fra = new Group('fra')
    global.put(ttl(1))
    fra.put({ sites: { shop: { ttl: { default: 7 } } } }, { others: [global.state.layer()] })
    const { settings, conflicts } = effectiveSettings([global.state.layer(), fra.state.layer()])
    expect(settings.sites.shop!.ttl.default).toBe(7)
    expect(conflicts).toMatchObject([{ path: 'sites/shop/ttl/default', winner: { source: 'fra', value: 7 }, losers: [{ source: 'global', value: 1 }] }])
  })

  it('know no conflict where the region had seen the global value, and none but the newer global one after it saw the region', () => {
    const global = new Group('global')
    const fra = new Group('fra')
    global.put(ttl(1))
    fra.put({ sites: { shop: { ttl: { default: 7 } } } }, { others: [global.state.layer()], seen: global.state.vector })
    expect(effectiveSettings([global.state.layer(), fra.state.layer()]).conflicts).toEqual([])
    global.put(ttl(2), { seen: fra.state.vector })
    const after = effectiveSettings([fra.state.layer(), global.state.layer()])
    expect([after.settings.sites.shop!.ttl.default, after.conflicts]).toEqual([2, []])
  })

  it('let a global value of higher priority go before the regions\'', () => {
    const global = new Group('global')
    const fra = new Group('fra')
    global.put(ttl(1), { priority: 90 })
    fra.put({ sites: { shop: { ttl: { default: 7 } } } }, { others: [global.state.layer()] })
    expect(effectiveSettings([fra.state.layer(), global.state.layer()]).settings.sites.shop!.ttl.default).toBe(1)
  })

  it('let the global value count again where a region took its own away', () => {
    const global = new Group('global')
    const fra = new Group('fra')
    global.put({ flags: { a: 1 } })
    fra.put({ flags: { a: 2 } }, { others: [global.state.layer()], seen: global.state.vector })
    fra.put({}, { others: [global.state.layer()], seen: global.state.vector })
    expect(effectiveSettings([global.state.layer(), fra.state.layer()]).settings.flags).toEqual({ a: 1 })
    global.put({ flags: { a: 3 } })
    expect(effectiveSettings([global.state.layer(), fra.state.layer()]).settings.flags).toEqual({ a: 3 })
  })

  it('set a site aside that a region speaks of and nobody gives hosts', () => {
    const fra = new Group('fra')
    fra.put({ sites: { gone: { ttl: { default: 7 } } } })
    const { settings, withoutHosts } = effectiveSettings([fra.state.layer()])
    expect([settings.sites, withoutHosts]).toEqual([{}, ['gone']])
  })

  it('take in what another group agreed on while cut off; the conflict stays until someone ends it', () => {
    const elder = new Group('fra')
    const younger = new Group('fra@2')
    elder.put({ flags: { a: 1, b: 1 } })
    younger.put({ flags: { a: 2, c: 2 } })
    expect(elder.change({ kind: 'absorb', layer: younger.state.layer() })).toMatchObject({ kind: 'done', version: 2 })
    expect(elder.state.document()).toEqual({ flags: { a: 1, b: 1, c: 2 } })
    expect(elder.state.conflicts()).toMatchObject([{ path: 'flags/a', winner: { value: 1, source: 'fra' }, losers: [{ value: 2, source: 'fra@2' }] }])
    elder.change({ kind: 'patch', patch: { flags: { b: 3 } } })
    expect(elder.state.conflicts()).toHaveLength(1)
    expect(() => elder.change({ kind: 'resolve', path: 'flags/a', keep: 1 })).toThrow('flags.a: has 1 other values; 1 is none of them')
    elder.change({ kind: 'resolve', path: 'flags/a', keep: 0 })
    expect([elder.state.conflicts(), elder.state.document()]).toEqual([[], { flags: { a: 2, b: 3, c: 2 } }])
    expect(() => elder.change({ kind: 'resolve', path: 'flags/a', keep: 'winner' })).toThrow('flags.a: is not in conflict')
  })

  it('end a conflict for the value that counted already', () => {
    const elder = new Group('fra')
    const younger = new Group('fra@2')
    elder.put({ flags: { a: 1 } })
    younger.put({ flags: { a: 2 } })
    elder.change({ kind: 'absorb', layer: younger.state.layer() })
    elder.change({ kind: 'resolve', path: 'flags/a', keep: 'winner' })
    expect([elder.state.conflicts(), elder.state.document()]).toEqual([[], { flags: { a: 1 } }])
    elder.change({ kind: 'absorb', layer: younger.state.layer() })
    expect(elder.state.conflicts()).toEqual([])
  })
})

describe('a snapshot', () => {
  it('goes on as the log would have', () => {
    const group = new Group()
    group.put(ttl(1), { id: 'k' })
    group.put({ sites: { shop }, ring: { weights: { a1: 2 } } }, { plan: 'edge,region,all' })
    group.commit({ kind: 'step', version: 2, step: 0, edges: ['a1'], regions: [], wallMs: 0 })
    const restored = new Group('global', ConfigState.restore('global', group.state.snapshot()))
    expect(restored.state.snapshot()).toEqual(group.state.snapshot())
    for (const each of [group, restored]) {
      each.commit({ kind: 'step', version: 2, step: 1, edges: [], regions: ['a'], wallMs: 0 })
      each.commit({ kind: 'step', version: 2, step: 2, edges: [], regions: ['a'], wallMs: 0 })
      each.commit({ kind: 'abort', version: 2, reason: 'x', author: 'colony', wallMs: 0 })
      each.put(ttl(1), { id: 'k' })
    }
    expect(restored.state.snapshot()).toEqual(group.state.snapshot())
    expect(restored.state.epoch('a')).toBe(6)
    expect(ConfigState.restore('global', group.state.snapshot()).epoch('a')).toBe(6)
  })

  it.each([
    ['no map', new Uint8Array([1])],
    ['of another group', new ConfigState('fra').snapshot()],
    ['of another format', encodeHead({ format: 9 })],
    ['without the version that is good', encodeHead({ format: 1, group: 'global', index: 1, term: 1, head: 1, base: 1, layer: [], versions: [], answers: [], epoch: 0, epochs: [] })]
  ])('%s is refused', (_what, bytes) => {
    expect(() => ConfigState.restore('global', bytes)).toThrow(expect.objectContaining({ code: 'COLONY_WIRE' }))
  })
})

it('the same command gives the same bytes', () => {
  const group = new Group()
  const command = group.prepare({ kind: 'put', document: ttl(1) }, { id: 'k' })
  expect(encodeCommand(command)).toEqual(encodeCommand({ ...JSON.parse(JSON.stringify(command)) }))
})
