/**
 * The ring table: how evenly rings share keys, what a join or a leave moves, how far a key with 30 %
 * of the traffic tips the loads with and without the bounded load, and what a ring costs. Shares are
 * measured with keys laid evenly over the circle, which gives them almost exactly and without the
 * noise of a random sample; everything but the times is the same on every run.
 */
import { createHash } from 'node:crypto'
import { pathToFileURL } from 'node:url'
import { contentKey } from '../../protocols/ids.ts'
import type { ContentKey, PeerName } from '../../protocols/ids.ts'
import { assignBounded, boundedLoadDefaults, LoadGate } from '../../protocols/locate/bounded-load.ts'
import { Ring } from '../../protocols/locate/ring.ts'
import type { RingMember } from '../../protocols/locate/ring.ts'

/** For each size: so many joins and leaves, of which the worst is shown. */
const changes = 3
/** The limit of every size below is a whole number of these, so that the paper's rounding up adds nothing. */
const hotRequests = 120_000
/** How often a member announces its load. */
const announceMs = 2000

/** @param count how many keys, at most 2^20, at equal distances on the circle */
export function evenKeys (count: number): ContentKey[] {
  return Array.from({ length: count }, (_, index) => {
    const bytes = Buffer.alloc(32)
    bytes.writeUInt32BE(Math.floor((index + 0.5) * 2 ** 32 / count))
    return bytes.toString('base64url') as ContentKey
  })
}

/** Members of weight 1 with names as long and as random as peer ids; the same for the same `first`. */
export function benchMembers (count: number, first = 0): RingMember[] {
  return Array.from({ length: count }, (_, index) => ({
    peer: `12D3KooW${createHash('sha256').update(`peer ${first + index}`).digest('base64url')}`,
    weight: 1
  }))
}

/** Requests of which `percent` in a hundred, spread among the others, ask for one key. */
export function hotTraffic (requests: number, percent: number): ContentKey[] {
  const hot = contentKey('bench', '/hot')
  return Array.from({ length: requests }, (_, index) =>
    index * 37 % 100 < percent ? hot : contentKey('bench', `/${index}`))
}

/** The largest load over the mean of all. */
export function maxOverMean (loads: Iterable<number>): number {
  const all = [...loads]
  return Math.max(...all) * all.length / all.reduce((sum, load) => sum + load, 0)
}

export interface GateRunInit {
  readonly ring: Ring
  /** Asks a second in the whole region, from the first moment on. */
  readonly perSecond: number
  /** Of a hundred asks, how many are for one key. */
  readonly hotPercent: number
  readonly runMs: number
  /** What came before is not in the result. */
  readonly countFromMs: number
}

export interface GateRun {
  readonly maxOverMean: number
  /** Share of asks that met at least one busy owner. */
  readonly turnedAway: number
}

/** A floor below the simulated rates, which are low so that a run ends soon: what is measured is the rule above it. */
const gateSettings = { ...boundedLoadDefaults, busyFloorPerSecond: 100 }

/**
 * A region of equal gates under steady traffic, each announcing its load every `announceMs` at moments
 * of its own. Askers walk the ring until an owner takes the ask.
 */
export function gateRun ({ ring, perSecond, hotPercent, runMs, countFromMs }: GateRunInit): GateRun {
  const peers = ring.peers()
  const gates = new Map(peers.map((peer) => [peer, new LoadGate(gateSettings)]))
  const announced = new Map<PeerName, number>()
  const loads = new Map<PeerName, number>(peers.map((peer) => [peer, 0]))
  const requests = perSecond * runMs / 1000
  const traffic = hotTraffic(Math.min(requests, 100_000), hotPercent)
  const walks = new Map<ContentKey, PeerName[]>()
  let counted = 0
  let turnedAway = 0
  let announcements = 0
  for (let index = 0; index < requests; index++) {
    const nowMs = index * 1000 / perSecond
    while (announcements * announceMs / peers.length <= nowMs) {
      const peer = peers[announcements++ % peers.length] as PeerName
      announced.set(peer, gates.get(peer)?.announce(nowMs) ?? 0)
      for (const [each, gate] of gates) {
        const othersPerSecond = [...announced].filter(([other]) => other !== each).map(([, load]) => load)
        gate.observe({ othersPerSecond, weightShare: ring.weightShare(each) })
      }
    }
    const key = traffic[index % traffic.length] as ContentKey
    const walk = walks.get(key) ?? ring.owners(key, ring.size)
    walks.set(key, walk)
    let taker = walk.find((peer, at) => gates.get(peer)?.admit(nowMs, at > 0))
    if (taker === undefined) {
      taker = walk[0] as PeerName
      gates.get(taker)?.take(nowMs)
      if (nowMs >= countFromMs) turnedAway++
    } else if (nowMs >= countFromMs && taker !== walk[0]) turnedAway++
    if (nowMs < countFromMs) continue
    counted++
    loads.set(taker, (loads.get(taker) ?? 0) + 1)
  }
  return { maxOverMean: maxOverMean(loads.values()), turnedAway: turnedAway / counted }
}

interface Moves {
  /** Keys that changed owner, over the fair share of whoever came or went: the worst of all changes. */
  movedOverFair: number
  /** Keys that changed owner although both owners were there before and after. */
  wrong: number
}

function movesBetween (small: Ring, smallOwners: readonly (PeerName | undefined)[], large: Ring, keys: readonly ContentKey[], moves: Moves): void {
  let moved = 0
  for (const [index, key] of keys.entries()) {
    const owner = large.owner(key) as PeerName
    if (owner === smallOwners[index]) continue
    moved++
    if (small.has(owner)) moves.wrong++
  }
  moves.movedOverFair = Math.max(moves.movedOverFair, moved * large.size / keys.length)
}

function sharing (count: number, keys: readonly ContentKey[]): { maxSkew: number, minSkew: number, join: Moves, leave: Moves } {
  const members = benchMembers(count)
  const ring = new Ring(members)
  const owners = keys.map((key) => ring.owner(key))
  const loads = new Map(ring.peers().map((peer) => [peer, 0]))
  for (const owner of owners) loads.set(owner as PeerName, (loads.get(owner as PeerName) ?? 0) + 1)
  const join: Moves = { movedOverFair: 0, wrong: 0 }
  const leave: Moves = { movedOverFair: 0, wrong: 0 }
  for (let change = 0; change < changes; change++) {
    movesBetween(ring, owners, new Ring([...members, ...benchMembers(1, 1_000_000 + change)]), keys, join)
    const left = new Ring(members.toSpliced(change, 1))
    movesBetween(left, keys.map((key) => left.owner(key)), ring, keys, leave)
  }
  const mean = keys.length / count
  return { maxSkew: Math.max(...loads.values()) / mean - 1, minSkew: 1 - Math.min(...loads.values()) / mean, join, leave }
}

function cost (count: number, keys: readonly ContentKey[]): { buildMs: number, bytes: number, ownerPerSecond: number, ownersPerSecond: number } {
  const members = benchMembers(count)
  const buildsMs = Array.from({ length: 5 }, () => timeMs(() => new Ring(members).bytes))
  const ring = new Ring(members)
  const bytes = ring.bytes
  const perSecond = (lookUp: (key: ContentKey) => unknown): number =>
    Math.round(keys.length * 1000 / timeMs(() => { for (const key of keys) lookUp(key) }))
  return {
    buildMs: buildsMs.sort((a, b) => a - b)[2] as number,
    bytes,
    ownerPerSecond: perSecond((key) => ring.owner(key)),
    ownersPerSecond: perSecond((key) => ring.owners(key, 3))
  }
}

function timeMs (work: () => unknown): number {
  const startedMs = performance.now()
  work()
  return performance.now() - startedMs
}

export async function ringBench (): Promise<{ title: string, columns: string[], rows: (string | number)[][], json: Record<string, unknown> }> {
  const keys = evenKeys(2 ** 20)
  // Shuffled by their hash, as requests come: neighbours on the circle would flatter the cache.
  const asked = Array.from({ length: 200_000 }, (_, index) => contentKey('bench', `/${index}`))
  const traffic = hotTraffic(hotRequests, 30)
  const json: Record<string, unknown> = {}
  const rows: (string | number)[][] = []
  for (const count of [3, 10, 30, 100]) {
    const ring = new Ring(benchMembers(count))
    const shared = sharing(count, keys)
    const plain = maxOverMean(assignBounded(traffic, ring, Infinity).values())
    const bounded = maxOverMean(assignBounded(traffic, ring).values())
    const live = gateRun({ ring, perSecond: count * 200, hotPercent: 30, runMs: 60_000, countFromMs: 30_000 })
    // Nobody has announced anything yet, and no key is hot: every busy answer is a false one.
    const rush = gateRun({ ring, perSecond: count * 500, hotPercent: 0, runMs: 10_000, countFromMs: 0 })
    const costs = cost(count, asked)
    json[`members${count}`] = { ...shared, hotPlain: plain, hotBounded: bounded, hotLive: live, rush, ...costs }
    rows.push([
      count, percent(shared.maxSkew), percent(shared.minSkew),
      shared.join.movedOverFair.toFixed(3), shared.leave.movedOverFair.toFixed(3), shared.join.wrong + shared.leave.wrong,
      plain.toFixed(3), bounded.toFixed(3), live.maxOverMean.toFixed(3), percent(rush.turnedAway), ...costCells(costs)
    ])
    await Promise.resolve()
  }
  const thousand = cost(1000, asked)
  json['members1000'] = thousand
  rows.push([1000, '', '', '', '', '', '', '', '', '', ...costCells(thousand)])
  return {
    title: 'rings at equal weights; moved = keys moved over the fair share 1/n, worst of ' +
      `${changes} (aim 1.05); hot = max/mean load with one key at 30 % of the traffic (aim 1.25), ` +
      'without a bound, bounded by exact counts, and by live gates that hear each ' +
      `other every ${announceMs / 1000} s; rush = asks that such gates turn away in the first 10 s of even traffic (aim 0)`,
    columns: [
      'members', 'max/mean-1', '1-min/mean', 'join moved', 'leave moved', 'wrong moves',
      'hot, no bound', 'hot, bounded', 'hot, live', 'rush, busy', 'build ms', 'KiB', 'owner/s', 'owners(3)/s'
    ],
    rows,
    json
  }
}

function costCells ({ buildMs, bytes, ownerPerSecond, ownersPerSecond }: ReturnType<typeof cost>): (string | number)[] {
  return [buildMs.toFixed(1), Math.round(bytes / 1024), ownerPerSecond, ownersPerSecond]
}

function percent (share: number): string {
  return `${(share * 100).toFixed(1)} %`
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const { title, columns, rows } = await ringBench()
  console.log(title)
  console.table(rows.map((row) => Object.fromEntries(columns.map((column, at) => [column, row[at]]))))
}
