/** How a lab looks in a terminal, and the objects that scripts read. Pure. */
import type { Calibration } from '../../netsim/lab/calibration.ts'
import { httpUrl, originUrl } from '../../netsim/lab/daemons.ts'
import type { HostLook, Lab, LabProgress } from '../../netsim/lab/lab.ts'
import type { Carried, Cut } from '../../netsim/lab/network.ts'
import type { Topology } from '../../netsim/lab/topology.ts'
import { trafficOf } from '../../netsim/traffic.ts'
import { formatTable, type TableStyle } from '../table.ts'
import { formatBytes, formatDuration } from '../units.ts'

export function progressText (progress: LabProgress): string {
  switch (progress.kind) {
    case 'network': return 'building the network'
    case 'calibrating': return 'measuring the links'
    case 'starting': return 'starting the daemons'
    case 'converging': return `${progress.up} of ${progress.hosts} hosts are up and know ${progress.members} of ${progress.hosts ** 2}`
  }
}

export function hostTable (looks: readonly HostLook[], carried: ReadonlyMap<string, Carried>, style: TableStyle): string {
  return formatTable<HostLook>([
    { heading: 'host', value: ({ host }) => host.name },
    { heading: 'http', value: ({ host }) => httpUrl(host) },
    { heading: 'state', value: ({ status }) => status === undefined ? 'silent' : status.ready ? 'ready' : 'waiting' },
    { heading: 'members', align: 'right', value: ({ status }) => status && String(status.members) },
    { heading: 'ring', value: ({ status }) => status?.ring?.slice(0, 8) },
    { heading: 'links', align: 'right', value: ({ status }) => status && String(status.connections) },
    { heading: 'hits', align: 'right', value: ({ status }) => status && String(trafficOf(status).hits) },
    { heading: 'peer', align: 'right', value: ({ status }) => status && String(status.traffic.peerFetches) },
    { heading: 'origin', align: 'right', value: ({ status }) => status && String(status.traffic.originFetches) },
    { heading: 'sent', align: 'right', value: ({ host }) => formatBytes(carried.get(host.name)?.sentBytes ?? 0) },
    { heading: 'received', align: 'right', value: ({ host }) => formatBytes(carried.get(host.name)?.receivedBytes ?? 0) }
  ], [{ rows: looks }], style)
}

/** Nothing when no link was measured. */
export function linkTable (calibrations: readonly Calibration[], style: TableStyle): string {
  if (calibrations.length === 0) return ''
  const table = formatTable<Calibration>([
    { heading: 'link', value: ({ from, to }) => `${from} - ${to}` },
    { heading: 'round trip set', align: 'right', value: ({ expected }) => formatDuration(expected.ms) },
    { heading: 'measured', align: 'right', value: ({ pinged }) => pinged.shortestMs === undefined ? undefined : formatDuration(pinged.shortestMs) },
    { heading: 'lost', align: 'right', value: ({ pinged }) => `${pinged.sent - pinged.received} of ${pinged.sent}` }
  ], [{ rows: calibrations }], style)
  return `${table}\n`
}

/** One line for each host from which something is cut, with those it cannot reach. */
export function cutLines (cuts: readonly Cut[], { hosts, origin }: Topology): string {
  if (cuts.length === 0) return 'nothing is cut\n'
  return [...hosts, origin].flatMap(({ name }) => {
    const reached = cuts.filter(({ from }) => from === name).map(({ to }) => to)
    return reached.length === 0 ? [] : [`nothing from ${name} reaches ${reached.sort().join(', ')}\n`]
  }).join('')
}

export function upJson (lab: Lab, convergedMs: number): object {
  return {
    name: lab.name,
    delay: lab.delay,
    convergedMs: Math.round(convergedMs),
    origin: originUrl(lab.topology),
    hosts: lab.hosts.map((host) => ({ ...host, http: httpUrl(host) })),
    links: lab.calibrations.map(({ from, to, expected, pinged }) => ({ from, to, setMs: expected.ms, measuredMs: pinged.shortestMs ?? null, sent: pinged.sent, received: pinged.received }))
  }
}
