/**
 * Where an object is found that the asked edge does not hold, and how soon: each source by itself, set up so
 * that nothing nearer has it, and then all together under a mixed load with evictions and a killed edge. Edges are
 * processes; the origin answers after 80 ms.
 */
import { Agent } from 'node:http'
import type { EdgeStatus } from '../../daemon/admin/status.ts'
import { until } from '../support/edges.ts'
import { chance, spreadOf, type Bench, type BenchOptions, type BenchResult, type Cell, type Spread } from './bench.ts'
import { read } from './client.ts'
import { pathsWhere, placeOf, withRig, type BenchEdge, type Rig } from './rig.ts'

const objectBytes = 1024
const originDelayMs = 80
const never = 3_600_000
const quiet = { filters: { changesIntervalMs: never, askTickMs: never }, providers: { announcesPerMinuteMax: 1 } }
/** Processes that share two cores look further away than they are. */
const near = { routing: { patienceFloorMs: 60 }, membership: { pingIntervalMs: 1_000 } }

const sources = {
  own: 'own store',
  owner: 'owner of the region',
  filter: 'neighbour, by its filter',
  directory: 'holder, by the owner\'s directory',
  home: 'owner in the home region',
  dht: 'holder, by the DHT beside the origin',
  origin: 'origin'
} as const
type Source = keyof typeof sources
type Samples = Record<Source, number[]>

class Measuring {
  readonly samples: Samples = { own: [], owner: [], filter: [], directory: [], home: [], dht: [], origin: [] }
  readonly surprises = new Map<string, number>()
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 1 })

  /** Asks for each path once, and counts it where the step that was to happen did. */
  async ask (source: Source, edge: BenchEdge, paths: readonly string[], step?: { at: BenchEdge, name: string }): Promise<void> {
    const before = step === undefined ? 0 : await stepsOf(step.at, step.name)
    const all: number[] = []
    for (const path of paths) {
      const got = await read(`${edge.http}${path}`, { agent: this.#agent })
      if (got.status === 200 && got.bytes === objectBytes) all.push(got.firstByteMs)
      else this.surprise(`${sources[source]}: ${got.status} ${got.error}`)
    }
    const happened = step === undefined ? paths.length : await stepsOf(step.at, step.name) - before
    if (happened < paths.length) this.surprise(`${sources[source]}: ${paths.length - happened} of ${paths.length} were found otherwise`)
    this.samples[source].push(...all)
  }

  surprise (what: string): void { this.surprises.set(what, (this.surprises.get(what) ?? 0) + 1) }
  end (): void { this.#agent.destroy() }
}

async function statusOf (edge: BenchEdge): Promise<EdgeStatus> { return await edge.status() }
async function stepsOf (edge: BenchEdge, name: string): Promise<number> {
  return ((await statusOf(edge)).traffic.steps as Record<string, number>)[name] ?? 0
}

function files (rig: Rig, paths: readonly string[]): void {
  for (const path of paths) rig.origin.file(path, objectBytes, { maxAge: 86_400, delayMs: originDelayMs })
}

async function fill (edge: BenchEdge, paths: readonly string[]): Promise<void> {
  const rest = paths.values()
  await Promise.all(Array.from({ length: 8 }, async () => { for (const path of rest) await read(`${edge.http}${path}`) }))
}

async function eventsOf (edge: BenchEdge, part: string, name: string): Promise<number> {
  const text = await (await fetch(`${edge.admin}/metrics`)).text()
  return Number(new RegExp(`^colony_${part}_events\\{event="${name}"\\} (\\d+)`, 'm').exec(text)?.[1] ?? 0)
}

/** The region's own ways: a holder that was there before the owner, whom filter or directory names. */
async function regional (measuring: Measuring, way: 'filter' | 'directory', { quick, progress }: BenchOptions): Promise<void> {
  await withRig(async (rig) => {
    const count = quick ? 40 : 300
    progress(`four edges, for what is found by ${way}`)
    const settings = way === 'directory' ? { ...near, ...quiet } : { ...near, directory: { reportIntervalMs: never, settleMs: never }, filters: { changesIntervalMs: 200 } }
    const holder = await rig.spawn({ region: 'east', name: 'holder', settings })
    const candidates = pathsWhere('/east-', count * 12, () => true)
    // The holder is alone at first, so it owns and holds everything.
    files(rig, candidates)
    await fill(holder, candidates)
    const asker = await rig.spawn({ region: 'east', name: 'asker', settings })
    const owner = await rig.spawn({ region: 'east', name: 'owner', settings })
    await rig.whole()
    const before = rig.locate()
    // One more change of the ring, so that nobody remembers the holder as the owner of the view before.
    await rig.spawn({ region: 'east', name: 'other', settings })
    await rig.whole()
    const locate = rig.locate()
    const isOwners = (path: string): boolean => [before, locate].every((view) => placeOf(view, path, 'east').owner === owner.peer)
    const paths = candidates.filter(isOwners).slice(0, count)
    await until(async () => way === 'directory'
      ? await eventsOf(owner, 'directory', 'entries') >= paths.length
      : await eventsOf(holder, 'filters', 'keys') >= paths.length && await eventsOf(asker, 'filters', 'neighbours') === 3, 30_000, 'the owner or the filters did not learn of the copies')
    await new Promise((resolve) => setTimeout(resolve, 1_500))
    await measuring.ask(way, asker, paths, { at: way === 'directory' ? owner : asker, name: `found-by-${way}` })
    if (way === 'filter') return
    await measuring.ask('own', asker, paths)
    const cold = pathsWhere('/cold-', count, (path) => placeOf(locate, path, 'east').owner === owner.peer)
    files(rig, cold)
    await fill(owner, cold)
    await measuring.ask('owner', asker, cold)
    const colder = pathsWhere('/colder-', Math.ceil(count / 3), (path) => placeOf(locate, path, 'east').owner === asker.peer)
    files(rig, colder)
    await measuring.ask('origin', asker, colder)
  })
}

/** Across regions: the home region's owner, and a holder there whom only the DHT names. */
async function global (measuring: Measuring, { quick, progress }: BenchOptions): Promise<void> {
  await withRig(async (rig) => {
    const count = quick ? 20 : 150
    progress('three edges in two regions, for the home region and the DHT')
    const settings = { ...near, directory: { reportIntervalMs: never, settleMs: never }, filters: { changesIntervalMs: never, askTickMs: never }, providers: { settleMs: 1_000, announcesPerMinuteMax: 6_000, lookupsPerMinuteMax: 60_000 } }
    const holder = await rig.spawn({ region: 'west', name: 'holder', settings })
    const candidates = pathsWhere('/west-', count * 8, () => true)
    files(rig, candidates)
    await fill(holder, candidates)
    const owner = await rig.spawn({ region: 'west', name: 'owner', settings })
    // Itself the owner of all in its region.
    const asker = await rig.spawn({ region: 'east', name: 'asker', settings })
    await rig.whole()
    const locate = rig.locate()
    // At home with the asker, who asks the origin for it, and nobody in the other region.
    const rare = candidates.filter((path) => placeOf(locate, path, 'west').owner === owner.peer && placeOf(locate, path, 'east').home === 'east').slice(0, count)
    await until(async () => await eventsOf(holder, 'providers', 'announced') >= rare.length, 120_000, 'the records were not announced')
    await measuring.ask('dht', asker, rare, { at: asker, name: 'found-by-dht' })
    const home = pathsWhere('/home-', count, (path) => placeOf(locate, path, 'east').home === 'west' && placeOf(locate, path, 'west').owner === owner.peer)
    files(rig, home)
    await fill(owner, home)
    await measuring.ask('home', asker, home)
  })
}

/** Shares of the sources where there is not room for everything everywhere, and an edge is killed in between. */
async function mixed ({ quick, seed, progress }: BenchOptions): Promise<{ rows: Cell[][], json: Record<string, number> }> {
  return await withRig(async (rig) => {
    const keys = quick ? 300 : 1_500
    const requests = quick ? 1_500 : 9_000
    const settings = { ...near, store: { memoryBytesMax: 2 * 1024 * 1024, diskBytesMax: Math.round(keys * 8_192 * 0.35) } }
    progress('six edges in two regions, for the shares')
    for (const region of ['east', 'east', 'east', 'west', 'west', 'west']) await rig.spawn({ region, settings })
    await rig.whole()
    const random = chance(seed)
    const paths = Array.from({ length: keys }, (_, index) => `/mixed-${index}`)
    files(rig, paths)
    // Zipf with exponent 0.9, as in traces of web caches.
    const weights = paths.map((_, index) => 1 / (index + 1) ** 0.9)
    const sum = weights.reduce((total, weight) => total + weight, 0)
    const draw = (): string => {
      let at = random() * sum
      const index = weights.findIndex((weight) => (at -= weight) < 0)
      return paths[index === -1 ? 0 : index] as string
    }
    let asked = 0
    let failed = 0
    const victim = rig.edges[2] as BenchEdge
    const gone: EdgeStatus[] = []
    const clients = Array.from({ length: 6 }, async () => {
      while (asked < requests) {
        asked++
        const edge = rig.edges[Math.floor(random() * rig.edges.length)] as BenchEdge
        if ((await read(`${edge.http}${draw()}`)).status !== 200) failed++
        if (asked % 1_000 === 0) progress(`${asked} of ${requests} requests`)
      }
    })
    await until(() => asked >= requests / 2, 600_000, 'the load did not get half way')
    gone.push(await statusOf(victim))
    await rig.kill(victim)
    await Promise.all(clients)
    const statuses = [...gone, ...await Promise.all(rig.edges.map(statusOf))]
    const total = (pick: (status: EdgeStatus) => number): number => statuses.reduce((all, status) => all + pick(status), 0)
    const step = (name: string): number => total(({ traffic }) => (traffic.steps as Record<string, number>)[name] ?? 0)
    const hits = total(({ traffic }) => traffic.requests.hit + traffic.requests.revalidated)
    const found = { filter: step('found-by-filter'), directory: step('found-by-directory'), dht: step('found-by-dht') }
    const misses = total(({ traffic }) => traffic.requests.miss)
    const origin = rig.origin.seen.length
    const json: Record<string, number> = {
      requests: asked, hits, misses, ...found, otherPeers: step('peer-hit') - found.filter - found.directory - found.dht, origin, failed,
      wrongByFilter: step('wrong-by-filter'), wrongByDirectory: step('wrong-by-directory'), wrongByDht: step('wrong-by-dht')
    }
    return { rows: Object.entries(json).map(([what, value]) => [what, value, `${(100 * value / asked).toFixed(2)} %`]), json }
  })
}

async function run (options: BenchOptions): Promise<BenchResult> {
  const measuring = new Measuring()
  await regional(measuring, 'directory', options)
  await regional(measuring, 'filter', options)
  await global(measuring, options)
  const shares = await mixed(options)
  measuring.end()
  const spreads = Object.fromEntries(Object.entries(measuring.samples).map(([source, values]) => [source, spreadOf(values)])) as Record<Source, Spread>
  return {
    title: `first byte of ${objectBytes} bytes that the asked edge does not hold, by where they are, ms (the origin answers after ${originDelayMs} ms)`,
    columns: ['found at', 'requests', 'p10', 'p50', 'p90', 'p99', 'max'],
    rows: Object.entries(spreads).map(([source, { count, p10, p50, p90, p99, max }]) => [sources[source as Source], count, ...[p10, p50, p90, p99, max].map((each) => each.toFixed(2))]),
    notes: [
      'Mixed load (six edges in two regions, each with room for 35 % of the objects, Zipf 0.9, one killed half way): events of all edges (a request through two edges counts at both), of all requests; failed are those that the killed edge had begun:',
      ...shares.rows.map(([what, value, share]) => `  ${String(what).padEnd(18)} ${String(value).padStart(7)}  ${String(share).padStart(8)}`),
      ...[...measuring.surprises].map(([what, count]) => `${count} times: ${what}`)
    ],
    json: { unit: 'ms', ...spreads, mixed: shares.json, surprises: Object.fromEntries(measuring.surprises) }
  }
}

export const contentLookupsBench: Bench = { name: 'lookups', run }
