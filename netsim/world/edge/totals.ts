/** What all edges did, added up: the figures of a run's report. */
import { Latencies } from './latencies.ts'
import { partNames, type Part } from './messages.ts'

export class Totals {
  /** Of clients: answered, and errors among them. */
  requests = 0
  hits = 0
  /** Answered stale as no origin could be reached; counted beside hit or miss. */
  stale = 0
  /** Answered from a peer, from the origin. */
  peerFetches = 0
  originFetches = 0
  errors = 0
  /** Asked where no edge was up; not among `requests`. */
  unserved = 0
  bytes = 0
  /** Of a region's configuration: what was asked and has an outcome; undefined where there is no Raft. */
  settingRequests: number | undefined
  readonly latencies = new Latencies()
  readonly #messages = new Float64Array(partNames.length)
  readonly #bytes = new Float64Array(partNames.length)

  bill (part: Part, bytes: number, messages: number): void {
    this.#messages[part]! += messages
    this.#bytes[part]! += bytes * messages
  }

  /** Bytes of messages that are billed already. */
  billMore (part: Part, bytes: number): void { this.#bytes[part]! += bytes }

  report (): Record<string, number> {
    const { hits, stale, peerFetches, originFetches, errors, unserved, bytes, latencies, requests } = this
    const parts = partNames.flatMap((part, at) => [[`${part}Messages`, this.#messages[at]!], [`${part}Bytes`, this.#bytes[at]!]])
    return {
      hits, misses: peerFetches + originFetches, stale, errors, unserved, bodyBytes: bytes, peerFetches, originFetches,
      hitRatio: requests === 0 ? 0 : Math.round(10_000 * hits / requests) / 10_000,
      latencyMsP50: rounded(latencies.percentile(0.5)),
      latencyMsP99: rounded(latencies.percentile(0.99)),
      latencyMsMax: rounded(latencies.maxMs),
      ...this.settingRequests !== undefined && { settingRequests: this.settingRequests },
      ...Object.fromEntries(parts) as Record<string, number>
    }
  }
}

function rounded (ms: number): number { return Math.round(ms * 100) / 100 }
