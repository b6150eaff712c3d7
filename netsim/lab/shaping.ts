/**
 * What makes a cable between two namespaces behave like a long one: on each host's interface an htb class
 * for each region that is shaped, netem below it, and a u32 filter that leads there by the region's
 * network. Each host shapes what it sends, so each direction is set by itself. Only duplicates are made at
 * the other end, on the switch's port: Linux (since 2025) refuses a netem that duplicates beside any other on one
 * interface. Pure: lines for `tc`, and what a packet must then experience, to calibrate by.
 *
 * @see tc-htb(8), tc-netem(8), tc-u32(8)
 */
import { hostInterface, namespaceOf, portOf, type Script, switchName } from './network.ts'
import { everyHost, type LabHost, linkOf, type LinkShape, networkOf, plainLink, type Topology } from './topology.ts'

export const shapingDefaults = Object.freeze({
  /** For classes without a rate, Mbit/s: htb wants one. Above what a veth carries. */
  unlimitedMbit: 40_000,
  /** Packets that netem holds back at once. Its own 1,000 would drop at 80 Mbit/s over 150 ms; each may hold 2 KiB. */
  queuePacketsMax: 50_000
})

export function shapingScripts (lab: string, topology: Topology): Script[] {
  const hosts = everyHost(topology)
  const sent = hosts.flatMap((host): Script[] => {
    const lines = shapingLines(topology, host)
    const namespace = namespaceOf(lab, host.name)
    // Whole segments of 64 KiB would be lost, delayed and counted as one packet.
    return lines.length === 0 ? [] : [
      { program: 'ip', namespace, lines: [`link set ${hostInterface} gso_max_segs 1`] },
      { program: 'tc', namespace, lines }
    ]
  })
  const duplicated = hosts.flatMap((host) => duplicatingLines(topology, host))
  return duplicated.length === 0 ? sent : [...sent, { program: 'tc', namespace: namespaceOf(lab, switchName), lines: duplicated }]
}

/** What is not led elsewhere (ARP, regions that are not shaped) goes by the class of this number. */
const plainClass = 1

/** Of what a host sends: none where nothing is shaped. */
export function shapingLines (topology: Topology, host: LabHost): string[] {
  const ways = topology.regions.flatMap((region, at) => {
    const shape = linkOf(topology, host.region, region)
    if (isPlain({ ...shape, duplicatePercent: 0 })) return []
    return [{ id: plainClass + 1 + at, rateMbit: shape.rateMbit, netem: netemArguments(shape), match: networks(topology, [region]).map((network) => `dst ${network}`) }]
  })
  return treeLines(hostInterface, ways)
}

/** At the switch's end of a host's cable, where what the others sent comes by: none where nothing is to come twice. */
export function duplicatingLines (topology: Topology, host: LabHost): string[] {
  const from = topology.regions.filter((region) => linkOf(topology, region, host.region).duplicatePercent > 0)
  if (from.length === 0) return []
  // The topology has seen to it that all have the same share.
  const { duplicatePercent } = linkOf(topology, from[0]!, host.region)
  const match = networks(topology, from).map((network) => `src ${network}`)
  return treeLines(portOf(topology, host), [{ id: plainClass + 1, rateMbit: undefined, netem: `duplicate ${duplicatePercent}%`, match }])
}

interface Way {
  readonly id: number
  readonly rateMbit: number | undefined
  readonly netem: string
  /** What is led there: `dst NETWORK` or `src NETWORK`. */
  readonly match: readonly string[]
}

function treeLines (device: string, ways: readonly Way[]): string[] {
  if (ways.length === 0) return []
  const dev = `dev ${device}`
  const unlimited = shapingDefaults.unlimitedMbit
  const classLine = (id: number, rateMbit: number = unlimited): string => `class add ${dev} parent 1: classid 1:${hex(id)} htb rate ${rateMbit}mbit quantum 60000`
  return [
    `qdisc add ${dev} root handle 1: htb default ${hex(plainClass)}`,
    classLine(plainClass),
    ...ways.flatMap(({ id, rateMbit, netem, match }) => [
      classLine(id, rateMbit),
      `qdisc add ${dev} parent 1:${hex(id)} handle ${hex(0x10 + id)}: netem limit ${shapingDefaults.queuePacketsMax}${netem === '' ? '' : ` ${netem}`}`,
      ...match.map((each) => `filter add ${dev} parent 1: protocol ip prio 1 u32 match ip ${each} flowid 1:${hex(id)}`)
    ])
  ]
}

/** Of regions; each has a host at least. */
function networks (topology: Topology, regions: readonly string[]): string[] {
  return regions.map((region) => networkOf(topology.hosts.find((host) => host.region === region)!))
}

export function isPlain (shape: LinkShape): boolean {
  return shape.rateMbit === undefined && (Object.keys(plainLink) as Array<keyof typeof plainLink>).every((key) => shape[key] === 0)
}

/** All but duplicates. */
function netemArguments ({ delayMs, jitterMs, lossPercent, reorderPercent }: LinkShape): string {
  return [
    ...(delayMs > 0 ? [`delay ${delayMs}ms${jitterMs > 0 ? ` ${jitterMs}ms` : ''}`] : []),
    ...(lossPercent > 0 ? [`loss ${lossPercent}%`] : []),
    ...(reorderPercent > 0 ? [`reorder ${reorderPercent}%`] : [])
  ].join(' ')
}

export interface RoundTrip {
  /** Without what the machine itself takes. */
  readonly ms: number
  /** It may be shorter or longer by so much. */
  readonly jitterMs: number
  /** That a packet or the answer to it is lost. */
  readonly lossShare: number
}

/** What a packet and the answer to it must experience. */
export function expectedRoundTrip (topology: Topology, from: string, to: string): RoundTrip {
  const there = linkOf(topology, from, to)
  const back = linkOf(topology, to, from)
  return { ms: there.delayMs + back.delayMs, jitterMs: there.jitterMs + back.jitterMs, lossShare: 1 - (1 - there.lossPercent / 100) * (1 - back.lossPercent / 100) }
}

function hex (number: number): string {
  return number.toString(16)
}
