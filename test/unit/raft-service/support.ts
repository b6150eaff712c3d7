/** A group with a disk, a clock and links that the test holds in its hand. */
import { setImmediate as turn } from 'node:timers/promises'
import { RaftGroup, type GroupInit } from '../../../protocols/raft/group.ts'
import type { Message } from '../../../protocols/raft/messages.ts'
import type { Note } from '../../../protocols/raft/notes.ts'
import { raftServiceDefaults, type RaftServiceSettings } from '../../../protocols/raft/service-settings.ts'
import { raftDefaults } from '../../../protocols/raft/settings.ts'
import { RaftStoreError, type Opened, type RaftStore, type Write } from '../../../protocols/raft/store.ts'
import { Journal } from '../../support/raft-node.ts'
import { stillClock } from '../../support/store.ts'

export const empty: Opened = { soundness: { kind: 'whole' }, hardState: { term: 0, vote: undefined, commit: 0 }, snapshot: undefined, entries: [], groupId: undefined }

/** Keeps what is written, as soon as it is let. */
export class HeldStore implements RaftStore {
  readonly writes: Write[] = []
  opened: Opened = empty
  held = false
  full = false
  #waiting: Array<PromiseWithResolvers<void>> = []

  async open (): Promise<Opened> { return this.opened }

  async write (write: Write): Promise<void> {
    this.writes.push(write)
    if (this.full) throw new RaftStoreError('no space is left')
    if (!this.held) return
    const waiting = Promise.withResolvers<void>()
    this.#waiting.push(waiting)
    await waiting.promise
  }

  release (): void {
    this.held = false
    for (const { resolve } of this.#waiting.splice(0)) resolve()
  }
}

export interface TestGroup {
  readonly group: RaftGroup
  readonly store: HeldStore
  readonly clock: StoppedClock
  readonly machine: Journal
  readonly sent: Message[]
  readonly notes: Array<[to: string, note: Note]>
  readonly warnings: string[]
}

/** `pass` lets time go by without anything being woken, as SIGSTOP does. */
export type StoppedClock = ReturnType<typeof stillClock> & { pass: (ms: number) => void }

function stoppedClock (): StoppedClock {
  const clock = stillClock()
  let passed = 0
  return { ...clock, nowMs: () => clock.nowMs() + passed, pass: (ms) => { passed += ms } }
}

export function testGroup (self: string, init: Partial<GroupInit> = {}, settings: Partial<RaftServiceSettings> = {}): TestGroup {
  const store = new HeldStore()
  const clock = stoppedClock()
  const machine = new Journal()
  const sent: Message[] = []
  const notes: Array<[string, Note]> = []
  const warnings: string[] = []
  const group = new RaftGroup({ slot: 'region', store, machine, raft: raftDefaults, peers: () => ['a', 'b', 'c'], mayJoin: () => true, ...init }, {
    self, clock,
    settings: { ...raftServiceDefaults, ...settings },
    logger: { warn: (message) => { warnings.push(message) } },
    send: (message) => { sent.push(message) },
    sendNote: (to, note) => { notes.push([to, note]) }
  })
  return { group, store, clock, machine, sent, notes, warnings }
}

/** Until all that can happen without time, disk or peers has happened. */
export async function settled (): Promise<void> {
  for (let count = 0; count < 10; count++) await turn()
}

/** A group of one that leads. */
export async function lone (init: Partial<GroupInit> = {}, settings: Partial<RaftServiceSettings> = {}): Promise<TestGroup> {
  const test = testGroup('a', init, settings)
  await test.group.start()
  await test.group.found('g', { voters: ['a'], learners: [] })
  for (let count = 0; count < 100 && test.group.leads() === undefined; count++) {
    test.clock.advance(raftDefaults.tickMs)
    await settled()
  }
  return test
}
