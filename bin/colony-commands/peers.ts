/** `colony peers`: the members that an edge knows, by region, from /v1/peers. */
import type { PeerStatus } from '../../daemon/admin/status.ts'
import { readDocument } from '../admin.ts'
import { type Command, tableStyle } from '../command.ts'
import { type Column, formatTable } from '../table.ts'
import { formatCount, formatDuration } from '../units.ts'

export const peers: Command = {
  name: 'peers',
  summary: 'the other edges that this edge knows, by region',
  description: 'RTT is measured where a link is kept, and ~ marks what is estimated by network coordinates; LOAD is asks a second that the edge took lately.',
  example: 'colony --admin http://127.0.0.1:9090 peers',
  run: async (given) => {
    const list = await readDocument(given, '/v1/peers', isPeers)
    process.stdout.write(given.json === true ? `${JSON.stringify(list)}\n` : text(list))
  }
}

function isPeers (document: unknown): document is readonly PeerStatus[] {
  return Array.isArray(document) && document.every((each: unknown) => typeof (each as PeerStatus | null)?.peer === 'string')
}

const columns: readonly Column<PeerStatus>[] = [
  { heading: 'NAME', value: ({ name }) => name, cuttable: true },
  { heading: 'ZONE', value: ({ zone }) => zone, cuttable: true, optional: true },
  { heading: 'STATE', value: state },
  { heading: 'RTT', value: rtt, align: 'right' },
  { heading: 'LOAD', value: ({ load }) => `${formatCount(load)}/s`, align: 'right' },
  { heading: 'WEIGHT', value: ({ weight }) => formatCount(weight), align: 'right' },
  { heading: 'HTTP', value: ({ http }) => http === '' ? undefined : http, cuttable: true },
  { heading: 'PEER', value: ({ peer }) => peer, cuttable: true }
]

function text (list: readonly PeerStatus[]): string {
  if (list.length === 0) return 'no other edge is known: this one is a mesh of one (start others with --join and its listen address)\n'
  const regions = Map.groupBy(list, ({ region }) => region)
  const sections = [...regions].sort(([a], [b]) => a < b ? -1 : 1).map(([region, rows]) => ({ title: `${region} (${rows.length})`, rows }))
  const others = list.filter(({ otherOrigins }) => otherOrigins).length
  const warning = others === 0 ? '' : `\n${others} of them fill${others === 1 ? 's' : ''} the same sites from other origins than this edge\n`
  return formatTable(columns, sections, tableStyle()) + warning
}

function rtt ({ rttMs, estimatedRttMs }: PeerStatus): string | undefined {
  if (rttMs !== undefined) return formatDuration(rttMs)
  // Estimates are right to a tenth at best.
  return estimatedRttMs === undefined ? undefined : `~${formatDuration(estimatedRttMs < 10 ? estimatedRttMs : Math.round(estimatedRttMs))}`
}

function state ({ connected, draining, otherOrigins }: PeerStatus): string {
  return [connected ? 'linked' : 'known', ...(draining ? ['draining'] : []), ...(otherOrigins ? ['other origins'] : [])].join(', ')
}
