/**
 * Consistent hashing with bounded loads: no owner takes more than `loadFactor` times its fair share of
 * what its region takes; what is above goes to the next owner of the key on the ring. In the colony the
 * owner itself decides, with a LoadGate, and says `busy`; the asker goes on to the next owner, which
 * takes the bytes from this one and not from the origin. `assignBounded` is the same rule with exact
 * counts, for tests and the ring table.
 *
 * @see Mirrokni, Thorup, Zadimoghaddam 2017, "Consistent Hashing with Bounded Loads"
 */
import assert from 'node:assert/strict'
import type { ContentKey, PeerName } from '../ids.ts'
import type { Ring } from './ring.ts'

export const boundedLoadDefaults = Object.freeze({
  /**
   * The c of the paper, above 1: the largest load over the mean. Nearer 1 evens loads out and sends
   * more asks past their first owner (the paper: a change moves O(1 / (c - 1)^2) keys); higher keeps keys in place.
   */
  loadFactor: 1.25,
  /**
   * Time constant of an owner's own rate, milliseconds; about one and a half announcements. Raising it
   * smooths chance out of small rates, and keeps an owner that a crowd surprised busy for longer
   * afterwards (10 s: four seconds of nothing but `busy`, measured); lowering it makes rates jumpy.
   */
  loadWindowMs: 3000,
  /**
   * Below this many asks a second an owner is never busy, whatever the others do: a fifth of what a
   * machine answers over libp2p streams (5,000, measured), and a small mean is mostly chance. Raising it
   * tolerates more imbalance; lowering it sends asks to the next owner, a round trip more, for nothing.
   */
  busyFloorPerSecond: 1_000
})
export type BoundedLoadSettings = { readonly [K in keyof typeof boundedLoadDefaults]: number }

/** What an owner knows of its region; from `Ring.weightShare` and the members' announcements. */
export interface RegionLoad {
  /** Announced asks a second of every other member, checked by whoever received them; those not yet heard may be left out. */
  readonly othersPerSecond: readonly number[]
  /** This member's weight over the sum of the region's, in (0, 1]; 1 when it is alone. */
  readonly weightShare: number
}

/**
 * How much one member may take.
 *
 * @param total what all members take together, this one included; the limit has the same unit
 */
export function loadLimit (loadFactor: number, weightShare: number, total: number): number {
  return loadFactor * weightShare * total
}

/**
 * Decides, for one owner, whether it takes an ask or says `busy`. It counts only what it takes, and
 * that is what it announces: an ask sent on is counted where it lands, so the sum over the region is
 * the traffic.
 *
 * Its own rate is always current, the others' are as old as their announcements, a couple of seconds.
 * Comparing only these makes every owner busy when traffic rises everywhere at once (a fifth to a third
 * of all asks in the first 10 s of a rise to 5 or 20 times, measured). So an ask that comes here first is
 * refused only if, besides, the older of this owner's last two announcements was already well above
 * its fair share: loads of like age are compared, and those false answers go to none. A sudden crowd on
 * one key then stays with its owner for one or two announcements. An ask that another owner has turned
 * away is overflow for certain, and is judged by the present alone; else the crowd would wander from
 * owner to owner, each surprised in its turn (3.7 times the mean on 100 members, measured).
 */
export class LoadGate {
  readonly #settings: BoundedLoadSettings
  #othersPerSecond = 0
  #weightShare = 1
  /** What this owner announced last, and before that, asks a second. */
  #announced: readonly [last: number, before: number] = [0, 0]
  /** Asks taken, each weighing `e^(-age / window)`, as of `#countedMs`. */
  #count = 0
  #countedMs = 0

  constructor (settings: BoundedLoadSettings = boundedLoadDefaults) {
    assert(settings.loadFactor > 1, `loadFactor ${settings.loadFactor} must be above 1`)
    assert(settings.loadWindowMs > 0, `loadWindowMs ${settings.loadWindowMs} must be above 0`)
    this.#settings = settings
  }

  /** Takes over what the region announced: call when an announcement or a view arrives. Replaces what was known. */
  observe (region: RegionLoad): void {
    assert(region.weightShare > 0 && region.weightShare <= 1, `weight share ${region.weightShare} is outside (0, 1]`)
    let sum = 0
    for (const load of region.othersPerSecond) {
      assert(load >= 0 && load < Infinity, `a load of ${load} a second`)
      sum += load
    }
    this.#othersPerSecond = sum
    this.#weightShare = region.weightShare
  }

  /**
   * Whether to take an ask that arrives now; one that is taken is counted.
   *
   * @param turnedAway whether another owner has said `busy` to this ask; the ask has to carry it
   * @returns false for `busy`; never below `busyFloorPerSecond`, never when alone in the region, and to
   *          an ask that comes here first never before two announcements
   */
  admit (nowMs: number, turnedAway: boolean): boolean {
    const own = this.perSecond(nowMs)
    const { loadFactor, busyFloorPerSecond } = this.#settings
    if (own >= busyFloorPerSecond && this.#isAbove(own, loadFactor) && (turnedAway || this.#wasAbove())) return false
    this.take(nowMs)
    return true
  }

  /** Counts an ask that must be served however busy this owner is. */
  take (nowMs: number): void {
    this.#decay(nowMs)
    this.#count++
  }

  /** Asks taken, a second. */
  perSecond (nowMs: number): number {
    this.#decay(nowMs)
    return this.#count * 1000 / this.#settings.loadWindowMs
  }

  /** The load to announce now, asks a second. Call once for each announcement: it is remembered as said. */
  announce (nowMs: number): number {
    this.#announced = [this.perSecond(nowMs), this.#announced[0]]
    return this.#announced[0]
  }

  /**
   * Half way between the fair share and the limit: a busy owner hovers about its limit, and must not be
   * taken for a free one because it announced while just below.
   */
  #wasAbove (): boolean {
    return this.#isAbove(Math.min(...this.#announced), Math.sqrt(this.#settings.loadFactor))
  }

  /** Alone, with a share of 1, no load is above: the limit grows with it. */
  #isAbove (own: number, factor: number): boolean {
    return own > loadLimit(factor, this.#weightShare, own + this.#othersPerSecond)
  }

  #decay (nowMs: number): void {
    this.#count *= Math.exp((this.#countedMs - nowMs) / this.#settings.loadWindowMs)
    this.#countedMs = nowMs
  }
}

/**
 * Gives each request to the first owner of its key that is below its limit, counted after every
 * request. A limit is rounded up, as in the paper: else a handful of requests would find no owner.
 *
 * @returns requests for each member. With one member a server none has more than
 *          `loadFactor * share + 1`; members that share a server take only what its first one on the
 *          walk takes, and a request that finds all of them full goes to its first owner
 */
export function assignBounded (requests: Iterable<ContentKey>, ring: Ring, loadFactor: number = boundedLoadDefaults.loadFactor): Map<PeerName, number> {
  const loads = new Map(ring.peers().map((peer) => [peer, 0]))
  let total = 0
  for (const key of requests) {
    total++
    const hasRoom = (peer: PeerName): boolean =>
      (loads.get(peer) ?? 0) < Math.ceil(loadLimit(loadFactor, ring.weightShare(peer), total))
    // Nearly every request stops within the first few; the whole walk is for when they are full.
    const owner = ring.owners(key, 3).find(hasRoom) ?? ring.owners(key, ring.size).find(hasRoom) ?? ring.owner(key)
    assert(owner !== undefined, 'requests need a ring with members')
    loads.set(owner, (loads.get(owner) ?? 0) + 1)
  }
  return loads
}
