/**
 * The edge's numbers, in a registry of its own, and libp2p's beside them. Names are made here, so
 * that they follow one rule: `colony_<part>_<noun>_<unit>_total` for counters, the same without
 * `_total` for gauges and histograms (prometheus.io/docs/practices/naming). Labels come from closed
 * sets only, never a URL or a peer.
 */
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { Counter, Gauge, Histogram, Registry } from 'prom-client'
import type { Clock } from '../protocols/clock.ts'
import { systemClock } from './clock.ts'
import { NodeMetrics } from './node-metrics.ts'

export type { Counter, Gauge, Histogram } from 'prom-client'

/**
 * The first four parameters of each maker: the part (a folder's name), what is measured, its unit
 * (`bytes`, `seconds`; `''` when the noun is the unit, as in `requests`), and a sentence of help.
 */
export interface Metrics {
  /** For libp2p, which counts here what it does and what its streams carry. */
  readonly node: NodeMetrics
  /** @param collect sets the counter's values when the metrics are read, from zero */
  counter: <Label extends string = never>(part: string, noun: string, unit: string, help: string, labels?: readonly Label[], collect?: (counter: Counter<Label>) => void) => Counter<Label>
  /** @param collect sets the gauge's value when the metrics are read */
  gauge: <Label extends string = never>(part: string, noun: string, unit: string, help: string, labels?: readonly Label[], collect?: (gauge: Gauge<Label>) => void) => Gauge<Label>
  /** @param buckets upper bounds in the unit, rising; by default `secondsBuckets` */
  histogram: <Label extends string = never>(part: string, noun: string, unit: string, help: string, labels?: readonly Label[], buckets?: readonly number[]) => Histogram<Label>
  /** The exposition text of /metrics. */
  text: () => Promise<string>
  /** The media type of `text`. */
  readonly contentType: string
  /** Stops measuring the event loop when no other edge of this process does. May be called twice. */
  close: () => void
}

/** From a hit in memory (0.1 ms) to a slow origin (10 s), about two and a half times each. */
export const secondsBuckets: readonly number[] = Object.freeze([
  0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10
])

/** How often the event loop is looked at, ms. Delays below it are not seen; finer costs CPU on an idle process. */
const loopResolutionMs = 100

/** Of the whole process, as there is one event loop however many edges run on it: each look is a wake-up. */
const loop = monitorEventLoopDelay({ resolution: loopResolutionMs })
let loopUsers = 0

export function createMetrics (clock: Clock = systemClock): Metrics {
  const registry = new Registry()
  const node = new NodeMetrics(clock)
  const registers = [registry]
  if (++loopUsers === 1) loop.enable()
  let closed = false
  const metrics: Metrics = {
    node,
    counter: (part, noun, unit, help, labels = [], collect) =>
      new Counter({
        name: metricName(part, noun, unit, 'total'),
        help,
        labelNames: labels,
        registers,
        ...(collect === undefined
          ? {}
          : {
              collect () {
                this.reset()
                collect(this)
              }
            })
      }),
    gauge: (part, noun, unit, help, labels = [], collect) =>
      new Gauge({
        name: metricName(part, noun, unit),
        help,
        labelNames: labels,
        registers,
        ...(collect === undefined ? {} : { collect () { collect(this) } })
      }),
    histogram: (part, noun, unit, help, labels = [], buckets = secondsBuckets) =>
      new Histogram({ name: metricName(part, noun, unit), help, labelNames: labels, buckets: [...buckets], registers }),
    text: async () => await registry.metrics() + await node.text(),
    contentType: registry.contentType,
    close: () => {
      if (!closed && --loopUsers === 0) loop.disable()
      closed = true
    }
  }
  addProcessMetrics(metrics)
  return metrics
}

/** Two numbers that every measurement is read beside: late timers look like protocol faults. */
function addProcessMetrics (metrics: Metrics): void {
  metrics.gauge('process', 'event_loop_delay', 'seconds', 'Delay of the event loop since the last scrape, by quantile (1 is the longest).', ['quantile'], (gauge) => {
    for (const quantile of [0.5, 0.99, 1]) {
      // Includes the wait for the timer itself, which is no delay.
      const delayMs = loop.percentile(quantile * 100) / 1e6 - loopResolutionMs
      gauge.set({ quantile: String(quantile) }, loop.count === 0 ? 0 : Math.max(0, delayMs) / 1e3)
    }
    loop.reset()
  })
  metrics.gauge('process', 'resident_memory', 'bytes', 'Resident memory of the process.', [], (gauge) => {
    gauge.set(process.memoryUsage.rss())
  })
}

function metricName (...words: readonly string[]): string {
  return ['colony', ...words].filter((word) => word !== '').join('_').replaceAll('-', '_')
}
