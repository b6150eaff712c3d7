/**
 * One group's log in the edge's LevelDB, behind the port of `protocols/raft/store.ts`. What the records are and how damage
 * is judged stands in `records.ts`; here they are read, written, each write as one synced batch, and witnessed. A log that
 * is not to be trusted is left where it is, as a copy to be looked at, and a new generation begun beside it, until the group
 * has taken this member in again.
 *
 *     <group>/<generation>/head | snapshot | entry/<index>
 */
import { RaftStoreError, type Opened, type RaftStore, type Write } from '../../protocols/raft/store.ts'
import type { Entry, Snapshot } from '../../protocols/raft/messages.ts'
import type { Operation, RaftDisk } from './disk.ts'
import { encodeEntry, encodeHeadRecord, encodeSnapshot, judge, noBase, type Base, type Found, type Head } from './records.ts'
import type { Witness } from './witness.ts'

export interface LevelRaftStoreInit {
  /** Without a slash. */
  readonly name: string
  readonly disk: RaftDisk
  readonly witness: Witness
}

/** Of an index in a key: keys sort as numbers do. */
const digits = 16
const keyShape = /\/(\d{1,15})\/(head|snapshot|entry)(?:\/(\d{16}))?$/

interface Generation { readonly keys: string[], head: Uint8Array | undefined, snapshot: Uint8Array | undefined, readonly entries: Map<number, Uint8Array> }

const nothing: Found = { head: undefined, snapshot: undefined, entries: new Map() }

export class LevelRaftStore implements RaftStore {
  readonly #init: LevelRaftStoreInit
  #prefix = ''
  #head: Head | undefined
  /** Term and chain of each entry from the base on. */
  #marks: Array<Pick<Base, 'term' | 'chain'>> = []
  /** Keys of older generations. */
  #old: string[] = []

  constructor (init: LevelRaftStoreInit) { this.#init = init }

  async open (): Promise<Opened> {
    const { name, disk, witness } = this.#init
    const generations = new Map<number, Generation>()
    for await (const [key, value] of disk.read(`${name}/`)) {
      const [, number, what, index] = keyShape.exec(key) ?? []
      // A key that nobody wrote: what it stood for will be missed.
      if (number === undefined) continue
      const generation = generations.get(Number(number)) ?? { keys: [], head: undefined, snapshot: undefined, entries: new Map<number, Uint8Array>() }
      generations.set(Number(number), generation)
      generation.keys.push(key)
      if (what === 'head') generation.head = value
      else if (what === 'snapshot') generation.snapshot = value
      else generation.entries.set(Number(index), value)
    }
    const newest = Math.max(1, ...generations.keys())
    const found = generations.get(newest)
    const witnessed = await witness.read()
    const { head, soundness, entries, chains, ...kept } = judge(found ?? nothing, witnessed)

    const untrusted = soundness.kind === 'untrusted'
    const wasMarked = untrusted && found?.head !== undefined && witnessed !== undefined && found.entries.size === 0 && found.snapshot === undefined
    const current = untrusted && !wasMarked ? newest + 1 : newest
    this.#prefix = `${name}/${current}/`
    this.#old = [...generations].filter(([number]) => number !== current).flatMap(([, { keys }]) => keys)
    this.#marks = entries.map(({ term }, at) => ({ term, chain: chains[at]! }))
    const opened = { ...head, sequence: head.sequence + 1, fresh: head.last + 1 }
    const swept = [...found?.entries.keys() ?? []].filter((index) => current === newest && (index <= head.base.index || index > head.last))
    if (witnessed === undefined && !untrusted) await witness.start(head.sequence)
    await disk.write([...swept.map((index) => this.#del(index)), this.#putHead(opened)])
    await witness.start(opened.sequence)
    this.#head = opened
    return { ...kept, soundness, entries }
  }

  async write ({ hardState, entries = [], snapshot, compactTo = 0, groupId, trusted, anew }: Write): Promise<void> {
    const before = this.#head
    if (before === undefined) throw new RaftStoreError('the Raft log is not open, or a write to it failed')
    // Unknown until it is done: a write that fails leaves a store that takes no more.
    this.#head = undefined
    const operations: Operation[] = []
    let head: Head = {
      ...before,
      sequence: before.sequence + 1,
      hardState: hardState ?? before.hardState,
      groupId: groupId ?? before.groupId,
      untrusted: trusted === true ? undefined : before.untrusted
    }
    if (trusted === true) operations.push(...this.#old.splice(0).map((key) => ({ type: 'del', key }) as const))
    if (anew === true) head = this.#clear(head, operations)
    if (snapshot !== undefined) head = this.#putSnapshot(head, snapshot, operations)
    head = this.#append(head, entries, operations)
    if (compactTo > head.base.index) head = this.#compact(head, Math.min(compactTo, head.snapshotIndex, head.last), operations)
    operations.push(this.#putHead(head))
    await this.#init.disk.write(operations)
    this.#init.witness.acknowledge(head.sequence)
    this.#head = head
  }

  async close (orderly: boolean): Promise<void> {
    const head = this.#head
    this.#head = undefined
    if (head !== undefined && orderly) await this.#init.witness.close(head.sequence)
    else await this.#init.witness.abandon()
  }

  #clear (head: Head, operations: Operation[]): Head {
    for (let each = head.base.index + 1; each <= head.last; each++) operations.push(this.#del(each))
    operations.push({ type: 'del', key: `${this.#prefix}snapshot` })
    this.#marks = []
    return { ...head, base: noBase, last: 0, fresh: 1, snapshotIndex: 0, snapshotChecksum: 0 }
  }

  #putSnapshot (head: Head, snapshot: Snapshot, operations: Operation[]): Head {
    const { bytes, checksum } = encodeSnapshot(snapshot)
    operations.push({ type: 'put', key: `${this.#prefix}snapshot`, value: bytes })
    const { index, term } = snapshot
    const next = { ...head, snapshotIndex: index, snapshotChecksum: checksum }
    if (index <= head.last && this.#mark(head, index)?.term === term) return next
    for (let each = head.base.index + 1; each <= head.last; each++) operations.push(this.#del(each))
    this.#marks = []
    return { ...next, base: { index, term, chain: checksum }, last: index, fresh: index + 1 }
  }

  #append (head: Head, entries: readonly Entry[], operations: Operation[]): Head {
    const [first] = entries
    if (first === undefined) return { ...head, fresh: head.last + 1 }
    const from = first.index
    if (from <= head.base.index || from > head.last + 1) throw new RaftStoreError(`entry ${from} does not follow a log of ${head.base.index + 1} to ${head.last}`)
    this.#marks.length = from - head.base.index - 1
    let { chain } = this.#mark(head, from - 1)!
    for (const entry of entries) {
      const encoded = encodeEntry(entry, head.sequence, chain)
      chain = encoded.chain
      operations.push({ type: 'put', key: this.#key(entry.index), value: encoded.bytes })
      this.#marks.push({ term: entry.term, chain })
    }
    const last = from + entries.length - 1
    // What stood behind it stays until it is written over or swept at the next opening: no head vouches for it.
    return { ...head, last, fresh: from }
  }

  #compact (head: Head, index: number, operations: Operation[]): Head {
    const mark = this.#mark(head, index)
    if (index <= head.base.index || mark === undefined) return head
    for (let each = head.base.index + 1; each <= index; each++) operations.push(this.#del(each))
    this.#marks = this.#marks.slice(index - head.base.index)
    return { ...head, base: { index, ...mark } }
  }

  #mark ({ base }: Head, index: number): Pick<Base, 'term' | 'chain'> | undefined {
    return index === base.index ? { term: base.term, chain: base.chain } : this.#marks[index - base.index - 1]
  }

  #putHead (head: Head): Operation { return { type: 'put', key: `${this.#prefix}head`, value: encodeHeadRecord(head) } }
  #del (index: number): Operation { return { type: 'del', key: this.#key(index) } }
  #key (index: number): string { return `${this.#prefix}entry/${String(index).padStart(digits, '0')}` }
}
