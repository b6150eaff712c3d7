/**
 * How proofs of life travel, protocol `/colony/pulse/1.0.0`: a long-lived stream to each link, opened by
 * whoever sends, one message at a time to one link after the other, in a new order each round. So an edge
 * sends as many messages a second in a colony of a thousand as in one of ten, and a pulse still reaches all
 * in about log2 of their number sendings (epidemic dissemination, Demers et al. 1987).
 *
 *     frame = varint length | pulses of 28 bytes each (`pulse.ts`)
 */
import { deadline } from '../clock.ts'
import { WireError } from '../errors.ts'
import { frameStream, type FrameStream } from '../streams.ts'
import { decodePulses, encodePulses, pulseBytes } from './pulse.ts'
import type { Members } from './members.ts'
import type { Counters } from './ports.ts'
import type { MembershipSettings } from './settings.ts'
import type { Clock } from '../clock.ts'
import type { PeerName } from '../ids.ts'
import type { Connection, PeerId, Stream } from '@libp2p/interface'

export const pulseProtocol = '/colony/pulse/1.0.0'

/** Pulses of one frame; more than are fresh at a time wait for the next one. */
const framePulsesMax = 2_000
const frameBytesMax = framePulsesMax * pulseBytes
/** Frames that a peer may be ahead of the reading. */
const framesAhead = 2

export interface PulseLanesInit {
  readonly clock: Clock
  readonly settings: Pick<MembershipSettings, 'pulseSendMs' | 'pulseFreshMs' | 'lateMs' | 'exchangeTimeoutMs'>
  readonly members: Members
  /** Linked peers that speak the protocol. */
  readonly peers: () => Iterable<PeerId>
  readonly connection: (peer: PeerId) => Connection | undefined
  /** Called after pulses were taken. */
  readonly onNews: () => void
  /** This member knows of an announcement that is not held here. */
  readonly onBehind: (teller: PeerName) => void
  readonly counters: Counters
}

interface Lane {
  stream: Stream | undefined
  frames: FrameStream | undefined
  sentAtMs: number
  busy: boolean
}

export class PulseLanes {
  readonly #init: PulseLanesInit
  readonly #lanes = new Map<PeerName, Lane>()
  #turn: PeerId[] = []
  /** When the latest rounds were, ms, oldest first: as many as news is passed on in. */
  readonly #roundsAtMs: number[] = []

  constructor (init: PulseLanesInit) {
    this.#init = init
  }

  /** Sends what is fresh to the next link that lacks any of it. @returns ms until the next turn */
  round (signal: AbortSignal): number {
    const { clock, settings, members } = this.#init
    const nowMs = clock.nowMs()
    const freshMs = this.#fresh(nowMs)
    if (this.#turn.length === 0) this.#turn = shuffled([...this.#init.peers()], clock.random)
    for (let peer = this.#turn.pop(); peer !== undefined; peer = this.#turn.pop()) {
      const name = peer.toString()
      const lane = this.#lane(name)
      if (lane.busy) continue
      const pulses = members.pulsesFor(name, Math.max(lane.sentAtMs, freshMs)).slice(0, framePulsesMax)
      if (pulses.length === 0) continue
      lane.sentAtMs = nowMs
      void this.#send(peer, lane, encodePulses(pulses), signal)
      break
    }
    return settings.pulseSendMs
  }

  /**
   * Since when what was learned is passed on, ms. A starved edge has fewer rounds in the same time: it passes news on in
   * as many rounds as ever, as with fewer it would not reach all; and it takes the time that it was late off the silence
   * of the others (Lifeguard, Dadgar et al. 2017).
   */
  #fresh (nowMs: number): number {
    const { settings, members } = this.#init
    const lateMs = nowMs - (this.#roundsAtMs.at(-1) ?? nowMs) - settings.pulseSendMs
    if (lateMs > settings.lateMs) members.forgive(lateMs, nowMs)
    this.#roundsAtMs.push(nowMs)
    if (this.#roundsAtMs.length > settings.pulseFreshMs / settings.pulseSendMs + 1) this.#roundsAtMs.shift()
    return Math.min(nowMs - settings.pulseFreshMs, this.#roundsAtMs[0] ?? nowMs)
  }

  /** The link is gone. */
  drop (peer: PeerName): void {
    this.#lanes.delete(peer)
  }

  /** Reads what a peer sends, until it ends. */
  async receive (stream: Stream, from: PeerName): Promise<void> {
    const { clock, members, counters, onNews, onBehind } = this.#init
    const frames = frameStream(stream, frameBytesMax, framesAhead)
    try {
      for (;;) {
        const frame = (await frames.read()).subarray()
        counters.messagesIn++
        counters.bytesIn += frame.byteLength
        let news = false
        let behind = false
        for (const pulse of decodePulses(frame)) {
          const standing = members.receivePulse(pulse, from, clock.nowMs())
          if (standing === 'forged') throw new WireError('a peer sent a proof of life that is forged')
          if (standing === 'news') news = true
          if (standing === 'behind' || standing === 'unknown') behind = true
        }
        if (news || behind) onNews()
        if (behind && members.member(from) !== undefined) onBehind(from)
      }
    } catch (error) {
      if (error instanceof WireError) counters.rejected++
      stream.abort(error as Error)
    }
  }

  #lane (peer: PeerName): Lane {
    const known = this.#lanes.get(peer)
    if (known !== undefined) return known
    const lane: Lane = { stream: undefined, frames: undefined, sentAtMs: -Infinity, busy: false }
    this.#lanes.set(peer, lane)
    return lane
  }

  async #send (peer: PeerId, lane: Lane, frame: Uint8Array, parent: AbortSignal): Promise<void> {
    const { clock, settings, counters } = this.#init
    const { signal, clear } = deadline(clock, settings.exchangeTimeoutMs, 'sending proofs of life', parent)
    lane.busy = true
    try {
      if (lane.stream?.status !== 'open') {
        lane.stream = await this.#init.connection(peer)?.newStream(pulseProtocol, { signal })
        if (lane.stream === undefined) return
        lane.frames = frameStream(lane.stream, frameBytesMax, framesAhead)
      }
      await lane.frames?.write(frame, { signal })
      counters.messagesOut++
      counters.bytesOut += frame.byteLength
    } catch (error) {
      // Ordinary: the link broke. The next turn opens another stream, or there is no such link any more.
      lane.stream?.abort(error as Error)
      lane.stream = undefined
    } finally {
      lane.busy = false
      clear()
    }
  }
}

function shuffled<T> (items: T[], random: () => number): T[] {
  for (let last = items.length - 1; last > 0; last--) {
    const other = Math.floor(random() * (last + 1))
    ;[items[last], items[other]] = [items[other] as T, items[last] as T]
  }
  return items
}
