/**
 * The five promises of figure 3 of the Raft paper, and the one that leases rest on, as a run sees them. They are looked at
 * whenever a server hands out, applies or installs something.
 */
import assert from 'node:assert/strict'
import { unpack, type Checks, type Host } from './host.ts'
import type { Entry, Snapshot } from '../../../protocols/raft/messages.ts'
import type { Ready } from '../../../protocols/raft/ready.ts'

export class Invariants implements Checks {
  /** What was applied anywhere, by place: the one true history. */
  readonly history: Entry[] = []
  readonly #hosts: () => readonly Host[]
  readonly #nowMs: () => number
  readonly #leaders = new Map<number, string>()
  readonly #entries = new Map<string, { entry: Entry, prevTerm: number | undefined }>()
  readonly #lastOfLeader = new Map<string, number>()

  constructor (hosts: () => readonly Host[], nowMs: () => number) {
    this.#hosts = hosts
    this.#nowMs = nowMs
  }

  get lastApplied (): number { return this.history.length - 1 }
  get leadersSeen (): number { return this.#leaders.size }

  /** Election safety, and that no lease is left when another leads. */
  look (): void {
    for (const { name, raft } of this.#hosts()) {
      if (raft === undefined || raft.role !== 'leader') continue
      const known = this.#leaders.get(raft.term)
      assert(known === undefined || known === name, `election safety (5.2): ${known} and ${name} lead term ${raft.term}`)
      if (known === undefined) this.#begins(name, raft.term)
    }
  }

  handed (host: Host, { entries, snapshot }: Ready): void {
    const { name, log } = host
    const { role, term } = host.raft!
    this.look()
    if (role !== 'leader') return
    assert(snapshot === undefined, `${name} leads and installs a snapshot`)
    // Who leads alone leads before its vote is on disk: a crash may take the term back, and all that was done in it.
    const key = `${name}/${term}/${host.run}`
    const last = this.#lastOfLeader.get(key)
    const first = entries[0]
    if (last !== undefined && first !== undefined) assert(first.index === last + 1, `leader append-only (5.3): ${name} rewrites ${first.index} in term ${term}`)
    this.#lastOfLeader.set(key, host.raft!.status().lastIndex)
    if (last === undefined) this.#isComplete(host)
  }

  /** Log matching. What was only in memory and is lost may come again as something else. */
  written ({ name, log }: Host, { entries }: Ready): void {
    for (const entry of entries) {
      const key = `${entry.index}/${entry.term}`
      const prevTerm = log[entry.index - 1]?.term
      const known = this.#entries.get(key)
      if (known === undefined) this.#entries.set(key, { entry, prevTerm })
      else {
        assert(Buffer.compare(known.entry.data, entry.data) === 0 && known.entry.kind === entry.kind, `log matching (5.3): ${key} differs at ${name}`)
        assert(known.prevTerm === undefined || prevTerm === undefined || known.prevTerm === prevTerm, `log matching (5.3): what precedes ${key} differs at ${name}`)
      }
    }
  }

  applied ({ name, machine }: Host, entry: Entry): void {
    const previous = machine.at(-1)?.index ?? 0
    assert(entry.index === previous + 1, `${name} applies ${entry.index} after ${previous}`)
    const known = this.history[entry.index]
    if (known === undefined) this.history[entry.index] = entry
    else assert(known.term === entry.term && Buffer.compare(known.data, entry.data) === 0, `state machine safety (5.4.3): ${name} applies another entry at ${entry.index}`)
  }

  installed ({ name, machine }: Host, snapshot: Snapshot): void {
    const state = unpack(snapshot)
    assert(state.length === snapshot.index && state.length > machine.length, `${name} is set back to ${state.length} by a snapshot of ${snapshot.index}`)
    for (const entry of state) assert(this.history[entry.index]?.term === entry.term, `state machine safety (7): ${name} installs another entry at ${entry.index}`)
  }

  #begins (name: string, term: number): void {
    this.#leaders.set(term, name)
    for (const other of this.#hosts()) {
      if (other.name === name || other.raft === undefined || other.paused || other.raft.term >= term) continue
      // A lease is only worth something to a host that told its core all the time that passed.
      other.catchUp(this.#nowMs(), true)
      assert(other.raft.leaseTicksLeft() === 0, `leases (thesis 6.4.1): ${name} leads term ${term} while ${other.name} has a lease of term ${other.raft.term}`)
    }
  }

  /** Leader completeness (5.4.3): whatever anybody applied is in a new leader's log. */
  #isComplete ({ name, log, raft }: Host): void {
    const { firstIndex, term } = raft!.status()
    for (const entry of this.history.slice(firstIndex)) {
      const own = log[entry.index]
      assert(own !== undefined && own.term === entry.term, `leader completeness (5.4.3): ${name} leads term ${term} without ${entry.index} of term ${entry.term}`)
    }
  }
}
