/**
 * The lab's network as data: which namespaces, cables, addresses and filters there are, as lines for
 * `ip` and `nft`. One namespace a host and one for the switch, a bridge that all cables end in; nothing
 * stands in the machine's own namespace, so that removing the namespaces removes all of it. Cuts are a
 * set of address pairs on the bridge (nftables, family bridge): what travels from one to the other is
 * dropped without a word, as on a line that is dug up. Pure.
 */
import { everyHost, type LabHost, type Topology } from './topology.ts'

/** Lines for one program, run in a namespace or the machine's own. */
export interface Script {
  readonly program: 'ip' | 'tc' | 'nft'
  readonly namespace?: string
  readonly lines: readonly string[]
}

/** What the lab of a name is called on the machine. A dot ends the name, which has none: no lab finds another's. */
export function namespacePrefix (lab: string): string {
  return `colony.${lab}.`
}

export function namespaceOf (lab: string, host: string): string {
  return `${namespacePrefix(lab)}${host}`
}

/** Of a namespace's name. @returns undefined when it is no lab's */
export function labOf (namespace: string): string | undefined {
  return /^colony\.([a-z0-9-]+)\.[a-z0-9-]+$/.exec(namespace)?.[1]
}

export const switchName = 'switch'
export const hostInterface = 'eth0'

/** The switch's end of a host's cable. */
export function portOf (topology: Topology, host: Pick<LabHost, 'name'>): string {
  return `port${everyHost(topology).findIndex(({ name }) => name === host.name) + 1}`
}

/** In order; each is one run of a program. */
export function networkScripts (lab: string, topology: Topology): Script[] {
  const hosts = everyHost(topology)
  const inSwitch = namespaceOf(lab, switchName)
  const cables = hosts.map((host) =>
    `link add ${hostInterface} netns ${namespaceOf(lab, host.name)} type veth peer name ${portOf(topology, host)} netns ${inSwitch}`)
  return [
    { program: 'ip', lines: [...[switchName, ...hosts.map(({ name }) => name)].map((name) => `netns add ${namespaceOf(lab, name)}`), ...cables] },
    {
      program: 'ip',
      namespace: inSwitch,
      // No address, and so no router advertisements, of IPv6: nothing but the lab's own traffic is counted.
      lines: ['link add bridge type bridge', 'link set bridge addrgenmode none up', ...hosts.map((host) =>
        `link set ${portOf(topology, host)} addrgenmode none master bridge up`)]
    },
    { program: 'nft', namespace: inSwitch, lines: filterLines },
    ...hosts.map((host): Script => ({
      program: 'ip',
      namespace: namespaceOf(lab, host.name),
      lines: ['link set lo up', `address add ${host.address}/16 dev ${hostInterface}`, `link set ${hostInterface} addrgenmode none up`]
    }))
  ]
}

const cutSet = 'bridge lab cut'

const filterLines = [
  'table bridge lab {',
  'set cut { type ipv4_addr . ipv4_addr; }',
  'chain forward {',
  'type filter hook forward priority 0; policy accept;',
  'ip saddr . ip daddr @cut counter drop',
  '}',
  '}'
]

/** One direction in which nothing travels, by the hosts' names. */
export interface Cut {
  readonly from: string
  readonly to: string
}

/** All others, in place of names. */
export const others = 'others'

/**
 * The hosts that `text` names: hosts, regions and `origin`, separated by commas; `others` are those that
 * are not in `besides`.
 *
 * @returns a sentence when a name is unknown
 */
export function hostsNamed (topology: Topology, text: string, besides: readonly LabHost[] = []): LabHost[] | string {
  const every = everyHost(topology)
  const found = new Set<LabHost>()
  for (const word of text.split(',')) {
    const named = every.filter((host) => word === others ? !besides.includes(host) : host.name === word || host.region === word)
    if (named.length === 0) return `${JSON.stringify(word)} is no host and no region of the lab: expected ${[...topology.regions, ...every.map(({ name }) => name), others].join(', ')}`
    for (const host of named) found.add(host)
  }
  return [...found]
}

/** The directions between two groups. A host is never cut from itself. */
export function cutsBetween (from: readonly LabHost[], to: readonly LabHost[], oneWay: boolean): Cut[] {
  const there = from.flatMap((one) => to.filter((other) => other !== one).map((other) => ({ from: one.name, to: other.name })))
  return oneWay ? there : [...there, ...there.map(({ from, to }) => ({ from: to, to: from }))]
}

export function cutScript (lab: string, topology: Topology, cuts: readonly Cut[]): Script {
  return setScript(lab, 'add', topology, cuts)
}

/** Nothing is said when a direction was not cut: it is added before it is taken away. */
export function healScript (lab: string, topology: Topology, cuts: readonly Cut[] | 'all'): Script {
  if (cuts === 'all') return { program: 'nft', namespace: namespaceOf(lab, switchName), lines: [`flush set ${cutSet}`] }
  const { lines, ...script } = setScript(lab, 'add', topology, cuts)
  return { ...script, lines: [...lines, ...setScript(lab, 'delete', topology, cuts).lines] }
}

function setScript (lab: string, verb: 'add' | 'delete', topology: Topology, cuts: readonly Cut[]): Script {
  const addresses = new Map(everyHost(topology).map(({ name, address }) => [name, address]))
  const pairs = new Set(cuts.map(({ from, to }) => `${addresses.get(from)} . ${addresses.get(to)}`))
  const lines = pairs.size === 0 ? [] : [`${verb} element ${cutSet} { ${[...pairs].join(', ')} }`]
  return { program: 'nft', namespace: namespaceOf(lab, switchName), lines }
}

/** @param json what `nft --json list set bridge lab cut` prints */
export function readCuts (json: string, topology: Topology): Cut[] {
  const names = new Map(everyHost(topology).map(({ name, address }) => [address, name]))
  const { nftables } = JSON.parse(json) as { nftables: ReadonlyArray<{ set?: { elem?: ReadonlyArray<{ concat: readonly [string, string] }> } }> }
  return nftables.flatMap(({ set }) => (set?.elem ?? []).map(({ concat: [from, to] }) => ({ from: names.get(from) ?? from, to: names.get(to) ?? to })))
}

export interface Carried {
  readonly sentBytes: number
  readonly receivedBytes: number
}

/** By host's name. @param json what `ip -statistics -json link show` prints in the switch */
export function readCarried (json: string, topology: Topology): Map<string, Carried> {
  const links = JSON.parse(json) as ReadonlyArray<{ ifname: string, stats64?: { rx: { bytes: number }, tx: { bytes: number } } }>
  return new Map(everyHost(topology).map((host) => {
    const stats = links.find(({ ifname }) => ifname === portOf(topology, host))?.stats64
    // What comes in at the switch was sent by the host.
    return [host.name, { sentBytes: stats?.rx.bytes ?? 0, receivedBytes: stats?.tx.bytes ?? 0 }]
  }))
}
