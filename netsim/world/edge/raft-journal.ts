/**
 * A Raft log on the simulated disk: batches, each all or nothing as a database's are, in their order. What is written is
 * readable at once; what a crash cannot take any more is what a finished sync covers (`durable`), which the core's promises rest
 * on (Ongaro and Ousterhout 2014, figure 2, "persistent state"). A start replays what survived.
 */
import type { Entry, HardState, Snapshot } from '../../../protocols/raft/messages.ts'
import type { Stored } from '../../../protocols/raft/ready.ts'
import { Disk } from '../disk.ts'
import type { Machine } from '../machine.ts'
import type { Random } from '../../random.ts'

/** As protocols/raft/store.ts has it. */
export interface Batch {
  readonly hardState?: HardState | undefined
  readonly snapshot?: Snapshot | undefined
  readonly entries?: readonly Entry[]
  readonly compactTo?: number
  /** It says everything: those before it mean nothing any more. */
  readonly isWhole?: true
}

/** Past so many batches one takes the place of all. */
const batchesMax = 400

/** What stands in a row of batches. */
export class Kept implements Stored {
  hardState: HardState = { term: 0, vote: undefined, commit: 0 }
  snapshot: Snapshot | undefined
  entries: Entry[] = []

  get lastIndex (): number { return this.entries.at(-1)?.index ?? this.snapshot?.index ?? 0 }
  get lastTerm (): number { return this.entries.at(-1)?.term ?? this.snapshot?.term ?? 0 }

  take ({ hardState, snapshot, entries = [], compactTo = 0, isWhole }: Batch): void {
    if (isWhole === true) {
      this.snapshot = undefined
      this.entries = []
    }
    if (snapshot !== undefined) {
      if (this.at(snapshot.index)?.term !== snapshot.term) this.entries = []
      this.snapshot = snapshot
    }
    if (compactTo > 0) this.entries = this.entries.filter(({ index }) => index > compactTo)
    const first = entries[0]
    if (first !== undefined) {
      const at = this.entries.length === 0 ? 0 : first.index - this.entries[0]!.index
      this.entries.splice(Math.max(0, at), Infinity, ...entries)
    }
    this.hardState = hardState ?? this.hardState
  }

  at (index: number): Entry | undefined {
    return this.entries[index - (this.entries[0]?.index ?? 0)]
  }

  termAt (index: number): number | undefined {
    return this.at(index)?.term ?? (this.snapshot?.index === index ? this.snapshot.term : undefined)
  }

  /** Whether this place is there, or is in the snapshot. */
  holds (index: number, term: number): boolean {
    return index <= (this.snapshot?.index ?? 0) || this.at(index)?.term === term
  }
}

export class RaftJournal {
  /** What a read of the disk gives now. */
  written = new Kept()
  /** What a crash leaves at least. */
  durable = new Kept()
  readonly #disk: Disk<Batch>
  readonly #chance: Random
  readonly #syncMs: readonly [low: number, high: number]
  #unsynced: Batch[] = []
  #next = 0

  constructor (machine: Machine, chance: Random, syncMs: readonly [low: number, high: number]) {
    this.#disk = machine.attach(new Disk<Batch>({ after: machine.after }))
    this.#chance = chance
    this.#syncMs = syncMs
  }

  /** After a start. @returns whether anything stands there */
  open (): boolean {
    const batches = [...this.#disk.entries()].sort(([one], [other]) => Number(one) - Number(other))
    this.written = new Kept()
    this.durable = new Kept()
    for (const [, batch] of batches) {
      this.written.take(batch)
      this.durable.take(batch)
    }
    this.#unsynced = []
    this.#next = Number(batches.at(-1)?.[0] ?? -1) + 1
    return batches.length > 0
  }

  write (batch: Batch): void {
    this.#put(batch)
    if (this.#disk.size > batchesMax) this.#rewrite()
  }

  /** All that was written before is durable when `done` is called. */
  sync (done: () => void): void {
    const count = this.#unsynced.length
    this.#disk.syncMs = this.#chance.between(...this.#syncMs)
    this.#disk.sync(() => {
      for (const batch of this.#unsynced.splice(0, count)) this.durable.take(batch)
      done()
    })
  }

  #put (batch: Batch): void {
    this.#disk.write(this.#next++, batch)
    this.#unsynced.push(batch)
    this.written.take(batch)
  }

  /** The whole first, then away with the rest: a crash that takes the one takes the other. */
  #rewrite (): void {
    const old = [...this.#disk.keys()]
    const { hardState, snapshot, entries } = this.written
    this.#put({ isWhole: true, hardState, snapshot, entries: [...entries] })
    for (const key of old) this.#disk.delete(key)
  }
}
