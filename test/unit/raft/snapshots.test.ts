/** Log compaction as the Raft paper (extended version) says it, section 7, and what a server does with the disk it finds. */
import { describe, expect, it } from 'vitest'
import { append, awake, beats, confirms, configurationEntry, drain, entry, from, Group, leader, said, server, settings, storedOf } from './support.ts'
import { Raft } from '../../../protocols/raft/raft.ts'
import type { Message, Snapshot } from '../../../protocols/raft/messages.ts'
import type { Stored } from '../../../protocols/raft/ready.ts'
import type { RaftSettings } from '../../../protocols/raft/settings.ts'

const value = (text: string): Uint8Array => Buffer.from(text)
const snapshot: Snapshot = { index: 5, term: 2, configuration: { voters: ['a', 'b', 'c'], learners: ['d'] }, data: value('state') }
const install = (peer: string, term: number, what: Snapshot = snapshot): Message => from(peer, { kind: 'snapshot', term, snapshot: what })

function busy (settings: Partial<RaftSettings> = {}): Raft {
  const raft = leader({ settings })
  for (const text of ['3', '4', '5']) raft.propose(value(text), '')
  drain(raft)
  for (const peer of ['b', 'c']) raft.step(confirms(peer, 2, 5))
  drain(raft)
  return raft
}

describe('compaction', () => {
  it('7: a snapshot takes the place of the entries it covers, with the last one\'s index and term and the configuration', () => {
    const raft = busy()
    expect(raft.compact(4, value('state'))).toEqual({ index: 4, term: 2, configuration: { voters: ['a', 'b', 'c'], learners: [] }, data: value('state') })
    expect(raft.status()).toMatchObject({ firstIndex: 5, lastIndex: 5, logBytes: 1 })
  })

  it('7: the place before the first entry still takes part in the consistency check', () => {
    const raft = server({ terms: [1, 1, 1], commit: 3 })
    drain(raft)
    raft.compact(3, value('state'))
    raft.step(append('b', 1, [3, 1], [entry(4, 1)]))
    expect(said(raft, 'append-answer')).toMatchObject([{ index: 4, rejected: false }])
  })

  it('7: only what is applied is compacted, and never backwards', () => {
    const raft = busy()
    raft.propose(value('6'), '')
    expect(raft.compact(6, value('state'))).toBeUndefined()
    raft.compact(4, value('state'))
    expect(raft.compact(3, value('state'))).toBeUndefined()
  })

  it('keeps some entries behind a snapshot for those that are a little late', () => {
    const raft = leader({ settings: { keptEntries: 1 } })
    drain(raft)
    raft.compact(2, value('state'))
    expect(raft.status().firstIndex).toBe(2)
  })

  it('keeps fewer of them where they are large', () => {
    const raft = busy({ keptEntries: 10, keptBytes: 2 })
    raft.compact(5, value('state'))
    // Two of a byte each.
    expect(raft.status()).toMatchObject({ firstIndex: 4, logBytes: 2 })
  })

  it('refuses a state that no snapshot can hold', () => {
    const raft = leader({ settings: { snapshotBytesMax: 3 } })
    drain(raft)
    expect(() => raft.compact(2, value('1234'))).toThrow('at most 3')
  })
})

describe('installing', () => {
  it('7: a leader sends its snapshot when it no longer has the next entry, once, and goes on behind it', () => {
    const raft = busy()
    raft.compact(5, value('state'))
    raft.change({ kind: 'add-learner', peers: ['d'] })
    drain(raft)
    raft.step(from('d', { kind: 'append-answer', term: 2, index: 6, rejected: true, hintIndex: 0, hintTerm: 0 }))
    expect(said(raft, 'snapshot')).toMatchObject([{ to: 'd', snapshot: { index: 5 } }])
    raft.step(beats('d', 2, 1))
    expect(drain(raft).messages).toEqual([])
    raft.step(confirms('d', 2, 5))
    expect(said(raft, 'append')).toMatchObject([{ to: 'd', prevIndex: 5, entries: [{ index: 6 }] }])
  })

  /** How many ticks after one was lost each of the next ones leaves, while `d` answers heartbeats and `lose` loses each. */
  function waits (count: number, lose: (raft: Raft) => void, settings: Partial<RaftSettings>): number[] {
    const raft = busy(settings)
    raft.compact(5, value('state'))
    raft.change({ kind: 'add-learner', peers: ['d'] })
    drain(raft)
    raft.step(from('d', { kind: 'append-answer', term: 2, index: 6, rejected: true, hintIndex: 0, hintTerm: 0 }))
    expect(said(raft, 'snapshot')).toHaveLength(1)
    lose(raft)
    const waited: number[] = []
    for (let now = 0, since = 0; waited.length < count && now < 1_000; now += 2) {
      const { messages } = drain(raft)
      for (const message of messages) if (message.kind === 'heartbeat') raft.step(beats(message.to, 2, message.round))
      if (drain(raft).messages.concat(messages).some(({ kind }) => kind === 'snapshot')) {
        waited.push(now - since)
        since = now
        lose(raft)
      }
      raft.tick(2)
    }
    return waited
  }

  it('7: one that is not answered is sent again after its timeout', () => {
    expect(waits(1, () => {}, { snapshotTimeoutTicks: 50, snapshotRetryTicks: 0 })).toEqual([50])
  })

  it('one that could not be sent is sent again later, and ever later', () => {
    expect(waits(5, (raft) => { raft.unreachable('d') }, { snapshotTimeoutTicks: 50, snapshotRetryTicks: 10 })).toEqual([10, 20, 40, 50, 50])
  })

  it('7: with what is new to it a follower puts away its whole log, and writes before it answers', () => {
    const raft = server({ terms: [1, 1, 1] })
    raft.step(install('b', 2))
    expect(raft.ready()).toMatchObject({ snapshot: { index: 5 }, entries: [], mustSync: true, early: [], messages: [{ kind: 'append-answer', index: 5, rejected: false }], committed: [] })
    raft.advance()
    expect(raft.status()).toMatchObject({ firstIndex: 6, lastIndex: 5, commit: 5, applied: 5, configuration: { learners: ['d'] } })
  })

  it('7: entries that follow the snapshot\'s place in its log are kept', () => {
    const raft = server({ terms: [1, 1, 2, 2, 2, 2, 2] })
    raft.step(install('b', 2))
    expect(raft.status()).toMatchObject({ lastIndex: 7, commit: 5 })
  })

  it('7: a snapshot that is older than what is committed changes nothing', () => {
    const raft = server({ terms: [1, 2, 2, 2, 2, 2], commit: 6 })
    raft.step(install('b', 2))
    expect(raft.status()).toMatchObject({ lastIndex: 6, commit: 6 })
    expect(said(raft, 'append-answer')).toMatchObject([{ index: 6, rejected: false }])
  })

  it('brings a server up from nothing', () => {
    const group = new Group(['a', 'b', 'c'])
    const raft = group.elect('a')
    for (const text of ['x', 'y', 'z']) raft.propose(value(text), '')
    group.settle()
    raft.compact(raft.applied, value('xyz'))
    group.add(server({ self: 'd', terms: [] }), 'd')
    raft.change({ kind: 'add-learner', peers: ['d'] })
    raft.propose(value('after'), '')
    group.settle()
    expect(group.snapshots.get('d')).toMatchObject({ data: value('xyz') })
    expect(group.values('d')).toEqual(['after'])
  })
})

describe('a restart', () => {
  const restarted = (stored: Partial<Stored>, applied?: number): Raft =>
    new Raft({ self: 'a', group: 'g', settings, random: () => 0, stored: { ...storedOf({}), ...stored }, ...applied === undefined ? {} : { applied } })

  it('3.8, figure 2: goes on from the disk, and hands out again what is not applied', () => {
    const stored = storedOf({ terms: [1, 1, 2], commit: 3 })
    expect(drain(restarted(stored)).committed.map(({ index }) => index)).toEqual([1, 2, 3])
    expect(drain(restarted(stored, 2)).committed.map(({ index }) => index)).toEqual([3])
    // What was applied was committed, though the commit index is written without a sync.
    expect(restarted({ ...stored, hardState: { ...stored.hardState, commit: 1 } }, 2).commit).toBe(2)
  })

  it('7: takes the configuration from the snapshot and the entries behind it, and skips those within', () => {
    const raft = restarted({ hardState: { term: 3, vote: undefined, commit: 5 }, snapshot, entries: [entry(5, 2), configurationEntry(6, 3, ['a'])] })
    expect(raft.status()).toMatchObject({ firstIndex: 6, lastIndex: 6, configuration: { voters: ['a'], learners: [] } })
  })

  it.each([
    ['leave a gap', { entries: [entry(1, 1), entry(3, 1)] }],
    ['terms fall', { hardState: { term: 2, vote: undefined, commit: 0 }, entries: [entry(1, 2), entry(2, 1)] }],
    ['hard state of 1', { entries: [entry(1, 2)] }],
    ['place 2 is committed', { hardState: { term: 1, vote: undefined, commit: 2 }, entries: [entry(1, 1)] }]
  ])('does not begin from a disk that contradicts itself: %s', (what, stored) => {
    expect(() => restarted(stored)).toThrow(what)
  })

  it('grants no vote for an election timeout, as it cannot know whom it heard', () => {
    const raft = server()
    raft.tick(9)
    raft.step(from('b', { kind: 'vote', term: 2, lastIndex: 9, lastTerm: 1, transfer: false }))
    expect(said(raft, 'vote-answer')).toEqual([])
    const inTerm = server({ term: 2 })
    inTerm.step(from('b', { kind: 'vote', term: 2, lastIndex: 9, lastTerm: 1, transfer: false }))
    expect(said(inTerm, 'vote-answer')).toMatchObject([{ granted: false }])
    expect(awake().campaign()).toBe(true)
  })
})
