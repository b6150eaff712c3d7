/**
 * In which order holders of a key are asked: the nearest first, of equally near ones the least loaded, of
 * those a choice that differs by key and by asker, so that a hot key's askers do not all turn to one holder.
 * Distance and load count in steps of a factor of two: a millisecond more outweighs no multiple of load, and
 * measurements that jitter a little do not change the order.
 */
import type { ContentKey, PeerName } from '../ids.ts'

/** Up to this round trip, ms, all are equally near: within a site the network is not what one waits for. */
const nearMs = 4
/** For a peer without a measured link, ms, or more where it is estimated to be farther: a connection has to be made first, some round trips of one's own region. */
const unknownRttMs = 16
/** Requests a second up to which all are equally idle; a hundredth of what an edge serves. */
const idleLoad = 64

export interface Standings {
  /** Who asks. */
  readonly self: PeerName
  /** Round trip, ms; undefined when not measured. */
  readonly rttMs: (peer: PeerName) => number | undefined
  /** What it would be, ms, of a peer without a measured link; undefined when nobody can tell. */
  readonly estimateMs?: (peer: PeerName) => number | undefined
  /** Requests a second; undefined when not known, which counts as idle. */
  readonly load: (peer: PeerName) => number | undefined
}

/** @returns the holders, whom to ask first in front; the same for the same input, whatever its order */
export function rank (key: ContentKey, holders: readonly PeerName[], { self, rttMs, estimateMs, load }: Standings): PeerName[] {
  return holders
    .map((peer) => ({
      peer,
      distance: step(rttMs(peer) ?? Math.max(unknownRttMs, estimateMs?.(peer) ?? 0), nearMs),
      load: step(load(peer) ?? 0, idleLoad),
      draw: draw(key + self + peer)
    }))
    .sort((a, b) => a.distance - b.distance || a.load - b.load || a.draw - b.draw || (a.peer < b.peer ? -1 : 1))
    .map(({ peer }) => peer)
}

/** 0 up to `unit`, then one more for each doubling. */
function step (value: number, unit: number): number {
  return value > unit ? Math.ceil(Math.log2(value / unit)) : 0
}

/** FNV-1a with Murmur3's last mixing, as names of peers differ in few characters. */
function draw (text: string): number {
  let hash = 0x811c9dc5
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193)
  hash = Math.imul(hash ^ hash >>> 16, 0x85ebca6b)
  hash = Math.imul(hash ^ hash >>> 13, 0xc2b2ae35)
  return (hash ^ hash >>> 16) >>> 0
}
