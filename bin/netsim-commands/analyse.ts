/** `netsim analyse`: what coordination costs over several sizes, which part dominates where, and what grows. */
import { availableParallelism } from 'node:os'
import { systemClock } from '../../daemon/clock.ts'
import { analyse as analyseSamples, type Analysis, type RankedCost, type Sample, valueAt } from '../../netsim/swarm/analysis.ts'
import { costOf } from '../../netsim/swarm/cost.ts'
import { type ExperimentReport, runExperiment } from '../../netsim/swarm/experiment.ts'
import { defaultProcesses } from '../../netsim/swarm/plan.ts'
import { type Command, type Given, tableStyle, wholeNumber } from '../command.ts'
import { type Column, formatTable } from '../table.ts'
import { formatShare } from '../units.ts'
import { readSizes, readSwarmFlags, swarmFlags, withView } from './swarm.ts'

export const analyse: Command = {
  name: 'analyse',
  summary: 'what coordination costs at several sizes: ranked, fitted, and where it changes',
  description: 'Runs a swarm of each size, idle and under load, loses an edge and takes it back. "Coherence" is what directories and\nfilters say to each other under load; a "call" is a fetch that left the asked edge.',
  flags: [
    { name: 'sizes', placeholder: 'N,N,...', help: 'numbers of edges', byDefault: '24,48,96' },
    { name: 'seconds', placeholder: 'N', help: 'workload at each size', byDefault: '15' },
    ...swarmFlags.filter(({ name }) => !['origin', 'report'].includes(name))
  ],
  example: 'netsim analyse --sizes 50,100,200 --regions 5',
  run
}

/** One kind of cost: what is compared has one unit. */
interface Kind {
  readonly title: string
  readonly unit: string
  readonly costs: (report: ExperimentReport) => Record<string, number>
}

const kinds: readonly Kind[] = [
  { title: 'bytes that an edge sends a second, idle', unit: 'B/s', costs: ({ idle }) => ({ ...idle?.coordination.byPart }) },
  {
    title: 'cache coherence: bytes that an edge sends a second under load, over idle',
    unit: 'B/s',
    costs: (report) => {
      const loaded = costOf(report.first, report.last).coordination.byPart
      return Object.fromEntries(['directory', 'filters', 'gossip'].map((part) => [part, Math.max(0, (loaded[part] ?? 0) - (report.idle?.coordination.byPart[part] ?? 0))]))
    }
  },
  {
    title: 'agreement: until every edge knows',
    unit: 'ms',
    costs: ({ convergedMs, change }) => ({ 'the whole swarm formed': convergedMs, 'an edge was lost': change?.lostMs ?? 0, 'an edge came back': change?.joinedMs ?? 0 })
  },
  {
    title: 'calls between layers for each request',
    unit: '',
    costs: ({ workload }): Record<string, number> => workload === undefined ? {} : { 'to a peer': workload.peerFetches / workload.requests, 'to the origin': workload.originFetches / workload.requests }
  },
  { title: 'an edge, idle', unit: '', costs: ({ idle }): Record<string, number> => idle === undefined ? {} : { 'CPU, % of a core': idle.cpuPercentPerPeer, 'memory, MiB': idle.rssBytesPerPeer / 2 ** 20 } }
]

async function run (given: Given): Promise<void> {
  const sizes = readSizes(given.sizes ?? '24,48,96', 'sizes')
  const options = readSwarmFlags(given)
  const workloadMs = wholeNumber(given, 'seconds', { min: 1, max: 3_600, byDefault: 15 }) * 1_000
  const analyses = await withView(given, async (view, signal) => {
    const reports: ExperimentReport[] = []
    for (const peers of sizes) {
      view.progress(`${peers} edges`)
      reports.push(await runExperiment({
        ...options, peers, workloadMs, signal,
        faults: [],
        procs: options.procs ?? defaultProcesses(peers, availableParallelism()),
        idle: true,
        change: true,
        clock: systemClock,
        onEvent: (event) => { view.event(event) }
      }))
      view.report(reports.at(-1)!)
    }
    const analyses = kinds.map((kind) => ({ ...kind, analysis: analyseSamples(reports.map((report): Sample => ({ size: report.peers, costs: kind.costs(report) }))) }))
    view.print(analyses.map(({ title, unit, analysis }) => formatAnalysis(title, unit, analysis, sizes.at(-1)!)).join(''))
    return analyses
  })
  if (given.json === true) process.stdout.write(`${JSON.stringify({ seed: options.seed, sizes, analyses: analyses.map(({ title, unit, analysis }) => ({ title, unit, ...analysis })) })}\n`)
}

function formatAnalysis (title: string, unit: string, { ranked, dominance, jumps }: Analysis, largest: number): string {
  const columns: readonly Column<RankedCost>[] = [
    { heading: 'COST', value: ({ name }) => name },
    { heading: `AT ${largest}`, value: ({ value }) => number(value), align: 'right' },
    { heading: 'SHARE', value: ({ share }) => unit === '' ? undefined : formatShare(share), align: 'right', optional: true },
    { heading: 'GROWS AS EDGES ^', value: ({ fit }) => fit?.exponent.toFixed(2), align: 'right' },
    { heading: 'R2', value: ({ fit }) => fit?.r2.toFixed(2), align: 'right' },
    { heading: 'AT 1,000 BY THAT LAW', value: ({ fit }) => fit === undefined ? undefined : number(valueAt(fit, 1_000)), align: 'right' }
  ]
  return [
    `\n${title}${unit === '' ? '' : `, ${unit}`}\n`,
    formatTable(columns, [{ rows: ranked.filter(({ value }) => value > 0) }], tableStyle()),
    ...(unit === '' ? [] : dominance.map(({ name, fromSize, toSize }) => `  the largest ${toSize === Infinity ? `from ${fromSize} edges on` : `from ${fromSize} to ${toSize} edges`}: ${name}\n`)),
    ...jumps.map(({ name, fromSize, toSize, grew, expected }) => `  abrupt: ${name} grew ${grew.toFixed(1)} times from ${fromSize} to ${toSize} edges, where its law says ${expected.toFixed(1)}\n`)
  ].join('')
}

function number (value: number): string {
  return value >= 100 ? Math.round(value).toLocaleString('en') : value.toPrecision(2)
}
