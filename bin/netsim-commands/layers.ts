/** `netsim layers`: what an edge serves from itself, from its region, and from another region. */
import { systemClock } from '../../daemon/clock.ts'
import { type LayerResult, layersDefaults, measureLayers } from '../../netsim/swarm/layers.ts'
import { type Command, type Given, tableStyle, wholeNumber } from '../command.ts'
import { type Column, formatTable } from '../table.ts'
import { formatCount, formatShare } from '../units.ts'
import { readSwarmFlags, swarmFlags, withView } from './swarm.ts'

export const layers: Command = {
  name: 'layers',
  summary: 'requests a second and latency of the local, the regional and the global layer',
  description: 'Four edges in two regions, a process each. The rates are those of one asked edge, with the client on the same\nmachine: read them as a ratio to other runs here.',
  flags: [
    { name: 'objects', placeholder: 'N', help: 'objects asked for across edges, each once', byDefault: String(layersDefaults.objects) },
    ...swarmFlags.filter(({ name }) => ['seed', 'workload', 'json'].includes(name)),
    { name: 'region-rtt', placeholder: 'MS', help: 'round trip of links between regions', byDefault: String(layersDefaults.regionRttMs) }
  ],
  example: 'netsim layers --region-rtt 100',
  run
}

async function run (given: Given): Promise<void> {
  const { seed, shape } = readSwarmFlags(given)
  const regionRttMs = wholeNumber(given, 'region-rtt', { min: 0, max: 10_000, byDefault: layersDefaults.regionRttMs })
  const results = await withView(given, async (view, signal) => {
    const results = await measureLayers({
      seed, shape, signal, regionRttMs,
      objects: wholeNumber(given, 'objects', { min: 10, max: 100_000, byDefault: layersDefaults.objects }),
      clock: systemClock,
      onEvent: (event) => { view.event(event) }
    })
    view.print(formatTable(columns, [{ rows: results }], tableStyle()))
    return results
  })
  if (given.json === true) process.stdout.write(`${JSON.stringify({ seed, regionRttMs, layers: results })}\n`)
}

const ms = (value: number): string => `${value.toFixed(value < 10 ? 2 : 0)} ms`

const columns: readonly Column<LayerResult>[] = [
  { heading: 'LAYER', value: ({ layer }) => layer },
  { heading: 'REQUESTS', value: ({ requests }) => formatCount(requests), align: 'right' },
  { heading: 'A SECOND', value: ({ perSecond }) => formatCount(perSecond), align: 'right' },
  { heading: 'P50', value: ({ latencyMs }) => ms(latencyMs.p50), align: 'right' },
  { heading: 'P99', value: ({ latencyMs }) => ms(latencyMs.p99), align: 'right' },
  { heading: 'MAX', value: ({ latencyMs }) => ms(latencyMs.max), align: 'right' },
  { heading: 'FROM THERE', value: ({ asMeant, requests }) => formatShare(asMeant / requests), align: 'right' },
  { heading: 'ORIGIN', value: ({ fromOrigin }) => formatCount(fromOrigin), align: 'right' },
  { heading: 'ERRORS', value: ({ errors }) => formatCount(errors), align: 'right' },
  { heading: 'WRONG BYTES', value: ({ wrongBytes }) => formatCount(wrongBytes), align: 'right' },
  { heading: '<= 100 MS', value: ({ within100Ms, requests }) => formatShare(within100Ms / requests), align: 'right' }
]
