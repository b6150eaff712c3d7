/**
 * Linked peers that speak the exchange protocol, and with which of them lists are worth exchanging: with the first few
 * links of a newcomer, and later with who knows what was missed here. Each exchange is the whole list's versions,
 * so none is made with a member that has nothing new to tell.
 */
import { pick } from './choice.ts'
import type { Member } from './announcement.ts'
import type { PeerName } from '../ids.ts'
import type { MembershipSettings } from './settings.ts'
import type { PeerId } from '@libp2p/interface'

export interface SpeakersInit {
  readonly settings: Pick<MembershipSettings, 'firstExchanges' | 'antiEntropyFirstMs' | 'antiEntropyIntervalMs'>
  readonly self: () => Member
  readonly member: (peer: PeerName) => Member | undefined
}

export class Speakers {
  readonly #init: SpeakersInit
  readonly #peers = new Map<PeerName, PeerId>()
  /** Who said since the last exchange that it knows what was missed here. */
  readonly #tellers = new Set<PeerName>()

  #pauseMs: number

  constructor (init: SpeakersInit) {
    this.#init = init
    this.#pauseMs = init.settings.antiEntropyIntervalMs
  }

  get size (): number { return this.#peers.size }
  values (): Iterable<PeerId> { return this.#peers.values() }

  /**
   * @returns whether lists are to be exchanged over this link: an edge that hears from several others already has nothing to
   *   learn from a member, which has long heard of it. But what its region's edges said before the first link
   *   between any two of them went by.
   */
  add (peer: PeerId): boolean {
    const name = peer.toString()
    if (this.#peers.size === 0) this.#pauseMs = this.#init.settings.antiEntropyFirstMs
    const isNews = this.#peers.size < this.#init.settings.firstExchanges || this.#init.member(name) === undefined ||
      (this.#isFellow(name) && ![...this.#peers.keys()].some((other) => this.#isFellow(other)))
    this.#peers.set(name, peer)
    return isNews
  }

  delete (peer: PeerName): void {
    this.#peers.delete(peer)
    this.#tellers.delete(peer)
  }

  clear (): void {
    this.#peers.clear()
    this.#tellers.clear()
  }

  /** It knows of an announcement that is not held here. */
  tells (peer: PeerName): void {
    if (this.#peers.has(peer)) this.#tellers.add(peer)
  }

  /** @returns with whom to exchange lists next: one that knows more where there is any */
  next (chance: number): PeerId | undefined {
    const names = this.#tellers.size > 0 ? this.#tellers : this.#peers.keys()
    const all = [...names]
    this.#tellers.clear()
    return all.length === 0 ? undefined : this.#peers.get(pick(all, chance))
  }

  /** @returns ms until lists are exchanged again, whoever seems to know more or not: twice as long each time since the first link */
  pauseMs (chance: number): number {
    const pauseMs = this.#pauseMs
    this.#pauseMs = Math.min(this.#init.settings.antiEntropyIntervalMs, 2 * pauseMs)
    return pauseMs * (0.5 + chance)
  }

  #isFellow (peer: PeerName): boolean { return this.#init.member(peer)?.region === this.#init.self().region }
}
