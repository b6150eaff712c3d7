/**
 * Who may be a member at all, where operators agreed on a list (`peers.allowed`). Whoever is not on it is forgotten as if it had
 * never been heard of, loses its links, and is refused at the door (the connection gater of daemon/node.ts); so no protocol
 * answers it. Nothing that others say of it is taken (`Members.standing`). Let in again it is a newcomer like any other: those
 * that shut its link, or heard it knock, dial it.
 */
import type { Members } from './members.ts'
import type { MembershipComponents } from './ports.ts'
import type { MembershipSettings } from './settings.ts'
import type { Clock } from '../clock.ts'
import type { PeerName } from '../ids.ts'

export interface AllowedInit {
  readonly self: PeerName
  readonly clock: Clock
  readonly settings: Pick<MembershipSettings, 'goneMax'>
  readonly members: Pick<Members, 'dropStrangers'>
  readonly connectionManager: Pick<MembershipComponents['connectionManager'], 'getConnections'>
  /** Tries once to link to a peer. */
  readonly dial: (peer: PeerName) => void
  readonly warn: (message: string) => void
}

export class Allowed {
  readonly #init: AllowedInit
  /** Empty: everybody. */
  #peers: ReadonlySet<PeerName> = new Set()
  /** Told of in the log, once each; bounded, as whoever has the network key can make identities without end. */
  readonly #turnedAway = new Set<PeerName>()

  constructor (init: AllowedInit) { this.#init = init }

  /** The edge itself always is. */
  has (peer: PeerName): boolean {
    return this.#peers.size === 0 || this.#peers.has(peer) || peer === this.#init.self
  }

  /** The same for a peer that a link leads to, or is to lead to: it is remembered when it is refused. */
  admits (peer: PeerName): boolean {
    if (this.has(peer)) return true
    const { settings: { goneMax }, warn } = this.#init
    if (this.#turnedAway.has(peer) || this.#turnedAway.size >= goneMax) return false
    this.#turnedAway.add(peer)
    warn(`shuts out peer ${peer}: it is not in peers.allowed`)
    return false
  }

  /** Puts a list in the place of the one before. The same again changes nothing. @param peers empty: whoever has the network key */
  replace (peers: readonly PeerName[]): void {
    const { self, clock, members, connectionManager, dial, warn } = this.#init
    const next = new Set(peers)
    if (next.symmetricDifference(this.#peers).size === 0) return
    const wasListed = this.#peers.size === 0 || this.#peers.has(self)
    this.#peers = next
    members.dropStrangers(clock.nowMs())
    for (const connection of connectionManager.getConnections()) {
      if (!this.admits(connection.remotePeer.toString())) connection.abort(new Error('it is not among the allowed peers'))
    }
    if (wasListed && next.size > 0 && !next.has(self)) warn('this edge is not in peers.allowed: others shut it out, and it serves alone')
    for (const peer of [...this.#turnedAway].filter((each) => this.has(each))) {
      this.#turnedAway.delete(peer)
      dial(peer)
    }
  }
}
