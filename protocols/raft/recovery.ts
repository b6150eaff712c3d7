/**
 * The way out when a group's majority is gone for ever: one member founds the group anew from its own log, as the only voter; or,
 * where every log is gone, an edge that holds a copy of the state does from that.
 * All that stands in this log counts, also what is not known here to be committed: those who knew may be the ones that are gone, and
 * what was never acknowledged may come about as well. What only they had is lost, which is why a person decides.
 * Term and index go on from where they were, so that neither duties nor versions ever go back; the id is another one
 * (`group-id.ts`), so that no message of the old group counts, and whoever comes back from it is taken in by this one.
 */
import { RaftError } from './errors.ts'
import type { Entry, GroupId, Snapshot } from './messages.ts'
import type { StateMachine } from './ports.ts'
import type { PeerName } from '../ids.ts'
import { Replica } from './replica.ts'
import type { RaftStore } from './store.ts'

export interface RecoveryInit {
  readonly self: PeerName
  /** Of a group that is stopped here. */
  readonly store: RaftStore
  /** Ends with all that the log says. */
  readonly machine: StateMachine
  /** The group whose majority is gone. */
  readonly of: GroupId
  readonly id: GroupId
}

/**
 * May be repeated, with the same `id`: all of it is one write.
 *
 * @throws RaftError when there is no log of that group here, or none that is trusted; RaftStoreError. Nothing has changed then
 */
export async function recoverLog ({ self, store, machine, of, id }: RecoveryInit): Promise<void> {
  const { soundness, groupId, hardState, snapshot, entries } = await store.open()
  if (groupId === id) return
  const last = entries.at(-1) ?? snapshot
  if (groupId !== of || last === undefined || soundness.kind === 'untrusted') throw new RaftError('COLONY_RAFT_REFUSED', `this edge has no log of the group ${of} that can be trusted`)
  const { index, term } = last
  await store.write({
    groupId: id,
    anew: true,
    hardState: { term: hardState.term, vote: undefined, commit: index },
    snapshot: { index, term, configuration: { voters: [self], learners: [] }, data: folded(machine, snapshot, entries).snapshot(index) }
  })
}

export interface CopyRecoveryInit extends RecoveryInit {
  /** The state machine's own, after the entry `index`. */
  readonly copy: Uint8Array
  readonly index: number
  /** The highest that was known. */
  readonly term: number
}

/**
 * The same from a copy of the state, where no log of the group is left: what was agreed on after the copy was made is lost, and which keys
 * were applied is known to the state machine alone. May be repeated, with the same `id`.
 *
 * @throws RaftError when there is a log here that is of another group, or goes as far as the copy: then `recoverLog` is right; RaftStoreError.
 *   Nothing has changed then
 */
export async function recoverCopy ({ self, store, machine, of, id, copy, index, term }: CopyRecoveryInit): Promise<void> {
  const { soundness, groupId, hardState, snapshot, entries } = await store.open()
  if (groupId === id) return
  const counts = soundness.kind !== 'untrusted' && groupId !== undefined
  const last = (entries.at(-1) ?? snapshot)?.index ?? 0
  if (counts && (groupId !== of || last >= index)) throw new RaftError('COLONY_RAFT_REFUSED', `this edge has a log of the group ${groupId}, up to entry ${last}: a copy up to entry ${index} does not take its place`)
  machine.restore(copy)
  const highest = Math.max(term, counts ? hardState.term : 0)
  await store.write({
    groupId: id,
    anew: true,
    trusted: true,
    hardState: { term: highest, vote: undefined, commit: index },
    snapshot: { index, term: highest, configuration: { voters: [self], learners: [] }, data: new Replica(machine).snapshot(index) }
  })
}

/**
 * What a log comes to that is about to be dropped, with all that stands in it.
 *
 * @param machine ends with it, too
 */
export async function foldLog (store: RaftStore, machine: StateMachine): Promise<{ readonly index: number, readonly snapshot: Uint8Array }> {
  const { snapshot, entries } = await store.open()
  folded(machine, snapshot, entries)
  return { index: (entries.at(-1) ?? snapshot)?.index ?? 0, snapshot: machine.snapshot() }
}

function folded (machine: StateMachine, snapshot: Snapshot | undefined, entries: readonly Entry[]): Replica {
  const replica = new Replica(machine)
  replica.restore(snapshot)
  for (const entry of entries) if (entry.index > (snapshot?.index ?? 0)) replica.apply(entry)
  return replica
}
