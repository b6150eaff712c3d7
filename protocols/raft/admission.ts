/**
 * How a member without a log that counts comes (back) into a group: a newcomer, a data folder that was emptied, a log that
 * cannot be trusted. Until it is taken in it hears nothing of the group and says nothing, as it may have forgotten votes and
 * acknowledgements that others rely on. It knocks; the leader takes it out of the configuration, where it stands in it,
 * and in again as a learner, and says so once that is committed.
 *
 * Why that is safe: what the member had promised counts for majorities of the old configuration only, and the change that takes it
 * out needs a majority of the new one, every server of which holds all that was committed with the lost
 * acknowledgements, or it does not come about. A candidate that still holds a forgotten vote lacks that entry, so no other of that
 * majority votes for it (Ongaro and Ousterhout 2014, section 5.4.1). The newcomer begins with the leader's term and a vote for
 * the leader in it, which contradicts nothing.
 *
 * Every change is an entry that each member writes and syncs, so knocks are gathered for a moment and answered by one change for
 * all: an entry for each of n edges that start together would be n * n synced writes.
 */
import type { Clock } from '../clock.ts'
import type { PeerName } from '../ids.ts'
import type { Note } from './notes.ts'
import type { ConfigurationChange, GroupId } from './messages.ts'
import type { Proposed, Status } from './ready.ts'

export interface AdmissionInit {
  readonly slot: string
  readonly clock: Clock
  /** How long knocks are gathered, ms. */
  readonly gatherMs: number
  readonly group: () => GroupId
  readonly mayJoin: (peer: PeerName) => boolean
  readonly status: () => Status
  readonly change: (change: ConfigurationChange) => Proposed
  /** Asks a learner whether it is there. */
  readonly attend: (peer: PeerName) => void
  readonly sendNote: (to: PeerName, note: Note) => void
}

/** `addedAt`: where the entry stands that takes it in. */
interface Knock { readonly nonce: string, addedAt: number | undefined }

/** The leader's side. */
export class Admission {
  readonly #init: AdmissionInit
  /** In which all below was heard: another leadership begins with nothing. */
  #term = 0
  readonly #knocking = new Map<PeerName, Knock>()
  /** Who has its log: where it was taken out for its silence it comes in again, and is heard. */
  readonly #returning = new Set<PeerName>()
  /** The nonces of those who were told that they are in, as whoever missed it knocks again under the same. */
  readonly #told = new Map<PeerName, string>()
  #cancel: (() => void) | undefined

  constructor (init: AdmissionInit) { this.#init = init }

  /** @param logOf the group whose log it has and trusts */
  knock (from: PeerName, nonce: string, logOf?: GroupId): void {
    const { slot, clock, gatherMs, group, mayJoin, status, sendNote } = this.#init
    if (!mayJoin(from)) return
    const { role, leader, term } = status()
    if (role !== 'leader') {
      if (leader === undefined) sendNote(from, { kind: 'wait', slot, group: group() })
      else if (leader !== from) sendNote(from, { kind: 'ask', slot, leader })
      return
    }
    if (term !== this.#term) this.end()
    this.#term = term
    if (logOf === group()) {
      this.#knocking.delete(from)
      this.#returning.add(from)
    } else if (this.#told.get(from) === nonce) {
      this.#tell(from, nonce)
      return
    } else if (this.#knocking.get(from)?.nonce !== nonce) this.#knocking.set(from, { nonce, addedAt: undefined })
    this.#cancel ??= clock.after(gatherMs, () => {
      this.#cancel = undefined
      this.advance()
    })
  }

  /** After entries were applied: the next step of those who wait. */
  advance (): void {
    if (this.#knocking.size + this.#returning.size === 0) return
    const { role, term, applied } = this.#init.status()
    if (role !== 'leader' || term !== this.#term) {
      this.end()
      return
    }
    for (const [peer, { nonce, addedAt }] of this.#knocking) {
      if (addedAt === undefined || applied < addedAt) continue
      this.#knocking.delete(peer)
      this.#tell(peer, nonce)
    }
    // More may come: all of them share an entry.
    if (this.#cancel === undefined) this.#change()
  }

  /** Nobody waits any more: the leadership or this member's part in the group is over. */
  end (): void {
    this.#cancel?.()
    this.#cancel = undefined
    this.#knocking.clear()
    this.#returning.clear()
    this.#told.clear()
  }

  /** One change at a time can be under way; `advance` comes back for the others. */
  #change (): void {
    const { status, change, attend, mayJoin } = this.#init
    const { configuration: { voters, learners } } = status()
    const isIn = (peer: PeerName): boolean => voters.includes(peer) || learners.includes(peer)
    for (const peers of [this.#knocking, this.#returning]) for (const peer of peers.keys()) if (!mayJoin(peer)) peers.delete(peer)
    const waiting = [...this.#knocking].filter(([, { addedAt }]) => addedAt === undefined).map(([peer]) => peer)

    // Whose log is lost goes out first; of voters one at a time.
    const lost = [...waiting.filter((peer) => learners.includes(peer)), ...waiting.filter((peer) => voters.includes(peer)).slice(0, 1)]
    if (lost.length > 0 && change({ kind: 'remove', peers: lost }).kind === 'appended') return
    const fresh = [...new Set([...waiting, ...this.#returning])].filter((peer) => !isIn(peer))
    const added = fresh.length === 0 ? undefined : change({ kind: 'add-learner', peers: fresh })
    const addedAt = added?.kind === 'appended' ? added.index : undefined
    for (const peer of fresh) {
      const knock = this.#knocking.get(peer)
      if (knock !== undefined) knock.addedAt = addedAt
    }
    for (const peer of this.#returning) {
      if (!isIn(peer) && addedAt === undefined) continue
      this.#returning.delete(peer)
      attend(peer)
    }
  }

  #tell (peer: PeerName, nonce: string): void {
    const { slot, group, mayJoin, sendNote } = this.#init
    for (const each of this.#told.keys()) if (!mayJoin(each)) this.#told.delete(each)
    this.#told.set(peer, nonce)
    sendNote(peer, { kind: 'admit', slot, nonce, group: group(), term: this.#term })
  }
}
