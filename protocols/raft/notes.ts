/**
 * What members say to each other about a group beside Raft's own messages: how one finds it, is taken in, and is let go.
 *
 *     knock   take me in. The nonce is new for every time that a log was found missing, so that an old answer does not
 *             count; `group` is the one whose log the sender has and trusts, if any
 *     admit   by a decision that is committed you are a learner of this group now; `term` is its leader's, who says this
 *     ask     not me: this one leads, as far as I know
 *     wait    I have a log of this group, and nobody leads it that I know of: do not found another
 *     here    I lead this group, and you take no part in it or do not answer; or, in answer to that: mine is older than yours
 *     leave   I am about to stop: let somebody else have my vote
 *
 * A `slot` is which of an edge's groups is meant (`region`, `global`): whoever knocks need not know the group's id.
 */
import type { Uint8ArrayList } from 'uint8arraylist'
import { WireError } from '../errors.ts'
import type { PeerName } from '../ids.ts'
import { decodeFrame, encodeFrame } from '../wire.ts'
import type { GroupId } from './messages.ts'

export type Note =
  | { readonly kind: 'knock', readonly slot: string, readonly nonce: string, readonly group?: GroupId }
  | { readonly kind: 'admit', readonly slot: string, readonly nonce: string, readonly group: GroupId, readonly term: number }
  | { readonly kind: 'ask', readonly slot: string, readonly leader: PeerName }
  | { readonly kind: 'wait' | 'here', readonly slot: string, readonly group: GroupId }
  | { readonly kind: 'leave', readonly slot: string }

const textMax = 128

export function encodeNote (note: Note): Uint8ArrayList { return encodeFrame(note) }

/** @throws WireError */
export function decodeNote (bytes: Uint8Array): Note {
  const { kind, slot, nonce, group, term, leader } = decodeFrame(bytes).head
  switch (kind) {
    case 'knock': return { kind, slot: text(slot), nonce: text(nonce), ...(group !== undefined && { group: text(group) }) }
    case 'ask': return { kind, slot: text(slot), leader: text(leader) }
    case 'wait':
    case 'here': return { kind, slot: text(slot), group: text(group) }
    case 'leave': return { kind, slot: text(slot) }
    case 'admit':
      if (Number.isSafeInteger(term) && (term as number) > 0) return { kind, slot: text(slot), nonce: text(nonce), group: text(group), term: term as number }
  }
  throw new WireError('a peer sent a note about a group that this version does not know')
}

function text (value: unknown): string {
  if (typeof value !== 'string' || value.length === 0 || value.length > textMax) throw new WireError(`a peer sent a note with a name that is not of 1 to ${textMax} characters`)
  return value
}
