/** `colony status`: how one edge is and what it has done since its start, from /v1/status. */
import type { AgreementStatus } from '../../daemon/agreement/status.ts'
import type { EdgeStatus, OriginStatus, SiteStatus } from '../../daemon/admin/status.ts'
import { describeSight } from '../../protocols/partition/detector.ts'
import { readDocument } from '../admin.ts'
import { type Command, tableStyle } from '../command.ts'
import { type Column, formatPairs, formatTable } from '../table.ts'
import { formatBar, formatBytes, formatCount, formatDuration, formatShare } from '../units.ts'

export const status: Command = {
  name: 'status',
  summary: 'how the edge is: readiness, mesh, traffic, store, origins',
  description: 'Traffic is counted since the edge started. Edges of a region that print the same ring agree on who owns what.',
  example: 'colony --admin http://127.0.0.1:9090 status',
  run: async (given) => {
    const document = await readDocument(given, '/v1/status', isStatus)
    process.stdout.write(given.json === true ? `${JSON.stringify(document)}\n` : text(document))
  }
}

function isStatus (document: unknown): document is EdgeStatus {
  const { name, traffic, store } = (document ?? {}) as Partial<EdgeStatus>
  return typeof name === 'string' && typeof traffic?.requests === 'object' && typeof store === 'object'
}

function text (edge: EdgeStatus): string {
  // An edge of an earlier version has no groups.
  return [about(edge), agreement(edge.raft ?? []), traffic(edge), store(edge), sites(edge.sites)].filter((part) => part !== '').join('\n')
}

function about (edge: EdgeStatus): string {
  const regions = Object.entries(edge.regions).map(([region, count]) => `${region} ${formatCount(count)}`)
  return formatPairs([
    ['edge', `${edge.name}, ${edge.ready ? 'ready' : 'not ready'}, up ${formatDuration(edge.uptimeMs)}, version ${edge.version}`],
    ...edge.waiting.map((reason) => ['waiting', reason] as const),
    ['region', edge.zone === undefined ? edge.region : `${edge.region}, zone ${edge.zone}`],
    ['peer', edge.peer],
    ['http', edge.http],
    ['admin', edge.admin],
    ...edge.listen.map((address) => ['listen', address] as const),
    ['colony', `${formatCount(edge.members)} ${edge.members === 1 ? 'member' : 'members'}: ${regions.join(', ')}`],
    ...sight(edge),
    ['mesh', `${formatCount(edge.connections)} ${edge.connections === 1 ? 'connection' : 'connections'}, ring ${edge.ring ?? 'empty'}`]
  ], tableStyle())
}

/** What it sees of that, and whom it has lost. An edge of an earlier version does not say. */
function sight ({ sight: seen, region: own }: EdgeStatus): Array<readonly [string, string]> {
  if (seen === undefined) return []
  const lost = seen.regions.filter(({ silent }) => silent > 0)
  return [
    ['sees', `${seen.rung} for ${formatDuration(seen.forMs)}: ${describeSight(seen, own)}`],
    ...lost.map(({ region, here, silent, forMs }) => ['silent', `${formatCount(silent)} of ${formatCount(here + silent)} ${here + silent === 1 ? 'edge' : 'edges'} of ${region}${here === 0 ? `, none seen for ${formatDuration(forMs)}` : ''}`] as const)
  ]
}

/** Why an edge takes no part. */
const standings: Readonly<Partial<Record<AgreementStatus['standing'], string>>> = {
  empty: 'waits to be taken in',
  untrusted: 'waits to be taken in again, as its log is not to be trusted',
  failed: 'takes no part until it is started again',
  stopped: 'stopped'
}

const groupColumns: readonly Column<AgreementStatus>[] = [
  { heading: 'GROUP', value: ({ scope }) => scope },
  { heading: 'ROLE', value: ({ role, standing }) => standing === 'member' ? role : standing },
  { heading: 'LEADER', value: ({ leader }) => leader === undefined ? undefined : nameOf(leader), cuttable: true },
  { heading: 'TERM', value: ({ term }) => formatCount(term), align: 'right' },
  { heading: 'COMMIT', value: ({ commit }) => formatCount(commit), align: 'right' },
  { heading: 'APPLIED', value: ({ applied }) => formatCount(applied), align: 'right' },
  { heading: 'VOTERS', value: ({ voters }) => formatCount(voters.length), align: 'right' },
  { heading: 'LEARNERS', value: ({ learners }) => formatCount(learners.length), align: 'right' }
]

/** Names in one line; more are only counted. */
const namesMax = 10

function agreement (groups: readonly AgreementStatus[]): string {
  if (groups.length === 0) return ''
  return formatTable(groupColumns, [{ rows: groups }], tableStyle()) + groups.map((group) => formatPairs([
    [group.scope === 'global' ? 'global voters' : 'voters', names(group.voters, group.silent)],
    [group.scope === 'global' ? 'global learners' : 'learners', names(group.learners)],
    ['standing', standings[group.standing]],
    ...(group.dissolved ?? []).map(({ group: id, index }) => ['conflicts', `of the group ${id}, which met an older one: ${formatCount(index)} entries`] as const),
    ['damage', group.damage],
    ['failure', group.failure]
  ], tableStyle())).join('')
}

function names (peers: AgreementStatus['voters'], silent: readonly string[] = []): string | undefined {
  const shown = peers.slice(0, namesMax).map((each) => silent.includes(each.peer) ? `${nameOf(each)} (silent)` : nameOf(each))
  if (peers.length > namesMax) shown.push(`and ${formatCount(peers.length - namesMax)} more`)
  return shown.length === 0 ? undefined : shown.join(', ')
}

function nameOf ({ name, peer }: AgreementStatus['voters'][number]): string { return name ?? peer }

interface Share { readonly what: string, readonly count: number, readonly share: number }

function traffic (edge: EdgeStatus): string {
  const { requests, peerFetches, originFetches, servedBytes, originBytes, hitRatio, steps } = edge.traffic
  const all = Object.values(requests).reduce((sum, count) => sum + count, 0)
  const rows: Share[] = Object.entries(requests).filter(([, count]) => count > 0).map(([what, count]) => ({ what, count, share: count / all }))
  const table = rows.length === 0 ? '' : formatTable<Share>([
    { heading: 'REQUESTS', value: ({ what }) => what },
    { heading: 'COUNT', value: ({ count }) => formatCount(count), align: 'right' },
    { heading: 'SHARE', value: ({ share }) => formatShare(share), align: 'right' },
    { heading: '', value: ({ share }) => formatBar(share) }
  ], [{ rows }], tableStyle())
  return table + formatPairs([
    ['requests', `${formatCount(all)}, ${formatCount(edge.flights)} ${edge.flights === 1 ? 'fetch' : 'fetches'} under way`],
    ['hit ratio', all === 0 ? undefined : `${formatBar(hitRatio)} ${formatShare(hitRatio)}`],
    ['fetched', `${formatCount(peerFetches)} from peers, ${formatCount(originFetches)} from origins`],
    ['tried', Object.entries(steps).map(([step, count]) => `${step} ${formatCount(count)}`).join(', ') || undefined],
    ['bytes', `${formatBytes(servedBytes)} served, ${formatBytes(edge.peerBytes.received)} from peers, ${formatBytes(edge.peerBytes.sent)} to peers, ${formatBytes(originBytes)} from origins`]
  ], tableStyle())
}

interface Tier { readonly name: string, readonly bytes: number, readonly bytesMax: number }

function store ({ store: held }: EdgeStatus): string {
  const tiers: Tier[] = [
    { name: 'memory', bytes: held.memoryBytes, bytesMax: held.memoryBytesMax },
    { name: 'disk', bytes: held.diskBytes, bytesMax: held.diskBytesMax }
  ]
  const fill = ({ bytes, bytesMax }: Tier): number => bytesMax === 0 ? 0 : bytes / bytesMax
  return formatTable<Tier>([
    { heading: 'STORE', value: ({ name }) => name },
    { heading: 'USED', value: ({ bytes }) => formatBytes(bytes), align: 'right' },
    { heading: 'OF', value: ({ bytesMax }) => bytesMax === 0 ? 'off' : formatBytes(bytesMax), align: 'right' },
    { heading: 'FULL', value: (tier) => formatShare(fill(tier)), align: 'right' },
    { heading: '', value: (tier) => formatBar(fill(tier)) }
  ], [{ rows: tiers }], tableStyle()) + formatPairs([
    ['held', `${formatCount(held.objects)} ${held.objects === 1 ? 'object' : 'objects'}, ${formatCount(held.evictions)} evicted`]
  ], tableStyle())
}

/** A site and one of its origins, in the order in which they are asked; the name stands with the first. */
interface SiteRow extends Partial<OriginStatus> { readonly name?: string }

const siteColumns: readonly Column<SiteRow>[] = [
  { heading: 'SITE', value: ({ name }) => name, cuttable: true },
  { heading: 'ORIGIN', value: ({ url }) => url ?? 'none: only what peers have', cuttable: true },
  { heading: 'FIRST BYTE', value: ({ ttfbMs }) => ttfbMs === undefined ? undefined : formatDuration(ttfbMs), align: 'right' },
  { heading: 'IN FLIGHT', value: ({ inFlight }) => inFlight === undefined ? undefined : formatCount(inFlight), align: 'right' },
  { heading: 'QUEUED', value: ({ queued }) => queued === undefined ? undefined : formatCount(queued), align: 'right' },
  { heading: 'STATE', value: ({ breaker }) => breaker === undefined ? undefined : breaker === 'closed' ? 'in use' : breaker === 'open' ? 'left alone' : 'being tried' }
]

function sites (list: readonly SiteStatus[]): string {
  const rows = list.flatMap(({ name, origins }): SiteRow[] => {
    const [first, ...others] = origins
    return [{ name, ...first }, ...others]
  })
  return rows.length === 0 ? '' : formatTable(siteColumns, [{ rows }], tableStyle())
}
