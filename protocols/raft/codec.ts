/**
 * Messages as bytes: a frame of `protocols/wire.ts`, whose head holds the numbers and whose payload holds what the host
 * put in. All of it comes from a peer: every field is bounded before it is used, unknown fields are skipped, and an
 * entry's place is counted from the one before it, so that a list with gaps cannot be said at all. Who sent it and to whom
 * is known from the link and stands in no byte.
 */
import type { Uint8ArrayList } from 'uint8arraylist'
import { WireError } from '../errors.ts'
import { decodeFrame, encodeFrame, headBytesMax } from '../wire.ts'
import { decodeConfiguration, encodeConfiguration } from './configuration.ts'
import { EntryKind, Refusal, type Entry, type Message, type Snapshot } from './messages.ts'
import type { PeerName } from '../ids.ts'
import type { RaftSettings } from './settings.ts'

/** Bound of what is decoded, whatever the settings of the sender: their numbers fit into a head. */
export const entriesPerMessageMax = 2_048
export const contextMax = 128
const groupMax = 64
/** A configuration in a snapshot: its names at their longest. */
const memberBytesMax = 132

type Head = Readonly<Record<string, unknown>>
const refusals: readonly unknown[] = Object.values(Refusal)
const entryKinds: readonly unknown[] = Object.values(EntryKind)
const none = new Uint8Array(0)

/** The largest frame that `decodeMessage` has a use for, bytes: what a length prefix may say at most. */
export function messageBytesMax ({ appendBytesMax, proposalBytesMax, snapshotBytesMax, membersMax }: RaftSettings): number {
  return 4 + headBytesMax + Math.max(appendBytesMax, proposalBytesMax, snapshotBytesMax + membersMax * memberBytesMax)
}

export function encodeMessage ({ from, to, ...message }: Message): Uint8ArrayList {
  switch (message.kind) {
    case 'append': {
      const { entries, ...head } = message
      return encodeFrame({ ...head, entries: entries.flatMap(({ term, kind, data }) => [term, kind, data.byteLength]) }, Buffer.concat(entries.map(({ data }) => data)))
    }
    case 'snapshot': {
      const { snapshot: { configuration, data, ...place }, ...head } = message
      const members = encodeConfiguration(configuration)
      return encodeFrame({ ...head, ...place, snapshotTerm: place.term, term: head.term, members: members.byteLength }, Buffer.concat([members, data]))
    }
    case 'proposal': {
      const { data, ...head } = message
      return encodeFrame(head, data)
    }
    default: return encodeFrame(message)
  }
}

/** @throws WireError for anything malformed, and for kinds that this version does not know */
export function decodeMessage (frame: Uint8ArrayList | Uint8Array, link: { readonly from: PeerName, readonly to: PeerName }, settings: RaftSettings): Message {
  const { head, payload } = decodeFrame(frame)
  const { from, to } = link
  const envelope = { group: text(head, 'group', 1, groupMax), from, to, term: integer(head, 'term') }
  const { kind } = head
  switch (kind) {
    case 'pre-vote':
    case 'vote':
      return { ...envelope, kind, lastIndex: integer(head, 'lastIndex'), lastTerm: integer(head, 'lastTerm'), transfer: flag(head, 'transfer') }
    case 'pre-vote-answer':
    case 'vote-answer':
      return { ...envelope, kind, granted: flag(head, 'granted') }
    case 'append': {
      const prevIndex = integer(head, 'prevIndex')
      return { ...envelope, kind, prevIndex, prevTerm: integer(head, 'prevTerm'), entries: entriesOf(head, payload, prevIndex, settings), commit: integer(head, 'commit') }
    }
    case 'append-answer':
      return { ...envelope, kind, index: integer(head, 'index'), rejected: flag(head, 'rejected'), hintIndex: integer(head, 'hintIndex'), hintTerm: integer(head, 'hintTerm') }
    case 'heartbeat':
      return { ...envelope, kind, round: integer(head, 'round'), commit: integer(head, 'commit') }
    case 'heartbeat-answer':
    case 'timeout-now':
      return { ...envelope, kind, round: integer(head, 'round'), life: integer(head, 'life') }
    case 'snapshot':
      return { ...envelope, kind, snapshot: snapshotOf(head, payload, settings) }
    case 'proposal':
      if (payload.byteLength > settings.proposalBytesMax) throw new WireError(`a peer proposed ${payload.byteLength} bytes; at most ${settings.proposalBytesMax} are taken`)
      return { ...envelope, kind, context: text(head, 'context', 0, contextMax), data: payload }
    case 'read':
      return { ...envelope, kind, context: text(head, 'context', 0, contextMax), lease: flag(head, 'lease') }
    case 'proposal-answer':
    case 'read-answer':
      return { ...envelope, kind, context: text(head, 'context', 0, contextMax), index: integer(head, 'index'), refusal: refusalOf(head) }
    default: throw new WireError('a peer sent a Raft message of a kind that nobody knows')
  }
}

function entriesOf (head: Head, payload: Uint8Array, prevIndex: number, { appendBytesMax, proposalBytesMax }: RaftSettings): Entry[] {
  const numbers = head.entries
  if (!Array.isArray(numbers) || numbers.length % 3 !== 0 || numbers.length > 3 * entriesPerMessageMax) throw new WireError(`a peer sent entries that are not a list of at most ${entriesPerMessageMax}`)
  if (payload.byteLength > Math.max(appendBytesMax, proposalBytesMax)) throw new WireError(`a peer sent entries of ${payload.byteLength} bytes`)
  if (prevIndex + numbers.length / 3 > Number.MAX_SAFE_INTEGER) throw new WireError('a peer sent entries past the last place that can be counted')
  const entries: Entry[] = []
  let start = 0
  for (let at = 0; at < numbers.length; at += 3) {
    const [term, kind, length] = numbers.slice(at, at + 3) as [unknown, unknown, unknown]
    if (!isCount(term) || !isCount(length) || !entryKinds.includes(kind) || start + length > payload.byteLength) throw new WireError('a peer sent an entry without a term, a known kind, or data')
    entries.push({ index: prevIndex + 1 + at / 3, term, kind: kind as EntryKind, data: length === 0 ? none : payload.subarray(start, start + length) })
    start += length
  }
  if (start !== payload.byteLength) throw new WireError('a peer sent data that belongs to no entry')
  return entries
}

function snapshotOf (head: Head, payload: Uint8Array, { snapshotBytesMax, membersMax }: RaftSettings): Snapshot {
  const members = integer(head, 'members')
  if (members > payload.byteLength || payload.byteLength - members > snapshotBytesMax) throw new WireError(`a peer sent a snapshot of ${payload.byteLength} bytes`)
  return {
    index: integer(head, 'index'),
    term: integer(head, 'snapshotTerm'),
    configuration: decodeConfiguration(payload.subarray(0, members), membersMax),
    data: payload.subarray(members)
  }
}

function isCount (value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0
}

function integer (head: Head, name: string): number {
  const value = head[name]
  if (!isCount(value)) throw new WireError(`a peer sent ${name} outside 0 to 2^53 - 1`)
  return value
}

function flag (head: Head, name: string): boolean {
  const value = head[name]
  if (typeof value !== 'boolean') throw new WireError(`a peer sent ${name} that is neither true nor false`)
  return value
}

function text (head: Head, name: string, min: number, max: number): string {
  const value = head[name]
  if (typeof value !== 'string' || value.length < min || value.length > max) throw new WireError(`a peer sent ${name} that is not a text of ${min} to ${max} characters`)
  return value
}

function refusalOf (head: Head): Refusal | undefined {
  if (head.refusal === undefined) return undefined
  if (!refusals.includes(head.refusal)) throw new WireError('a peer refused for a reason that nobody knows')
  return head.refusal as Refusal
}
