/**
 * How a member finds the group that it belongs to; the leader's side is `admission.ts`. One without a log that counts knocks at
 * others until it is taken in. One that has a log, and hears of the leader of that group that it is missed, says that it is
 * there. And where two groups met, one of the younger knocks at the leader of the older: only when that has taken
 * it in, which needs the older group's majority, does it give up the younger. So a group that is dead dissolves no other.
 */
import { randomBytes } from 'node:crypto'
import type { Clock } from '../clock.ts'
import type { PeerName } from '../ids.ts'
import { isOlder } from './group-id.ts'
import type { GroupId } from './messages.ts'
import type { Note } from './notes.ts'

export interface EntranceInit {
  readonly slot: string
  readonly self: PeerName
  readonly clock: Clock
  readonly knockIntervalMs: number
  readonly peers: () => readonly PeerName[]
  readonly mayJoin: (peer: PeerName) => boolean
  /** The one whose log is here and trusted. */
  readonly group: () => GroupId | undefined
  readonly sendNote: (to: PeerName, note: Note) => void
  /** `leader` of `term` has taken this member in. */
  readonly onAdmitted: (group: GroupId, term: number, leader: PeerName) => void
}

export class Entrance {
  /** When somebody last spoke of a group in this slot. */
  heardAtMs = -Infinity
  readonly #init: EntranceInit
  #nonce = ''
  #stop: () => void = () => {}

  constructor (init: EntranceInit) { this.#init = init }

  /** Knocks until it is let in, at one after the other by chance. */
  wait (): void {
    const { clock, knockIntervalMs, peers, self } = this.#init
    this.#nonce = newNonce()
    const knock = (): void => {
      const others = peers().filter((peer) => peer !== self)
      const peer = others[Math.floor(clock.random() * others.length)]
      if (peer !== undefined) this.#knock(peer)
      this.#stop = clock.after(knockIntervalMs * (0.5 + clock.random()), knock)
    }
    this.#stop()
    this.#stop = clock.after(knockIntervalMs * clock.random(), knock)
  }

  /** It is in, or out of it all: no answer counts any more. */
  end (): void {
    this.#nonce = ''
    this.#stop()
  }

  /** @param note not a knock, which is for the leader, nor a leave */
  receive (note: Extract<Note, { kind: 'admit' | 'ask' | 'wait' | 'here' }>, from: PeerName): void {
    const { clock, mayJoin, group, onAdmitted } = this.#init
    if (!mayJoin(from)) return
    this.heardAtMs = clock.nowMs()
    const own = group()
    // Between being let in and being in.
    if (own === undefined && this.#nonce === '') return
    if (note.kind === 'here') {
      if (own !== undefined && isOlder(own, note.group)) {
        // It may never be called otherwise, where not every edge is a candidate.
        this.#init.sendNote(from, { kind: 'here', slot: this.#init.slot, group: own })
        return
      }
      if (own !== undefined && own !== note.group && this.#nonce === '') this.#nonce = newNonce()
      this.#knock(from)
    } else if (note.kind === 'ask') {
      // Nobody else is dialled on another's word.
      if ((own === undefined || this.#nonce !== '') && mayJoin(note.leader)) this.#knock(note.leader)
    } else if (note.kind === 'admit' && this.#nonce !== '' && note.nonce === this.#nonce && (own === undefined || isOlder(note.group, own))) {
      this.end()
      onAdmitted(note.group, note.term, from)
    }
  }

  #knock (peer: PeerName): void {
    const { slot, group, sendNote } = this.#init
    const own = group()
    sendNote(peer, { kind: 'knock', slot, nonce: this.#nonce === '' ? 'none' : this.#nonce, ...(own !== undefined && { group: own }) })
  }
}

function newNonce (): string { return randomBytes(16).toString('hex') }
