/**
 * libp2p's Metrics for one node: counts what its streams carry (mesh-traffic.ts), and keeps libp2p's own
 * numbers as plain values that become text only when read. Not @libp2p/prometheus-metrics: that keeps one
 * table of names for the whole process, so that an edge's listener counts for another edge, and costs about
 * 220 KB a node (measured, 100 nodes in a process).
 */
import { StreamMessageEvent, type CalculateMetric, type Counter, type CounterGroup, type Histogram, type HistogramGroup, type MessageStream, type Metric, type MetricGroup, type Metrics, type MultiaddrConnection, type Stream, type Summary, type SummaryGroup } from '@libp2p/interface'
import type { Clock } from '../protocols/clock.ts'
import { MeshTraffic, type Bytes } from './mesh-traffic.ts'

interface SeriesOptions {
  readonly label?: string
  readonly help?: string
  readonly calculate?: CalculateMetric<any>
}

export class NodeMetrics implements Metrics {
  readonly [Symbol.toStringTag] = '@colony/node-metrics'
  readonly traffic = new MeshTraffic()
  readonly #clock: Clock
  readonly #series = new Map<string, Series>()

  constructor (clock: Clock) {
    this.#clock = clock
  }

  trackProtocolStream (stream: Stream): void {
    watch(stream, this.traffic.stream(stream.protocol, 'in'), this.traffic.stream(stream.protocol, 'out'))
  }

  trackMultiaddrConnection (connection: MultiaddrConnection): void {
    const { traffic } = this
    watch(connection, ({ byteLength }) => { traffic.wire(byteLength, 'in') }, ({ byteLength }) => { traffic.wire(byteLength, 'out') })
  }

  readonly registerMetric = (name: string, options?: SeriesOptions): Metric => this.#register(name, 'gauge', options) as unknown as Metric
  readonly registerMetricGroup = (name: string, options?: SeriesOptions): MetricGroup => this.#register(name, 'gauge', { label: name, ...options }) as unknown as MetricGroup
  readonly registerCounter = (name: string, options?: SeriesOptions): Counter => this.#register(name, 'counter', options) as unknown as Counter
  readonly registerCounterGroup = (name: string, options?: SeriesOptions): CounterGroup => this.#register(name, 'counter', { label: name, ...options }) as unknown as CounterGroup
  // Nothing that a node here is made of observes distributions.
  readonly registerHistogram = (): Histogram => unobserved
  readonly registerHistogramGroup = (): HistogramGroup => unobserved
  readonly registerSummary = (): Summary => unobserved
  readonly registerSummaryGroup = (): SummaryGroup => unobserved

  traceFunction <F> (_name: string, traced: F): F { return traced }

  createTrace (): undefined {}

  /** In the exposition format of Prometheus; empty, or ends with a line feed. */
  async text (): Promise<string> {
    const all = await Promise.all([...this.#series.values()].map(async (series) => await series.text()))
    return all.join('')
  }

  #register (name: string, type: Series['type'], options: SeriesOptions = {}): Series {
    const series = this.#series.get(name) ?? new Series(word(name), type, options, this.#clock)
    if (options.calculate !== undefined) series.calculates.push(options.calculate)
    this.#series.set(name, series)
    return series
  }
}

/**
 * Not by listening: a stream gives out what it has buffered when the first listener comes, which must be
 * the one that reads it.
 */
function watch (stream: MessageStream, onRead: (data: Bytes) => void, onWrite: (data: Bytes) => void): void {
  const { dispatchEvent, send } = stream
  stream.dispatchEvent = (event) => {
    if (event instanceof StreamMessageEvent) onRead(event.data)
    return dispatchEvent.call(stream, event)
  }
  stream.send = (data) => {
    onWrite(data)
    return send.call(stream, data)
  }
}

/** One name: a number, or a number for each value of its label. */
class Series {
  readonly type: 'counter' | 'gauge'
  readonly calculates: Array<CalculateMetric<number | Record<string, number>>> = []
  readonly #name: string
  readonly #label: string | undefined
  readonly #clock: Clock
  readonly #values = new Map<string, number>()

  constructor (name: string, type: Series['type'], { label }: SeriesOptions, clock: Clock) {
    this.#name = name
    this.type = type
    this.#label = label === undefined ? undefined : word(label)
    this.#clock = clock
  }

  update (values: number | Record<string, number>): void {
    each(values, (key, value) => { this.#values.set(key, value) })
  }

  increment (values: number | Record<string, number | true> = 1): void {
    each(values, (key, value) => { this.#add(key, value === true ? 1 : value) })
  }

  decrement (values: number | Record<string, number | true> = 1): void {
    each(values, (key, value) => { this.#add(key, value === true ? -1 : -value) })
  }

  reset (): void { this.#values.clear() }

  /** Sets the value to the seconds until it is stopped. */
  timer (key = ''): () => void {
    const startMs = this.#clock.nowMs()
    return () => { this.#values.set(key, (this.#clock.nowMs() - startMs) / 1e3) }
  }

  async text (): Promise<string> {
    if (this.calculates.length > 0) {
      const calculated = await Promise.all(this.calculates.map(async (calculate) => await calculate()))
      this.#values.clear()
      for (const values of calculated) this.update(values)
    }
    const lines = [...this.#values].map(([key, value]) => `${this.#name}${this.#labels(key)} ${value}\n`)
    return lines.length === 0 ? '' : `# TYPE ${this.#name} ${this.type}\n${lines.join('')}`
  }

  #labels (key: string): string {
    return this.#label === undefined ? '' : `{${this.#label}="${key.replace(/["\\]/g, '\\$&').replaceAll('\n', '\\n')}"}`
  }

  #add (key: string, by: number): void {
    this.#values.set(key, (this.#values.get(key) ?? 0) + by)
  }
}

function each <Value> (values: number | Record<string, Value>, visit: (key: string, value: number | Value) => void): void {
  if (typeof values === 'number') visit('', values)
  else for (const [key, value] of Object.entries(values)) visit(key, value)
}

/** Fit for the name of a metric or a label. */
function word (text: string): string {
  return text.replace(/[^a-zA-Z0-9_]+/g, '_')
}

const unobserved = { observe: () => {}, reset: () => {}, timer: () => () => {} }
