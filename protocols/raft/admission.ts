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
 */
import type { PeerName } from '../ids.ts'
import type { Note } from './notes.ts'
import type { ConfigurationChange, GroupId } from './messages.ts'
import type { Proposed, Status } from './ready.ts'

export interface AdmissionInit {
  readonly slot: string
  readonly group: () => GroupId
  readonly mayJoin: (peer: PeerName) => boolean
  readonly status: () => Status
  readonly change: (change: ConfigurationChange) => Proposed
  /** Asks a learner whether it is there. */
  readonly attend: (peer: PeerName) => void
  readonly sendNote: (to: PeerName, note: Note) => void
}

interface Standing { readonly nonce: string, readonly term: number, addedAt: number | undefined, isTold: boolean }

/** The leader's side. */
export class Admission {
  readonly #init: AdmissionInit
  readonly #knocking = new Map<PeerName, Standing>()

  constructor (init: AdmissionInit) { this.#init = init }

  /** @param logOf the group whose log it has and trusts */
  knock (from: PeerName, nonce: string, logOf?: GroupId): void {
    const { slot, group, mayJoin, status, sendNote } = this.#init
    if (!mayJoin(from)) return
    const { role, leader, term } = status()
    if (role !== 'leader') {
      if (leader === undefined) sendNote(from, { kind: 'wait', slot, group: group() })
      else if (leader !== from) sendNote(from, { kind: 'ask', slot, leader })
      return
    }
    if (logOf === group()) {
      this.#takeBack(from)
      return
    }
    const known = this.#knocking.get(from)
    if (known?.nonce !== nonce || known.term !== term) this.#knocking.set(from, { nonce, term, addedAt: undefined, isTold: false })
    this.#advance(from)
  }

  /** It has its log: where it was taken out for its silence it comes in again, and is heard. */
  #takeBack (peer: PeerName): void {
    const { status, change, attend } = this.#init
    const { configuration: { voters, learners } } = status()
    if (!voters.includes(peer) && !learners.includes(peer)) change({ kind: 'add-learner', peer })
    attend(peer)
  }

  /** After entries were applied: the next step of those who wait. */
  advance (): void {
    if (this.#knocking.size === 0) return
    const { role, term } = this.#init.status()
    for (const [peer, standing] of this.#knocking) {
      if (role !== 'leader' || standing.term !== term) this.#knocking.delete(peer)
      else if (!standing.isTold) this.#advance(peer)
    }
  }

  #advance (peer: PeerName): void {
    const { slot, group, status, change, sendNote } = this.#init
    const standing = this.#knocking.get(peer)!
    const { configuration: { voters, learners }, applied, term } = status()
    if (standing.addedAt !== undefined) {
      if (applied < standing.addedAt) return
      // Once for each knock; kept until the next term, as whoever missed it knocks again under the same name.
      standing.isTold = true
      sendNote(peer, { kind: 'admit', slot, nonce: standing.nonce, group: group(), term })
    } else if (voters.includes(peer) || learners.includes(peer)) change({ kind: 'remove', peer })
    else {
      const proposed = change({ kind: 'add-learner', peer })
      if (proposed.kind === 'appended') standing.addedAt = proposed.index
    }
  }
}
