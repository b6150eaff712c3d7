/**
 * Who could take part in the region's group, as this edge sees it: what membership says of each, since when, and what the
 * leader knows of its log. Kept on every edge, so that whoever leads next knows how long another has been silent.
 */
import type { Clock } from '../../protocols/clock.ts'
import type { PeerName, Region } from '../../protocols/ids.ts'
import type { Membership } from '../../protocols/membership/service.ts'
import type { Fellow, Presence } from '../../protocols/raft/steward.ts'
import type { Status } from '../../protocols/raft/ready.ts'

export interface FellowsInit {
  readonly self: PeerName
  readonly region: Region
  readonly clock: Clock
  readonly membership: Pick<Membership, 'members' | 'member' | 'hasLeft'>
  /** A learner may lack so many entries and count as caught up. */
  readonly promotionLagMax: number
}

export class Fellows {
  readonly #init: FellowsInit
  readonly #seen = new Map<PeerName, { presence: Presence, sinceMs: number }>()
  /** Since when those that are here have not answered the leader: a disk that failed, say. */
  readonly #muteSinceMs = new Map<PeerName, number>()
  /** Lives that said that they are about to end. */
  readonly #leavers = new Map<PeerName, number | undefined>()

  constructor (init: FellowsInit) { this.#init = init }

  /** Members of the region that are here and stay. */
  here (): PeerName[] { return [...this.#seen].filter(([, { presence }]) => presence === 'here').map(([peer]) => peer) }

  isMember (peer: PeerName): boolean { return this.#init.membership.member(peer)?.region === this.#init.region }

  /** It said that it will stop. */
  leaves (peer: PeerName): void {
    this.#leavers.set(peer, this.#init.membership.member(peer)?.incarnation)
  }

  /** @param configured everybody in the configuration. @returns who is here and was not before */
  update (configured: readonly PeerName[]): PeerName[] {
    const { clock, region, membership } = this.#init
    const nowMs = clock.nowMs()
    const members = membership.members().filter((member) => member.region === region).map(({ peer }) => peer)
    const peers = new Set([...members, ...configured])
    for (const held of [this.#seen, this.#muteSinceMs, this.#leavers]) for (const peer of held.keys()) if (!peers.has(peer)) held.delete(peer)
    const came: PeerName[] = []
    for (const peer of peers) {
      const presence = this.#presenceOf(peer)
      if (this.#seen.get(peer)?.presence === presence) continue
      this.#seen.set(peer, { presence, sinceMs: nowMs })
      if (presence === 'here') came.push(peer)
    }
    return came
  }

  /** As the leader sees them. Whoever does not answer it is silent in the group, whatever membership says. */
  view ({ progress, lastIndex }: Status): ReadonlyMap<PeerName, Fellow> {
    const { self, clock, membership, promotionLagMax } = this.#init
    const known = new Map(progress.map((each) => [each.peer, each]))
    const nowMs = clock.nowMs()
    return new Map(Array.from(this.#seen, ([peer, { presence, sinceMs }]) => {
      const member = membership.member(peer)
      const log = known.get(peer)
      const answers = peer === self || log?.active === true || log?.hasAnswered === true
      const isMute = presence === 'here' && log !== undefined && !answers
      if (!isMute) this.#muteSinceMs.delete(peer)
      else if (!this.#muteSinceMs.has(peer)) this.#muteSinceMs.set(peer, nowMs)
      return [peer, {
        peer, answers,
        presence: isMute ? 'silent' : presence,
        zone: member?.zone,
        since: member?.incarnation ?? Infinity,
        forMs: nowMs - (isMute ? this.#muteSinceMs.get(peer)! : sinceMs),
        caughtUp: peer === self || (log !== undefined && log.match > 0 && lastIndex - log.match <= promotionLagMax)
      }]
    }))
  }

  #presenceOf (peer: PeerName): Presence {
    const { membership, region } = this.#init
    const member = membership.member(peer)
    if (member === undefined) return membership.hasLeft(peer) ? 'left' : 'silent'
    if (member.region !== region) return 'left'
    return member.draining || (this.#leavers.has(peer) && this.#leavers.get(peer) === member.incarnation) ? 'leaving' : 'here'
  }
}
