/**
 * What the mesh costs a miss: the first byte of a cold key through an edge, against the same asked of the
 * origin directly, with the origin 80 ms away and the edges' links 1, 40 and 100 ms long. A mesh must never be
 * slower than no mesh; what that costs the origin in requests stands beside it.
 */
import { Agent } from 'node:http'
import { median, rounded, spreadOf, type Bench, type BenchOptions, type BenchResult, type Cell } from './bench.ts'
import { detailOf, read } from './client.ts'
import { freePort, Link } from './link.ts'
import { pathsWhere, placeOf, withRig, type BenchEdge, type Rig } from './rig.ts'

const originMs = 80
const objectBytes = 1024
const linksMs = [1, 40, 100]
/** A process that has just started is several times slower than one that has served for a while. */
const warmUpKeysEach = 100

/** Whose the key is, as seen from the edge that is asked. */
const kinds = {
  own: 'own',
  region: 'through another of the region',
  home: 'through the home region',
  both: 'through both'
} as const
type Kind = keyof typeof kinds

interface Sample { readonly kind: Kind, readonly meshMs: number, readonly directMs: number, readonly detail: string, readonly originRequests: number, readonly originRequestsAll: number }

interface Measured { readonly rttMs: number, readonly samples: readonly Sample[], readonly notes: readonly string[] }

/** Three edges, each behind a link: whoever dials whom, the way is `linkMs` long. */
async function measure (rig: Rig, links: Link[], linkMs: number, { quick, progress }: BenchOptions): Promise<Measured> {
  const keysEach = quick ? 10 : 60
  const spawn = async (region: string, name: string): Promise<BenchEdge> => {
    const link = await new Link(linkMs).start()
    links.push(link)
    const port = await freePort()
    link.lead(port)
    return await rig.spawn({ region, name, flags: ['--listen', `/ip4/127.0.0.1/tcp/${port}`, '--announce', `/ip4/127.0.0.1/tcp/${link.port}`] })
  }
  progress(`starting three edges with links of ${linkMs} ms`)
  const asked = await spawn('east', 'east-1')
  const near = await spawn('east', 'east-2')
  const far = await spawn('west', 'west-1')
  await rig.whole()
  const locate = rig.locate()
  const kindOf = (path: string): Kind => {
    const { owner, home } = placeOf(locate, path, 'east')
    if (home === 'east') return owner === asked.peer ? 'own' : 'region'
    return owner === asked.peer ? 'home' : 'both'
  }
  const pathsOf = (kind: Kind, prefix: string, count: number): string[] => pathsWhere(`/${prefix}-${linkMs}-${kind}-`, count, (path) => kindOf(path) === kind)
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  const ask = async (base: string, path: string) => await read(`${base}${path}`, { agent })

  // Compilers warm up and streams open with a quick origin; then every edge learns how far it is.
  for (const [prefix, count, delayMs] of [['quick', warmUpKeysEach, 0], ['slow', 5, originMs]] as const) {
    for (const path of (Object.keys(kinds) as Kind[]).flatMap((kind) => pathsOf(kind, prefix, count))) {
      rig.origin.file(path, objectBytes, { maxAge: 86_400, delayMs })
      for (const edge of [asked, near, far]) await ask(edge.http, path)
    }
  }
  const samples: Sample[] = []
  const notes: string[] = []
  const queues = (Object.keys(kinds) as Kind[]).map((kind) => pathsOf(kind, 'miss', keysEach).map((path) => ({ kind, path })))
  for (let index = 0; index < keysEach; index++) {
    for (const { kind, path } of queues.map((queue) => queue[index]!)) {
      rig.origin.file(path, objectBytes, { maxAge: 86_400, delayMs: originMs })
      const requests = (): number => rig.origin.seen.filter(({ url }) => url === path).length
      const direct = async () => await ask(rig.origin.url, `${path}?direct`)
      // A B, B A: neither has the quieter half of each pair.
      const early = index % 2 === 0 ? await direct() : undefined
      const mesh = await ask(asked.http, path)
      const originRequests = requests()
      const { firstByteMs: directMs } = early ?? await direct()
      for (const edge of [near, far]) await ask(edge.http, path)
      if (!mesh.whole || mesh.status !== 200) notes.push(`link ${linkMs} ms, ${kinds[kind]}: ${mesh.status} ${mesh.error}`)
      else samples.push({ kind, meshMs: mesh.firstByteMs, directMs, detail: detailOf(mesh), originRequests, originRequestsAll: requests() })
    }
  }
  agent.destroy()
  const rtts = (await asked.peers()).map(({ rttMs }) => rttMs ?? NaN)
  return { rttMs: Math.max(...rtts), samples, notes: [...notes, ...rig.faults] }
}

async function run (options: BenchOptions): Promise<BenchResult> {
  const rows: Cell[][] = []
  const notes: string[] = []
  const json: Record<string, unknown> = {}
  for (const linkMs of linksMs) {
    const links: Link[] = []
    const measured = await withRig(async (rig) => await measure(rig, links, linkMs, options))
    for (const link of links) await link.close()
    notes.push(...measured.notes)
    for (const [kind, text] of Object.entries(kinds)) {
      const samples = measured.samples.filter((sample) => sample.kind === kind)
      const mesh = spreadOf(samples.map(({ meshMs }) => meshMs))
      const direct = spreadOf(samples.map(({ directMs }) => directMs))
      const ratio = rounded(mesh.p50 / direct.p50)
      const mean = (pick: (sample: Sample) => number): number => rounded(samples.reduce((sum, each) => sum + pick(each), 0) / samples.length)
      const fromPeer = samples.filter(({ detail }) => detail === 'peer').length
      const line = {
        linkMs, rttMs: rounded(measured.rttMs), kind, count: samples.length, mesh, direct, ratio,
        pairsRatio: rounded(median(samples.map(({ meshMs, directMs }) => meshMs / directMs))), fromPeer,
        originRequests: mean((sample) => sample.originRequests), originRequestsAll: mean((sample) => sample.originRequestsAll)
      }
      json[`link${linkMs}-${kind}`] = line
      rows.push([
        linkMs, measured.rttMs.toFixed(1), text, line.count, direct.p50.toFixed(1), mesh.p50.toFixed(1), `${mesh.p10.toFixed(1)}-${mesh.p90.toFixed(1)}`,
        ratio.toFixed(3), fromPeer, line.originRequests.toFixed(2), line.originRequestsAll.toFixed(2)
      ])
    }
  }
  return {
    title: `first byte of a cold key, ms: through an edge, against the origin itself, which answers after ${originMs} ms (aim for the ratio of medians: at most 1.05)`,
    columns: ['link ms', 'measured', 'key', 'keys', 'direct p50', 'mesh p50', 'p10-p90', 'ratio', 'by peer', 'origin req/key', 'all asked'],
    rows,
    notes: [
      'Link: round trip that was set, and the largest that the asked edge measured to its peers. Two edges in its region, one in another.',
      'Origin requests for each key: at the miss, and once the other two edges have asked for it as well (1 is ideal, 3 is no mesh).',
      ...notes
    ],
    json
  }
}

export const missBench: Bench = { name: 'miss', run }
