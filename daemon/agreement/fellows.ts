/**
 * Who could take part in a group (`reach.ts`), as this edge sees it: what membership says of each, since when, and what the
 * leader knows of its log. Kept on every edge, so that whoever leads next knows how long another has been silent.
 */
import type { Clock } from '../../protocols/clock.ts'
import type { PeerName } from '../../protocols/ids.ts'
import type { Membership } from '../../protocols/membership/service.ts'
import type { Fellow, Presence } from '../../protocols/raft/steward.ts'
import type { Status } from '../../protocols/raft/ready.ts'
import type { Reach } from './reach.ts'

export interface FellowsInit {
  readonly self: PeerName
  readonly reach: Reach
  readonly clock: Clock
  readonly membership: Pick<Membership, 'members' | 'member' | 'hasLeft'>
  /** A learner may lack so many entries and count as caught up. */
  readonly promotionLagMax: number
}

export class Fellows {
  readonly #init: FellowsInit
  /** Zones are remembered, as the dead tell of none. */
  readonly #seen = new Map<PeerName, { presence: Presence, sinceMs: number, zone: string | undefined }>()
  /** Since when those that are here have not answered the leader: a disk that failed, say. */
  readonly #muteSinceMs = new Map<PeerName, number>()
  /** Lives that said that they are about to end. */
  readonly #leavers = new Map<PeerName, number | undefined>()

  constructor (init: FellowsInit) { this.#init = init }

  /** Those that are here and stay. */
  here (): PeerName[] { return [...this.#seen].filter(([, { presence }]) => presence === 'here').map(([peer]) => peer) }

  /** How many would found the group before this edge; undefined where it is not among those who do. */
  rank (): number | undefined {
    const { membership, reach, self } = this.#init
    const order = [...reach.candidates(membership.members())].sort(reach.order).filter(({ peer }) => this.#seen.get(peer)?.presence === 'here')
    const rank = order.findIndex(({ peer }) => peer === self)
    return rank === -1 ? undefined : rank
  }

  isMember (peer: PeerName): boolean {
    const member = this.#init.membership.member(peer)
    return member !== undefined && this.#init.reach.includes(member)
  }

  /** It said that it will stop. */
  leaves (peer: PeerName): void {
    this.#leavers.set(peer, this.#init.membership.member(peer)?.incarnation)
  }

  /** @param configured everybody in the configuration. @returns who is here and was not before */
  update (configured: readonly PeerName[]): PeerName[] {
    const { clock, reach, membership } = this.#init
    const nowMs = clock.nowMs()
    const members = reach.candidates(membership.members()).map(({ peer }) => peer)
    const peers = new Set([...members, ...configured])
    for (const held of [this.#seen, this.#muteSinceMs, this.#leavers]) for (const peer of held.keys()) if (!peers.has(peer)) held.delete(peer)
    const came: PeerName[] = []
    for (const peer of peers) {
      const presence = this.#presenceOf(peer)
      const member = membership.member(peer)
      const seen = this.#seen.get(peer)
      const zone = member === undefined ? seen?.zone : reach.zoneOf(member)
      this.#seen.set(peer, { presence, zone, sinceMs: seen?.presence === presence ? seen.sinceMs : nowMs })
      if (seen?.presence === presence) continue
      if (presence === 'here') came.push(peer)
    }
    return came
  }

  /** As the leader sees them. Whoever does not answer it is silent in the group, whatever membership says. */
  view ({ progress, lastIndex, configuration }: Status): ReadonlyMap<PeerName, Fellow> {
    const { self, clock, membership, promotionLagMax, reach } = this.#init
    const { voters } = configuration ?? { voters: [] }
    // One vote a zone, where that is the rule: who learns beside a voter that is there is in reserve.
    const zoneOf = (peer: PeerName): string => this.#seen.get(peer)?.zone ?? peer
    const zones = new Set([...this.#seen].filter(([peer, { presence }]) => presence === 'here' || (presence === 'silent' && voters.includes(peer))).map(([peer]) => zoneOf(peer)))
    const taken = new Set(reach.isSpread?.(zones.size) === true ? voters.filter((peer) => this.#seen.get(peer)?.presence === 'here').map(zoneOf) : [])
    const known = new Map(progress.map((each) => [each.peer, each]))
    const nowMs = clock.nowMs()
    return new Map(Array.from(this.#seen, ([peer, { presence, sinceMs, zone }]) => {
      const member = membership.member(peer)
      const log = known.get(peer)
      const answers = peer === self || log?.active === true || log?.hasAnswered === true
      const isMute = presence === 'here' && log !== undefined && !answers
      if (!isMute) this.#muteSinceMs.delete(peer)
      else if (!this.#muteSinceMs.has(peer)) this.#muteSinceMs.set(peer, nowMs)
      return [peer, {
        peer, answers,
        presence: isMute ? 'silent' : presence,
        zone,
        since: member?.incarnation ?? Infinity,
        forMs: nowMs - (isMute ? this.#muteSinceMs.get(peer)! : sinceMs),
        caughtUp: peer === self || (log !== undefined && log.match > 0 && lastIndex - log.match <= promotionLagMax && (voters.includes(peer) || !taken.has(zoneOf(peer))))
      }]
    }))
  }

  #presenceOf (peer: PeerName): Presence {
    const { membership, reach } = this.#init
    const member = membership.member(peer)
    if (member === undefined) return membership.hasLeft(peer) ? 'left' : 'silent'
    if (!reach.includes(member)) return 'left'
    return member.draining || (this.#leavers.has(peer) && this.#leavers.get(peer) === member.incarnation) ? 'leaving' : 'here'
  }
}
