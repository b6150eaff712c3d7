/**
 * How far linked members are: the shortest of the last few round trips of a ping. What a busy
 * processor or a full queue adds is not distance, and would make a near peer look far (the same
 * reasoning, and the same minimum over a window, as RTprop in BBR, Cardwell et al. 2016). A link is
 * measured a few times as soon as it exists and then now and then, few links at a time.
 */
import { deadline } from '../clock.ts'
import type { MembershipSettings } from './settings.ts'
import type { Clock } from '../clock.ts'
import type { PeerName } from '../ids.ts'

/** Round trips remembered for each link: at the default interval about two minutes. */
const windowSamples = 8
/** Measurements of a link that was never measured. */
const firstSamples = 4

export interface RoundTripsInit {
  readonly clock: Clock
  readonly settings: Pick<MembershipSettings, 'pingIntervalMs' | 'pingTimeoutMs' | 'pingsMax'>
  readonly linked: () => readonly PeerName[]
  /** @returns the round trip, ms */
  readonly ping: (peer: PeerName, signal: AbortSignal) => Promise<number>
  /** A link was measured; its round trip is now this, ms. */
  readonly onMeasured?: (peer: PeerName, rttMs: number) => void
}

interface Measurement {
  readonly samplesMs: number[]
  dueAtMs: number
}

export class RoundTrips {
  readonly #init: RoundTripsInit
  readonly #measurements = new Map<PeerName, Measurement>()

  constructor (init: RoundTripsInit) {
    this.#init = init
  }

  /** The shortest lately, ms; undefined while there is no link or no measurement yet. */
  rttMs (peer: PeerName): number | undefined {
    const samplesMs = this.#measurements.get(peer)?.samplesMs ?? []
    return samplesMs.length === 0 ? undefined : Math.min(...samplesMs)
  }

  /** Measures what is due. @returns ms until the next one is */
  async round (parent: AbortSignal): Promise<number> {
    const { clock, settings, linked } = this.#init
    const peers = new Set(linked())
    const nowMs = clock.nowMs()
    for (const peer of this.#measurements.keys()) if (!peers.has(peer)) this.#measurements.delete(peer)
    const due: PeerName[] = []
    for (const peer of peers) {
      const measurement = this.#measurements.get(peer) ?? { samplesMs: [], dueAtMs: nowMs }
      this.#measurements.set(peer, measurement)
      if (measurement.dueAtMs <= nowMs) due.push(peer)
    }
    const workers = Array.from({ length: settings.pingsMax }, async () => {
      for (let peer = due.pop(); peer !== undefined && !parent.aborted; peer = due.pop()) await this.#measure(peer, parent)
    })
    await Promise.all(workers)
    const nextMs = Math.min(clock.nowMs() + settings.pingIntervalMs, ...Array.from(this.#measurements.values(), ({ dueAtMs }) => dueAtMs))
    return Math.max(0, nextMs - clock.nowMs())
  }

  async #measure (peer: PeerName, parent: AbortSignal): Promise<void> {
    const { clock, settings, ping } = this.#init
    const measurement = this.#measurements.get(peer)
    if (measurement === undefined) return
    measurement.dueAtMs = clock.nowMs() + settings.pingIntervalMs
    for (let left = measurement.samplesMs.length === 0 ? firstSamples : 1; left > 0 && !parent.aborted; left--) {
      const { signal, clear } = deadline(clock, settings.pingTimeoutMs, `a ping of ${peer}`, parent)
      try {
        measurement.samplesMs.push(await ping(peer, signal))
        if (measurement.samplesMs.length > windowSamples) measurement.samplesMs.shift()
        this.#init.onMeasured?.(peer, Math.min(...measurement.samplesMs))
        // Soon again at first: the first round trips of a link fall into the bustle of its start.
        measurement.dueAtMs = clock.nowMs() + settings.pingIntervalMs / 2 ** (windowSamples - measurement.samplesMs.length)
      } catch {
        // The link broke or is very slow: what was measured stands until the link is gone or answers.
        return
      } finally {
        clear()
      }
    }
  }
}
