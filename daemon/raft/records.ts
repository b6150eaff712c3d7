/**
 * The records of one group's log, and the judgement of what is found of them after a crash: pure, so that every damage
 * can be tried. Each write of the store is one batch with a number; its `head` record says what the log is after it, so the
 * head of the last batch vouches for everything else.
 *
 *     head      checksum | CBOR: sequence, hard state, group, base (what stands before the first entry), last index,
 *               first index that this batch wrote, the snapshot's checksum
 *     snapshot  checksum | CBOR
 *     entry     chain | sequence | term | kind | data         chain = CRC-32 over all entries up to this one
 *
 * The chain runs through the log (as etcd's rolling checksum does), so a lost middle batch shows even where
 * indexes and terms happen to fit together.
 *
 * What can be told from what (Alagappan et al. 2018, "Protocol-Aware Recovery for Consensus-Based Storage"): a batch that
 * was never acknowledged may be lost without harm, an acknowledged one not, and the log alone cannot tell which the last
 * one was. So the number of the last acknowledged batch also stands outside the database (`witness.ts`).
 *
 * - An unfinished last batch: the database leaves it out as a whole. Nothing was promised: `whole`.
 * - The head is older than the witness, or gone: acknowledged writes are lost (a disk that lied about syncing, a log file
 *   cut by hand or by a repair, a folder emptied): `untrusted`.
 * - A record does not fit its checksum, or is missing: `untrusted`, unless it is of the last batch, the witness is
 *   exact and says that this batch was never acknowledged: then the log is cut before it.
 * - The witness is gone: something removed files here: `untrusted`.
 * - A whole folder put back from an older copy, witness and all, looks whole: nothing on this disk can tell.
 */
import { crc32 } from 'node:zlib'
import { decodeHead, encodeHead } from '../../protocols/wire.ts'
import type { Opened, Soundness } from '../../protocols/raft/store.ts'
import type { Entry, EntryKind, HardState, Snapshot } from '../../protocols/raft/messages.ts'
import type { Witnessed } from './witness.ts'

export interface Base { readonly index: number, readonly term: number, readonly chain: number }

export interface Head {
  /** Number of the batch. */
  readonly sequence: number
  readonly hardState: HardState
  readonly groupId: string | undefined
  readonly base: Base
  readonly last: number
  /** Entries from here on were written by this batch; `last + 1` when it wrote none. */
  readonly fresh: number
  /** 0 without a snapshot. */
  readonly snapshotIndex: number
  readonly snapshotChecksum: number
  /** Why this store is not to be trusted, until the group takes the member in again. */
  readonly untrusted: string | undefined
}

export interface ChainedEntry extends Entry { readonly chain: number, readonly sequence: number }

export const noBase: Base = { index: 0, term: 0, chain: 0 }
export const noHardState: HardState = { term: 0, vote: undefined, commit: 0 }

const entryHeaderBytes = 4 + 8 + 8 + 1

/** @param before chain of the entry before it */
export function encodeEntry (entry: Entry, sequence: number, before: number): { bytes: Uint8Array, chain: number } {
  const bytes = new Uint8Array(entryHeaderBytes + entry.data.byteLength)
  const view = new DataView(bytes.buffer)
  view.setFloat64(4, sequence)
  view.setFloat64(12, entry.term)
  view.setUint8(20, entry.kind)
  bytes.set(entry.data, entryHeaderBytes)
  const chain = chained(before, entry.index, bytes)
  view.setUint32(0, chain)
  return { bytes, chain }
}

/** @returns undefined when it is too short to be one; whether the chain fits is the caller's question */
export function decodeEntry (index: number, bytes: Uint8Array): ChainedEntry | undefined {
  if (bytes.byteLength < entryHeaderBytes) return undefined
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  return {
    index,
    chain: view.getUint32(0),
    sequence: view.getFloat64(4),
    term: view.getFloat64(12),
    kind: view.getUint8(20) as EntryKind,
    data: bytes.subarray(entryHeaderBytes)
  }
}

function chained (before: number, index: number, bytes: Uint8Array): number {
  const place = new Uint8Array(8)
  new DataView(place.buffer).setFloat64(0, index)
  return crc32(bytes.subarray(4), crc32(place, before))
}

export function encodeHeadRecord (head: Head): Uint8Array { return checked(encodeHead(head)) }

export function encodeSnapshot (snapshot: Snapshot): { bytes: Uint8Array, checksum: number } {
  const bytes = checked(encodeHead(snapshot))
  return { bytes, checksum: checksumOf(bytes) }
}

/** What the folder holds of a group: the values of its records, by what they are. */
export interface Found {
  readonly head: Uint8Array | undefined
  readonly snapshot: Uint8Array | undefined
  readonly entries: ReadonlyMap<number, Uint8Array>
}

export interface Judged extends Opened {
  /** From which the next batch goes on. */
  readonly head: Head
  /** Chains of `entries`. */
  readonly chains: readonly number[]
}

export function judge (found: Found, witness: Witnessed | undefined): Judged {
  const { head: headBytes, entries } = found
  if (headBytes === undefined) {
    if ((witness?.sequence ?? 0) === 0 && entries.size === 0 && found.snapshot === undefined) return blank(0)
    return distrusted(witness?.sequence ?? 0, 'its log is gone, and it had acknowledged writes')
  }
  const head = decodeHeadRecord(headBytes)
  if (head === undefined) return distrusted(witness?.sequence ?? 0, 'the record that vouches for the others is damaged')
  const highest = Math.max(head.sequence, witness?.sequence ?? 0)
  if (head.untrusted !== undefined) return distrusted(highest, head.untrusted)
  if (witness === undefined) return distrusted(highest, 'the file that witnesses acknowledged writes is gone')
  if (head.sequence < witness.sequence) return distrusted(highest, `its last ${witness.sequence - head.sequence} acknowledged writes are lost`)
  // Of batches after the last acknowledged one nothing can have been promised: but only an exact witness names that one.
  const isUnpromised = (sequence: number): boolean => witness.exact && sequence > witness.sequence

  let snapshot: Snapshot | undefined
  if (head.snapshotIndex > 0) {
    snapshot = found.snapshot === undefined || checksumOf(found.snapshot) !== head.snapshotChecksum ? undefined : decodeSnapshot(found.snapshot)
    if (snapshot?.index !== head.snapshotIndex) return distrusted(highest, `its snapshot at index ${head.snapshotIndex} is damaged or gone`)
  }

  const kept: ChainedEntry[] = []
  let before = head.base
  for (let index = head.base.index + 1; index <= head.last; index++) {
    const bytes = entries.get(index)
    const entry = bytes === undefined ? undefined : decodeEntry(index, bytes)
    if (entry === undefined || entry.chain !== chained(before.chain, index, bytes!) || entry.term < before.term) {
      const reason = `entry ${index} of ${head.last} is ${bytes === undefined ? 'gone' : 'damaged'}`
      if (index < head.fresh || !isUnpromised(head.sequence) || index <= head.snapshotIndex) return distrusted(highest, reason)
      return judged(head, highest, snapshot, kept, { kind: 'tail-cut', at: index - 1, reason })
    }
    kept.push(entry)
    before = entry
  }

  // Left by a batch whose head is lost: a newer one than this head, or the removal that this head's log rests on.
  const beyond = [...entries].filter(([index]) => index > head.last).map(([index, bytes]) => decodeEntry(index, bytes)?.sequence ?? Infinity)
  const newest = Math.max(0, ...beyond)
  if (newest > head.sequence) {
    const reason = `there are entries after ${head.last} that nothing vouches for`
    if (!isUnpromised(head.sequence + 1)) return distrusted(highest, reason)
    return judged(head, highest, snapshot, kept, { kind: 'tail-cut', at: head.last, reason })
  }
  return judged(head, highest, snapshot, kept, { kind: 'whole' })
}

function judged (head: Head, sequence: number, snapshot: Snapshot | undefined, kept: readonly ChainedEntry[], soundness: Soundness): Judged {
  const last = kept.at(-1)?.index ?? head.base.index
  const hardState = { ...head.hardState, commit: Math.min(head.hardState.commit, Math.max(last, head.snapshotIndex)) }
  return {
    soundness, hardState, snapshot,
    groupId: head.groupId,
    entries: kept.map(({ index, term, kind, data }) => ({ index, term, kind, data })),
    chains: kept.map(({ chain }) => chain),
    head: { ...head, hardState, sequence, last, fresh: last + 1 }
  }
}

function blank (sequence: number, untrusted?: string): Judged {
  const head: Head = { sequence, hardState: noHardState, groupId: undefined, base: noBase, last: 0, fresh: 1, snapshotIndex: 0, snapshotChecksum: 0, untrusted }
  const soundness: Soundness = untrusted === undefined ? { kind: 'whole' } : { kind: 'untrusted', reason: untrusted }
  return { soundness, hardState: noHardState, snapshot: undefined, groupId: undefined, entries: [], chains: [], head }
}

function distrusted (sequence: number, reason: string): Judged { return blank(sequence, reason) }

function checked (body: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(4 + body.byteLength)
  bytes.set(body, 4)
  new DataView(bytes.buffer).setUint32(0, crc32(body))
  return bytes
}

function checksumOf (bytes: Uint8Array): number {
  return bytes.byteLength < 4 ? 0 : new DataView(bytes.buffer, bytes.byteOffset).getUint32(0)
}

/** The body of a record whose checksum fits. */
function bodyOf (bytes: Uint8Array): Readonly<Record<string, unknown>> | undefined {
  if (bytes.byteLength < 4 || crc32(bytes.subarray(4)) !== checksumOf(bytes)) return undefined
  return decodeHead(bytes.subarray(4))
}

function decodeHeadRecord (bytes: Uint8Array): Head | undefined {
  // What this program wrote and its checksum covers has the shape that it gave it.
  const head = bodyOf(bytes) as unknown as Head | undefined
  if (head === undefined) return undefined
  return { ...head, groupId: head.groupId, untrusted: head.untrusted, hardState: { ...head.hardState, vote: head.hardState.vote } }
}

function decodeSnapshot (bytes: Uint8Array): Snapshot | undefined { return bodyOf(bytes) as unknown as Snapshot | undefined }
