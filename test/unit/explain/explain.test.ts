/** Gathering an explanation: the facts of three edges, one of them dead, end up in one document and on one page. */
import { describe, expect, it } from 'vitest'
import { explanationText } from '../../../bin/colony-commands/explain.ts'
import { visibleWidth } from '../../../bin/table.ts'
import { explainRoutes } from '../../../daemon/admin/explain.ts'
import { Sites } from '../../../daemon/cache/sites.ts'
import { DecisionKind, Decisions } from '../../../daemon/explain/decisions.ts'
import { Explainer, type ExplainInit } from '../../../daemon/explain/explain.ts'
import type { Explanation } from '../../../daemon/explain/explanation.ts'
import { holdingsHere } from '../../../daemon/explain/holdings.ts'
import { explainDefaults } from '../../../daemon/explain/settings.ts'
import { Origin } from '../../../daemon/origin/origin.ts'
import { originDefaults } from '../../../daemon/origin/settings.ts'
import { routingDefaults } from '../../../daemon/routing/settings.ts'
import { MemoryStore } from '../../../daemon/store/memory-store.ts'
import { variantKey } from '../../../daemon/http/vary.ts'
import { contentKey } from '../../../protocols/ids.ts'
import { RpcError, type Call } from '../../../protocols/rpc.ts'
import type { Member } from '../../../protocols/membership/service.ts'
import { Tier, type Holdings } from '../../../protocols/survey/messages.ts'
import { surveyDefaults } from '../../../protocols/survey/settings.ts'
import { surveyAnswerer } from '../../../protocols/survey/survey.ts'
import { decodeFrame, encodeFrame } from '../../../protocols/wire.ts'
import { bodyOf, put, settingsOf } from '../../support/store.ts'
import { manualClock } from '../membership/support.ts'
import { fakePeers } from '../routing/support.ts'
import { held } from './support.ts'

const never = new AbortController().signal
const [self, owner, dead, far] = ['12D3KooWself', '12D3KooWowner', '12D3KooWdeadone', '12D3KooWfaraway'] as const
const members = [self, owner, dead, far].map((peer, index) => ({ peer, name: `edge-${index + 1}`, region: peer === far ? 'far' : 'here' })) as unknown as Member[]
const url = 'http://localhost/test'
const nothing: Holdings = { variants: [], moreVariants: 0, fetching: 0, owner: false, ring: 'ring' }

const membershipOf = (all: readonly Member[]): ExplainInit['membership'] =>
  ({ self: () => all[0] as Member, members: () => all, member: (peer) => all.find((each) => each.peer === peer) })

interface Rig { readonly store: MemoryStore, readonly decisions: Decisions, readonly explain: (more?: Partial<ExplainInit>, headers?: readonly string[]) => Promise<Explanation>, readonly init: ExplainInit }

function rig (says: Readonly<Record<string, Holdings>> = {}): Rig {
  const clock = manualClock()
  const decisions = new Decisions(explainDefaults, clock)
  const store = new MemoryStore({ settings: settingsOf() })
  const configs = [{ name: 'test', hosts: ['*'], origin: 'http://127.0.0.1:1/', defaultTtlMs: 0, hostHeader: 'origin' as const }]
  const sites = new Sites(configs, (origin) => new Origin(origin, originDefaults, clock))
  const call: Call = async (peer, head) => {
    const holdings = says[peer]
    if (holdings === undefined) throw new RpcError('COLONY_RPC_SILENT', peer, `peer ${peer} gave no answer`)
    return decodeFrame(encodeFrame((await surveyAnswerer(() => holdings)(decodeFrame(encodeFrame(head)), self, never)).head))
  }
  const init: ExplainInit = {
    clock, decisions, store, sites, call, hosts: configs,
    settings: explainDefaults, surveySettings: surveyDefaults, routing: routingDefaults, rangeWaitBytesMax: 1_000,
    membership: membershipOf(members),
    peers: fakePeers({ self, region: 'here', owners: { here: [owner, self], far: [far] }, homes: ['far', 'here'], rtts: { [owner]: 1.2 } }),
    locate: { ringHash: () => 'ring' },
    notShareable: () => false,
    holdings: holdingsHere({ clock, store, sites, flying: () => [], isOwner: () => false, ring: () => 'ring' })
  }
  return { store, decisions, init, explain: async (more = {}, headers = []) => await new Explainer({ ...init, ...more }).explain(url, headers, never) }
}

describe('an explanation', () => {
  it('tells who holds it, who owns it, who is silent and what a request would do', async () => {
    const { explain, store, decisions } = rig({ [owner]: { ...nothing, owner: true, directory: [self] }, [far]: { ...nothing, owner: true, variants: [held(5_000)] } })
    const { hash, key } = await put(store, 'test', bodyOf(1_000), { fields: [['cache-control', 'max-age=60'], ['etag', '"1"']], receivedAtMs: 0 })
    decisions.note(key, DecisionKind.Fetched, { source: 'peer', peer: owner, why: 'uri-miss' })
    decisions.note(key, DecisionKind.Evicted, { byKey: contentKey('test', '/test') })
    const about = await explain()
    expect(about).toMatchObject({
      url, site: 'test', target: '/test', key, outcome: 'hit', home: 'far',
      verdict: 'A request to edge-1 now would be a HIT: stored 0 ms ago, fresh for another 1 min.',
      edge: { peer: self, name: 'edge-1', region: 'here' },
      owners: [{ rank: 1, name: 'edge-2', rttMs: 1.2 }, { rank: 2, name: 'edge-1' }],
      homeOwners: [{ rank: 1, peer: far, region: 'far' }],
      sources: { directories: [{ of: { peer: owner }, holders: [{ peer: self }] }] },
      decisions: [{ what: 'evicted', agoMs: 0, by: 'test:/' }, { what: 'fetched', from: 'edge-2' }]
    })
    const edges = Object.fromEntries(about.edges.map((edge) => [edge.peer, edge]))
    expect(about.edges.map(({ peer }) => peer)[0]).toBe(self)
    expect(edges[self]).toMatchObject({ self: true, variants: [{ hash, length: 1_000, tier: 'memory', etag: '"1"', ttlMs: 60_000 }] })
    expect(edges[owner]).toMatchObject({ owner: true, ownerByItself: true, variants: [] })
    expect(edges[dead]).toMatchObject({ error: 'peer …Wdeadone gave no answer', variants: [] })
    expect(edges[far]).toMatchObject({ variants: [{ ttlMs: 5_000 }] })
    expect(about.disagreements).toEqual([expect.stringContaining('2 versions are held')])
  })

  it('takes the variant that the given request fields select, here and elsewhere', async () => {
    const gzip = variantKey(['accept-encoding'], [['accept-encoding', 'gzip']])
    const { explain, store } = rig({ [owner]: { ...nothing, owner: true, variants: [held(5_000, { variant: gzip, vary: ['accept-encoding'] })] } })
    await put(store, 'test', bodyOf(10), { variant: variantKey(['accept-encoding'], []), vary: ['accept-encoding'], fields: [['cache-control', 'max-age=60']], receivedAtMs: 0 })
    expect((await explain()).outcome).toBe('hit')
    const about = await explain({}, ['Accept-Encoding: gzip'])
    expect(about.verdict).toContain('MISS here, filled from edge-2')
    expect(about.verdict).toContain('for other values of accept-encoding')
    expect((await explain({}, ['Accept-Encoding: br'])).verdict).toContain('from the origin')
  })

  it('looks for the freshest copy that the request is content with', async () => {
    const stale = (agoMs: number): Holdings => ({ ...nothing, variants: [held(-agoMs, { ageMs: 60_000 })] })
    const { explain } = rig({ [owner]: stale(9_000), [far]: stale(1_000), [dead]: { ...nothing, variants: [held(5_000, { tier: Tier.Filling })] } })
    const about = await explain()
    expect(about.verdict).toContain('filled from the origin by way of edge-2')
    expect(about.steps.at(-1)?.do).toBe('asks anyone else for a copy, fresh or stale: edge-4 and edge-2 hold one')
    const fresh = rig({ [owner]: { ...nothing, variants: [held(5_000)] } })
    expect((await fresh.explain()).verdict).toContain('from edge-2, which holds it fresh')
    expect((await fresh.explain({}, ['Cache-Control: no-cache'])).verdict).toContain('from the origin by way of edge-2')
  })

  it('says what filters and the DHT name, and goes on where the DHT does not answer in time', async () => {
    const { explain } = rig({ [owner]: nothing })
    const found = await explain({ filterHas: (peer) => peer === owner ? true : undefined, findProviders: async () => [owner] })
    expect(found.sources).toMatchObject({ filters: { known: 1, holders: [{ peer: owner }] }, dht: { providers: [{ peer: owner }] } })
    expect(found.disagreements).toEqual(['edge-2 is the owner', 'the filter of edge-2', 'the DHT names edge-2'].map((each) => expect.stringContaining(each) as string))
    const failing = await explain({ findProviders: async () => { throw new Error('no route') } })
    expect(failing.sources.dht).toEqual({ providers: [], error: 'no route' })
  })

  it('tells two edges of one name apart by the ends of their ids', async () => {
    const twins = members.map((each) => each.peer === far ? { ...each, name: 'edge-2' } : each)
    const about = await rig().explain({ membership: membershipOf(twins) })
    expect(about.edges.map(({ name }) => name)).toEqual(['edge-1', 'edge-2 (…ooWowner)', 'edge-3', 'edge-2 (…Wfaraway)'])
  })

  it('answers at /v1/explain, and with a problem where it cannot', async () => {
    const [route] = explainRoutes(new Explainer(rig().init))
    const ask = async (query: string): Promise<{ status: number, text: string }> => {
      const response = await route?.run({ request: { signal: never } as never, params: {}, query: new URLSearchParams(query) })
      const parts: Uint8Array[] = []
      for await (const part of response?.body ?? []) parts.push(part)
      return { status: response?.status ?? 0, text: Buffer.concat(parts).toString() }
    }
    const good = await ask(`url=${encodeURIComponent(url)}&header=accept:+x`)
    expect([good.status, (JSON.parse(good.text) as Explanation).request]).toEqual([200, [['accept', 'x']]])
    expect((await ask('')).status).toBe(400)
    expect((await ask('url=ftp://x/')).status).toBe(400)
    const unknown = await ask('url=other:/a')
    expect([unknown.status, unknown.text]).toEqual([404, expect.stringContaining('its sites are test (any other host)')])
  })
})

describe('the page of an explanation', () => {
  const whole = async (): Promise<Explanation> => {
    const { explain, store, decisions } = rig({ [owner]: { ...nothing, owner: true, directory: [dead] }, [far]: { ...nothing, owner: true } })
    const { key } = await put(store, 'test', bodyOf(2_048), { fields: [['cache-control', 'max-age=60'], ['etag', '"\x1b[31mv1"']], receivedAtMs: -12_000 })
    decisions.note(key, DecisionKind.Admitted)
    return await explain({ findProviders: async () => [] })
  }

  it('opens with the verdict, and says the rest in sections', async () => {
    const text = explanationText(await whole(), {})
    const lines = text.split('\n')
    expect(lines[0]).toBe('A request to edge-1 now would be a HIT: stored 12 s ago, fresh for another 48 s.')
    expect(lines).toContain('home    far')
    expect(text).toMatch(/^ +HELD BY +ROLE +TIER +AGE +FRESH FOR +SIZE +VERSION +ETAG$/m)
    expect(text).toMatch(/^here\n +edge-1 +this edge +memory +12 s +48 s +2 KiB +\S{8} +"\ufffd\[31mv1"$/m)
    expect(text).toMatch(/^no answer from edge-3 in here: peer …Wdeadone gave no answer$/m)
    expect(text).toMatch(/^not held by edge-2, edge-4$/m)
    expect(text).toMatch(/^directory of edge-2 +edge-3$/m)
    expect(text).toMatch(/^DHT +nobody$/m)
    expect(text).toMatch(/^! the directory of edge-2 names edge-3, which does not answer$/m)
    expect(text).toMatch(/^0 ms ago {2}admitted$/m)
    expect(text).toMatch(/^1\. answers from the store: stored 12 s ago, fresh for another 48 s$/m)
    expect(text).not.toContain('\x1b')
  })

  it('fits a narrow terminal', async () => {
    const about = await whole()
    for (const width of [80, 60, 50]) {
      expect(explanationText(about, { width }).split('\n').filter((line) => visibleWidth(line) > width), String(width)).toEqual([])
    }
  })
})
