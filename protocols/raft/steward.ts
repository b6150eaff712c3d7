/**
 * Who votes in a group: given what its leader sees, the one change of configuration to make next, or none: of one voter, or of any number of learners. Pure; whoever
 * asks proposes what it says, waits until that is committed, and asks again (DESIGN.md, rules of agreement; Ongaro's thesis,
 * chapter 4 for changes by one server at a time). Newcomers come in as learners by `admission.ts`.
 *
 * - Five vote among eight or more, three among three or more, else one; everybody else learns. An even number bears no more
 *   failures than the odd one below it, so growth waits until it can reach the next odd number.
 * - Two edges have one voter. Without the learner the voter goes on alone. Without the voter nothing can be agreed until it is back;
 *   the learner serves on with what it knows. Two voters would stop whichever of them failed.
 * - Voters stand in as many zones as there are, then are those that vote already, then those that have lived longest.
 * - A silent voter keeps its seat until another has been promoted in its place. A leaving one is replaced where somebody can
 *   take its place at once, and given up where not. So failures never shrink a group, and leaving does.
 * - No change is made after which those that answer now would be no majority.
 */
import type { PeerName } from '../ids.ts'
import type { Configuration, ConfigurationChange } from './messages.ts'
import { majorityOf } from './quorum.ts'

export const stewardDefaults = Object.freeze({
  /** A member is given a vote only when it has been here for so long, ms. Lower: a flapping member changes the configuration more often. */
  settleMs: 5_000,
  /**
   * Silence after which a voter is replaced, ms. Longer than a restart takes. Higher: a group of three with a dead voter stands
   * on the other two for longer.
   */
  replaceMs: 60_000,
  /** Silence after which a learner is taken out, ms; it comes back by itself. Higher: the leader dials the dead for longer. */
  forgetMs: 3_600_000
})

export type StewardSettings = { readonly [K in keyof typeof stewardDefaults]: number }

/**
 * `here`: a live member. `leaving`: it said that it will stop. `silent`: it stopped without a word, or was never seen.
 * `left`: it took its leave, or belongs elsewhere now.
 */
export type Presence = 'here' | 'leaving' | 'silent' | 'left'

export interface Fellow {
  readonly peer: PeerName
  /** Of failure. Those without one share one. */
  readonly zone?: string | undefined
  /** When its present life began, by any clock that all leaders read alike: the longest known alive has the lowest. */
  readonly since: number
  readonly presence: Presence
  /** How long its presence has been so, ms. */
  readonly forMs: number
  /** Whether it answers the leader. The leader does. */
  readonly answers: boolean
  /** Whether it has what is committed, or nearly. */
  readonly caughtUp: boolean
}

export interface StewardView {
  /** The leader. */
  readonly self: PeerName
  /** The latest, committed or not. */
  readonly configuration: Configuration
  /** A change is in flight. */
  readonly changing: boolean
  /** How many should vote, where that is not for their number to say (`votersAmong`). */
  readonly target?: number
  /** Every live member and everybody in the configuration; of whom nothing is said counts as just gone silent. */
  readonly fellows: ReadonlyMap<PeerName, Fellow>
}

/** How many vote among `count` members. */
export function votersAmong (count: number): number {
  if (count >= 8) return 5
  return count >= 3 ? 3 : 1
}

/** @returns the change to propose now; undefined where all is as it should be, or cannot be made so yet */
export function nextChange (view: StewardView, settings: StewardSettings): ConfigurationChange | undefined {
  if (view.changing) return undefined
  const { self, configuration: { voters, learners } } = view
  const fellow = (peer: PeerName): Fellow => fellowOf(view, peer)
  const isSafe = (next: readonly PeerName[]): boolean => next.filter((peer) => fellow(peer).answers).length >= majorityOf(next.length)

  const seats = wantedVoters(view, settings)
  const raised = seats.find((peer) => !voters.includes(peer))
  if (raised !== undefined) return isSafe([...voters, raised]) ? { kind: 'promote', peers: [raised] } : undefined
  const surplus = seats.length === 0 ? [] : voters.filter((peer) => !seats.includes(peer))
  // Whoever is gone first, oneself last: a leader that gives up its vote gives up the lead.
  const order: Presence[] = ['left', 'leaving', 'silent', 'here']
  const rank = (peer: PeerName): number => peer === self ? order.length : order.indexOf(fellow(peer).presence)
  const dropped = surplus.sort((one, other) => rank(one) - rank(other)).find((peer) => isSafe(voters.filter((each) => each !== peer)))
  // Whoever is still there goes on as a learner, and so hears that it has no vote any more.
  if (dropped !== undefined) return { kind: fellow(dropped).presence === 'left' ? 'remove' : 'demote', peers: [dropped] }

  const gone = [...learners.filter((peer) => fellow(peer).presence === 'left'), ...forgotten(view, settings)]
  return gone.length === 0 ? undefined : { kind: 'remove', peers: gone }
}

/** Who should vote, of those that can now. Empty when nobody stays: then all is left as it is. */
export function wantedVoters (view: StewardView, { settleMs, replaceMs }: StewardSettings): PeerName[] {
  const { self, configuration: { voters, learners } } = view
  const votes = (peer: PeerName): boolean => voters.includes(peer)
  const staying = [...voters, ...learners].map((peer) => fellowOf(view, peer)).filter(({ presence }) => presence === 'here' || presence === 'silent')
  const target = view.target ?? votersAmong(sizeOf(view))
  const order = (one: Fellow, other: Fellow): number =>
    Number(other.peer === self) - Number(one.peer === self) ||
    Number(votes(other.peer)) - Number(votes(one.peer)) ||
    Number(other.answers) - Number(one.answers) ||
    one.since - other.since || (one.peer < other.peer ? -1 : 1)

  const dead = ({ presence, forMs }: Fellow): boolean => presence === 'silent' && forMs >= replaceMs
  // A leader that goes hands over to whoever is there.
  const knownMs = fellowOf(view, self).presence === 'leaving' ? 0 : settleMs
  const ready = ({ presence, forMs, answers, caughtUp }: Fellow): boolean => presence === 'here' && forMs >= knownMs && answers && caughtUp
  const able = staying.filter((fellow) => votes(fellow.peer) ? !dead(fellow) : ready(fellow)).sort(order)
  const chosen = spread(able, target)
  const spare = staying.filter((fellow) => votes(fellow.peer) && dead(fellow)).sort(order)
  const seats = [...chosen, ...spare.slice(0, target - chosen.length)].map(({ peer }) => peer)
  const newcomer = seats.findLastIndex((peer) => !votes(peer))
  if (seats.length % 2 === 0 && newcomer !== -1) seats.splice(newcomer, 1)
  return seats
}

/** Members that stay: those here, and those of the configuration that are only silent, so that no failure makes the group smaller. */
function sizeOf ({ configuration: { voters, learners }, fellows }: StewardView): number {
  const staying = [...voters, ...learners].filter((peer) => ['silent', undefined].includes(fellows.get(peer)?.presence))
  return staying.length + [...fellows.values()].filter(({ presence }) => presence === 'here').length
}

/** Learners that are silent for ever: as many as may go without fewer having to vote. */
function forgotten (view: StewardView, { forgetMs }: StewardSettings): PeerName[] {
  const silent = view.configuration.learners.map((peer) => fellowOf(view, peer)).filter(({ presence, forMs }) => presence === 'silent' && forMs >= forgetMs)
  const size = sizeOf(view)
  return silent.filter((_, at) => votersAmong(size - at - 1) === votersAmong(size)).map(({ peer }) => peer)
}

/** The first `count` of `fellows`, those of zones with the fewest chosen before the others. */
function spread (fellows: readonly Fellow[], count: number): Fellow[] {
  const left = [...fellows]
  const chosen: Fellow[] = []
  const inZone = new Map<string, number>()
  const taken = ({ zone = '' }: Fellow): number => inZone.get(zone) ?? 0
  while (chosen.length < count && left.length > 0) {
    const least = Math.min(...left.map(taken))
    const [next] = left.splice(left.findIndex((fellow) => taken(fellow) === least), 1)
    chosen.push(next!)
    inZone.set(next!.zone ?? '', taken(next!) + 1)
  }
  return chosen
}

function fellowOf ({ self, fellows }: StewardView, peer: PeerName): Fellow {
  return fellows.get(peer) ?? { peer, since: Infinity, presence: 'silent', forMs: 0, answers: peer === self, caughtUp: false }
}
