/**
 * The state that a group agrees on, as one member holds it: the state machine, and which idempotency keys it has seen
 * (`commands.ts`). Entries go in, in order and each once; a snapshot of both comes out.
 */
import { AppliedKeys, decodeCommand, type Place } from './commands.ts'
import { EntryKind, type Entry, type Snapshot } from './messages.ts'
import type { StateMachine } from './ports.ts'

export class Replica {
  readonly #machine: StateMachine
  readonly #keys = new AppliedKeys()
  #snapshotAt = 0
  #bytes = 0

  constructor (machine: StateMachine) { this.#machine = machine }

  /** Index of the last snapshot that was taken or put in. */
  get snapshotAt (): number { return this.#snapshotAt }

  /** Data applied since then, bytes. */
  get bytesSince (): number { return this.#bytes }

  /** Where the command with this key was applied. */
  place (key: string): Place | undefined { return this.#keys.place(key) }

  /** @returns what the proposer gets; undefined for what is no command, or was applied before */
  apply ({ index, term, kind, data }: Entry): unknown {
    if (kind !== EntryKind.Data) return undefined
    this.#bytes += data.byteLength
    const { key, command } = decodeCommand(data)
    if (this.#keys.place(key) !== undefined) return undefined
    const place = { index, term }
    this.#keys.add(key, place)
    return this.#machine.apply(command, place)
  }

  /** In place of all state. */
  restore (snapshot: Snapshot | undefined): void {
    this.#snapshotAt = snapshot?.index ?? 0
    this.#bytes = 0
    if (snapshot === undefined) this.#keys.clear()
    this.#machine.restore(snapshot === undefined ? undefined : this.#keys.restore(snapshot.data))
  }

  /** The state after `index`, which was the last to be applied. */
  snapshot (index: number): Uint8Array {
    this.#snapshotAt = index
    this.#bytes = 0
    return this.#keys.encode(this.#machine.snapshot())
  }
}
