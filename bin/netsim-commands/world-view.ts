/** What `netsim world` prints: a table of runs, the failures with the command that repeats each, and one object for `--json`. */
import { createHash } from 'node:crypto'
import type { RunResult } from '../../netsim/world/run.ts'
import type { Given } from '../command.ts'
import { formatPairs, formatTable, type Column, type TableStyle } from '../table.ts'
import { formatBytes, formatCount, formatDuration, formatShare } from '../units.ts'

/** The shortest command line that does this run again. */
export function repeatCommand ({ scenario, seed }: RunResult, given: Given): string {
  const sizes = ['edges', 'cities', 'objects', 'requests', 'hours'].flatMap((flag) => given[flag] === undefined ? [] : [`--${flag}`, String(given[flag])])
  return ['netsim', 'world', '--scenario', scenario, '--seed', String(seed), ...sizes].join(' ')
}

/** For people. */
export function formatRuns (results: readonly RunResult[], wallMs: number, given: Given, style: TableStyle): string {
  const [only] = results
  const names = [...new Set(results.map(({ scenario }) => scenario))]
  const rows = names.map((name) => total(results.filter(({ scenario }) => scenario === name)))
  const failed = results.filter(({ violations }) => violations.length > 0)
  const end = failed.length === 0 ? '' : `\n${failed.map((result) => `failed: ${repeatCommand(result, given)}\n        ${result.violations[0]!.checker}: ${result.violations[0]!.sentence}\n`).join('')}`
  if (results.length === 1 && only !== undefined) return formatPairs(pairs(only, wallMs), style) + end
  return `${formatTable(columns, [{ rows }], style)}\n${results.length} runs in ${formatDuration(wallMs)}, ${failed.length === 0 ? 'none failed' : `${failed.length} failed`}\n${end}`
}

/**
 * For programs. Of several runs: the first one's seed, sums of what can be added, and a hash over all hashes;
 * `violations` counts, `findings` says which.
 */
export function summary (results: readonly RunResult[], wallMs: number, given: Given): Readonly<Record<string, unknown>> {
  const [first] = results
  if (first === undefined) return {}
  const { scenario, requests, simulatedMs, events, cpuMs, counters, rssBytesMax } = total(results)
  return {
    seed: first.seed,
    scenario: results.every((each) => each.scenario === first.scenario) ? scenario : 'all',
    edges: first.edges,
    cities: first.cities,
    objects: first.objects,
    ...first.leavesOut !== undefined && { leavesOut: first.leavesOut },
    requests,
    traceHash: results.length === 1 ? first.traceHash : createHash('sha256').update(results.map(({ traceHash }) => traceHash).join()).digest('hex').slice(0, 16),
    violations: results.reduce((sum, { violations }) => sum + violations.length, 0),
    simulatedMs,
    wallMs,
    cpuMs,
    rssBytesMax,
    events,
    counters,
    runs: results.length,
    findings: results.flatMap((result) => result.violations.map((violation) => ({ scenario: result.scenario, seed: result.seed, ...violation, repeat: repeatCommand(result, given) })))
  }
}

interface Total extends Pick<RunResult, 'scenario' | 'requests' | 'simulatedMs' | 'events' | 'cpuMs' | 'faults' | 'counters' | 'rssBytesMax'> {
  readonly runs: number
  readonly failed: number
}

function total (results: readonly RunResult[]): Total {
  const sum = (value: (result: RunResult) => number): number => results.reduce((all, result) => all + value(result), 0)
  const keys = Object.keys(results[0]?.counters ?? {})
  // What is a quantile or a ratio cannot be added; the worst run's stands.
  const counters = Object.fromEntries(keys.map((key) => [key, isMeasure(key) ? Math.max(...results.map(({ counters }) => counters[key] ?? 0)) : sum(({ counters }) => counters[key] ?? 0)]))
  return {
    scenario: results[0]?.scenario ?? '',
    runs: results.length,
    failed: results.filter(({ violations }) => violations.length > 0).length,
    requests: sum(({ requests }) => requests),
    simulatedMs: sum(({ simulatedMs }) => simulatedMs),
    events: sum(({ events }) => events),
    cpuMs: sum(({ cpuMs }) => cpuMs),
    faults: sum(({ faults }) => faults),
    rssBytesMax: Math.max(...results.map(({ rssBytesMax }) => rssBytesMax)),
    counters
  }
}

function isMeasure (counter: string): boolean {
  return /Ms|Ratio|Share/.test(counter)
}

const columns: ReadonlyArray<Column<Total>> = [
  { heading: 'scenario', value: ({ scenario }) => scenario },
  { heading: 'runs', align: 'right', value: ({ runs }) => formatCount(runs) },
  { heading: 'failed', align: 'right', value: ({ failed }) => formatCount(failed) },
  { heading: 'faults', align: 'right', value: ({ faults }) => formatCount(faults) },
  { heading: 'requests', align: 'right', value: ({ requests }) => formatCount(requests) },
  { heading: 'hits', align: 'right', value: ({ requests, counters: { hits } }) => hits === undefined || requests === 0 ? undefined : formatShare(hits / requests) },
  { heading: 'errors', align: 'right', value: ({ counters: { errors } }) => errors === undefined ? undefined : formatCount(errors) },
  { heading: 'origin', align: 'right', value: ({ counters: { originFetches } }) => originFetches === undefined ? undefined : formatCount(originFetches) },
  { heading: 'events', align: 'right', value: ({ events }) => formatCount(events) },
  { heading: 'simulated', align: 'right', value: ({ simulatedMs }) => formatDuration(simulatedMs) },
  { heading: 'cpu', align: 'right', value: ({ cpuMs }) => formatDuration(cpuMs) }
]

function pairs (result: RunResult, wallMs: number): ReadonlyArray<readonly [string, string]> {
  const { scenario, seed, edges, cities, objects, requests, traceHash, violations, simulatedMs, events, faults, cpuMs, rssBytesMax, leavesOut, counters } = result
  return [
    ['scenario', scenario],
    ['seed', String(seed)],
    ['edges', `${formatCount(edges)} in ${formatCount(cities)} ${cities === 1 ? 'city' : 'cities'}`],
    ['objects', formatCount(objects)],
    ['requests', formatCount(requests)],
    ['faults', formatCount(faults)],
    ...Object.entries(counters).map(([name, value]) => [words(name), formatCounter(name, value)] as const),
    ['simulated', formatDuration(simulatedMs)],
    ['wall', `${formatDuration(wallMs)}, processor ${formatDuration(cpuMs)}`],
    ['events', `${formatCount(events)}, ${formatCount(events / Math.max(1, cpuMs) * 1_000)} a second of processor`],
    ['memory', formatBytes(rssBytesMax)],
    ...leavesOut === undefined ? [] : [['left out', leavesOut] as const],
    ['trace hash', traceHash],
    ['violations', violations.length === 0 ? 'none' : formatCount(violations.length)]
  ]
}

function formatCounter (name: string, value: number): string {
  if (/Bytes/.test(name)) return formatBytes(value)
  if (/Ms/.test(name)) return formatDuration(value)
  return /Ratio|Share/.test(name) ? formatShare(value) : formatCount(value)
}

/** `originFetches` is `origin fetches`. */
function words (name: string): string {
  return name.replace(/Ms/, '').replace(/[A-Z]+/g, (letters) => ` ${letters.toLowerCase()}`)
}
