/**
 * kill -9 of the serving peer in mid-body, again and again: what the other edges' clients get. First with an
 * origin that still has the same version, where all should get the right bytes; then with one whose object changes
 * at that moment, where a transfer may be cut, visibly, but never be made of two versions.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { bytesOf } from '../support/origin.ts'
import { chance, percentile, rounded, type Bench, type BenchOptions, type BenchResult, type Cell } from './bench.ts'
import { detailOf, read, stuck, type Read } from './client.ts'
import { pathsWhere, placeOf, withRig, type BenchEdge, type Rig } from './rig.ts'

const objectBytes = 4 * 1024 * 1024
/** Between two chunks of 64 KiB: the body takes about a second, so that there is a middle to be killed in. */
const paceMs = 15
const clientsEach = 4

/** What a client bears; the body's own pauses are a hundred times shorter. */
const idleMs = 10_000

/** Whole and of one version; visibly not whole; left waiting; or taken for whole, or begun, with bytes that no version has. */
type Ending = 'old' | 'new' | 'cut' | 'stuck' | 'wrong'

/** Compares a body with both versions while it comes: a cut one may not be spliced either. */
async function client (url: string, old: Buffer, next: Buffer): Promise<{ ending: Ending, got: Read }> {
  const fits = { old: true, new: true }
  const got = await read(url, {
    idleMs,
    onChunk: (chunk, offset) => {
      fits.old &&= old.subarray(offset, offset + chunk.byteLength).equals(chunk)
      fits.new &&= next.subarray(offset, offset + chunk.byteLength).equals(chunk)
    }
  })
  // A problem document in place of the body is as visible as a cut.
  if (got.status !== 200) return { ending: 'cut', got }
  if (!fits.old && !fits.new) return { ending: 'wrong', got }
  if (!got.whole) return { ending: got.error === stuck ? 'stuck' : 'cut', got }
  return { ending: got.bytes !== objectBytes ? 'wrong' : fits.old ? 'old' : 'new', got }
}

interface Round {
  readonly endings: readonly Ending[]
  /** Longest silence that each client saw, ms. */
  readonly gapsMs: readonly number[]
  /** The range that each asked for. */
  readonly originRequests: readonly string[]
  readonly originBytes: number
  /** Edges that, asked again afterwards, gave the whole of a version that they may give. */
  readonly askedAgainRight: number
  readonly notes: readonly string[]
}

async function round (rig: Rig, owner: BenchEdge, others: readonly BenchEdge[], path: string, changes: boolean, killAt: number): Promise<Round> {
  const next = bytesOf(`${path}2`, objectBytes)
  const killed = Promise.withResolvers<void>()
  let reached = false
  const file = (version: string): Buffer => rig.origin.file(path, objectBytes, {
    maxAge: 86_400,
    version,
    pace: async (sent) => {
      if (!reached && sent >= killAt) {
        reached = true
        if (changes) file('2')
        rig.kill(owner).then(killed.resolve, killed.reject)
      }
      await sleep(paceMs)
    }
  })
  const old = file('1')
  const bytesBefore = rig.origin.bytesSent
  const clients = await Promise.all(others.flatMap(({ http }) =>
    Array.from({ length: clientsEach }, async () => await client(`${http}${path}`, old, next))))
  await killed.promise
  const originRequests = rig.origin.seen.filter(({ url }) => url === path).map(({ headers }) => headers.range ?? 'whole')
  const originBytes = rig.origin.bytesSent - bytesBefore
  // A client that had the old version whole, by another way than the killed peer, left it stored and fresh.
  const isRight = (ending: Ending): boolean => ending === (changes ? 'new' : 'old') || (ending === 'old' && clients.some((each) => each.ending === 'old'))
  const again = await Promise.all(others.map(async ({ http }) => await client(`${http}${path}`, old, next)))
  const seen = (what: string, { status, bytes, error, cacheStatus }: Read): string =>
    `${path} (killed at ${killAt}): ${what}: ${status}, ${bytes} bytes, ${error} ${cacheStatus}`
  return {
    endings: clients.map(({ ending }) => ending),
    gapsMs: clients.map(({ got }) => got.gapMs),
    originRequests,
    originBytes,
    askedAgainRight: again.filter(({ ending }) => isRight(ending)).length,
    notes: [
      ...clients.flatMap(({ ending, got }) => [
        ...detailOf(got) === 'peer' ? [] : [seen('the killed peer did not serve this client', got)],
        ...ending === 'wrong' || ending === 'stuck' || (ending === 'cut' && !changes) ? [seen(ending, got)] : []
      ]),
      ...again.flatMap(({ ending, got }) => isRight(ending) ? [] : [seen(`${ending} when asked again`, got)])
    ]
  }
}

async function rounds (rig: Rig, changes: boolean, { quick, seed, progress }: BenchOptions): Promise<Round[]> {
  const random = chance(seed)
  const done: Round[] = []
  for (let index = 0; index < (quick ? 5 : 20); index++) {
    const owner = rig.edges.find(({ name }) => name === 'killed')!
    const others = rig.edges.filter((edge) => edge !== owner)
    const locate = rig.locate()
    const [path] = pathsWhere(`/kill-${changes ? 'changing' : 'same'}-${index}-`, 1, (each) => placeOf(locate, each, 'one').owner === owner.peer) as [string]
    const killAt = Math.round(objectBytes * (0.1 + 0.8 * random()))
    const result = await round(rig, owner, others, path, changes, killAt)
    done.push(result)
    const counts = Map.groupBy(result.endings, (ending) => ending)
    progress(`${changes ? 'changing' : 'same'} ${index + 1}: killed at ${(killAt / 2 ** 20).toFixed(1)} MiB, ${[...counts].map(([ending, each]) => `${each.length} ${ending}`).join(', ')}, origin asked for ${result.originRequests.join(', ')}`)
    await rig.spawn({ region: 'one', name: 'killed', dataDir: owner.dataDir, join: [others[0]!.listen] })
    await rig.whole()
  }
  return done
}

async function run (rig: Rig, options: BenchOptions): Promise<BenchResult> {
  options.progress('starting three edges')
  for (const name of ['second', 'third', 'killed']) await rig.spawn({ region: 'one', name })
  await rig.whole()
  const rows: Cell[][] = []
  const notes: string[] = []
  const json: Record<string, unknown> = {}
  for (const changes of [false, true]) {
    const all = await rounds(rig, changes, options)
    const endings = all.flatMap((each) => each.endings)
    const count = (ending: Ending): number => endings.filter((each) => each === ending).length
    const gapsMs = all.flatMap((each) => each.gapsMs)
    const originRequests = all.map((each) => each.originRequests.length)
    const line = {
      rounds: all.length, clients: endings.length, old: count('old'), new: count('new'), cut: count('cut'), stuck: count('stuck'), wrong: count('wrong'),
      originRequests, originBodies: rounded(all.reduce((sum, each) => sum + each.originBytes, 0) / all.length / objectBytes),
      gapP50Ms: rounded(percentile(gapsMs, 0.5)), gapMaxMs: rounded(percentile(gapsMs, 1)),
      askedAgainRight: all.reduce((sum, each) => sum + each.askedAgainRight, 0)
    }
    json[changes ? 'changing' : 'same'] = line
    rows.push([
      changes ? 'changes at the kill' : 'stays the same', line.rounds, line.clients, line.old, line.new, line.cut, line.stuck, line.wrong,
      `${((line.old + line.new) / line.clients * 100).toFixed(1)} %`,
      (originRequests.reduce((sum, each) => sum + each, 0) / all.length).toFixed(2), Math.max(...originRequests), line.originBodies.toFixed(2),
      line.gapP50Ms.toFixed(0), line.gapMaxMs.toFixed(0), `${line.askedAgainRight}/${all.length * 2}`
    ])
    const remarks = all.flatMap((each) => each.notes)
    notes.push(...remarks.slice(0, 12), ...remarks.length > 12 ? [`and ${remarks.length - 12} more such clients`] : [])
  }
  return {
    title: `kill -9 of the owner in mid-body (${objectBytes / 2 ** 20} MiB in about a second), ${clientsEach} clients on each of two other edges (aim: all right while the object stays the same; wrong always 0)`,
    columns: ['object', 'rounds', 'clients', 'old', 'new', 'cut', 'stuck', 'wrong', 'right', 'origin requests', 'most', 'bodies', 'silence p50 ms', 'max', 'asked again right'],
    rows,
    notes: [
      `The killed edge starts again on its folder before the next round. Seed ${options.seed}. Origin requests and bodies are for each round, the first request included.`,
      ...notes, ...rig.faults
    ],
    json
  }
}

export const killBench: Bench = { name: 'kill', run: async (options) => await withRig(async (rig) => await run(rig, options)) }
