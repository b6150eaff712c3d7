/**
 * Where objects belong, now and for good. Writes and reads go by the members that are here (`replicas`); repair goes by
 * those that are here or were until a while ago (`settled`), so that an edge that restarts finds its place
 * kept and nothing is copied on its behalf. Time is a parameter: `nextChangeMs` tells when `settled` changes by itself.
 */
import { Locate, type LocateMember } from '../locate/locate.ts'
import type { RingSettings } from '../locate/ring.ts'
import type { ContentKey, PeerName } from '../ids.ts'
import { replicas, type Ground } from './replicas.ts'

export interface PlacementInit {
  readonly repairDelayMs: number
  readonly ring?: RingSettings
}

export class Placement {
  readonly #init: PlacementInit
  readonly #here: Locate
  readonly #settled: Locate
  #members: ReadonlyMap<PeerName, LocateMember> = new Map()
  /** Those that went, with the moment when it was noticed. */
  readonly #gone = new Map<PeerName, { readonly member: LocateMember, readonly goneAtMs: number }>()

  constructor (init: PlacementInit) {
    this.#init = init
    // Both are asked with a region each time.
    this.#here = new Locate({ region: '', settings: init.ring })
    this.#settled = new Locate({ region: '', settings: init.ring })
  }

  /** @param members those that own keys, this edge among them; one that drains counts as gone */
  update (members: readonly LocateMember[], nowMs: number): void {
    const next = new Map(members.map((member) => [member.peer, member]))
    for (const [peer, member] of this.#members) if (!next.has(peer)) this.#gone.set(peer, { member, goneAtMs: nowMs })
    for (const peer of next.keys()) this.#gone.delete(peer)
    this.#members = next
    this.#here.update(members)
    this.tick(nowMs)
  }

  /** Gives up those that have been gone for long enough. */
  tick (nowMs: number): void {
    for (const [peer, { goneAtMs }] of this.#gone) {
      if (nowMs - goneAtMs >= this.#init.repairDelayMs) this.#gone.delete(peer)
    }
    this.#settled.update([...this.#members.values(), ...Array.from(this.#gone.values(), ({ member }) => member)])
  }

  /** When the next gone edge is given up, ms; Infinity while none is gone. */
  nextChangeMs (): number {
    return Array.from(this.#gone.values()).reduce((next, { goneAtMs }) => Math.min(next, goneAtMs + this.#init.repairDelayMs), Infinity)
  }

  isHere (peer: PeerName): boolean { return this.#members.has(peer) }

  /** How many edges there are to hold anything. */
  get size (): number { return this.#members.size }

  /** Edges that are to hold `key`, of those that are here. */
  replicas (key: ContentKey, n: number): PeerName[] { return replicas(this.#ground(this.#here), key, n) }

  /** The same, of those that are here or went less than `repairDelayMs` ago. */
  settled (key: ContentKey, n: number): PeerName[] { return replicas(this.#ground(this.#settled), key, n) }

  /** What fails together with this edge: its region and zone. */
  placeOf (peer: PeerName): { readonly region: string, readonly zone?: string | undefined } | undefined {
    return this.#members.get(peer) ?? this.#gone.get(peer)?.member
  }

  #ground (locate: Locate): Ground {
    return {
      homeRegions: (key) => locate.homeRegions(key),
      owners: (key, n, region) => locate.owners(key, n, region),
      zoneOf: (peer) => this.placeOf(peer)?.zone
    }
  }
}
