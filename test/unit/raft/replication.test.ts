/** Log replication as the Raft paper (extended version) says it, sections 5.3, 5.4.2, 5.5 and 8; batching and pipelining (thesis section 10.2). */
import { describe, expect, it } from 'vitest'
import { append, awake, beats, configurationEntry, confirms, drain, entry, from, Group, leader, newLeader, said, server, settings } from './support.ts'
import { EntryKind, type Message } from '../../../protocols/raft/messages.ts'
import { Raft } from '../../../protocols/raft/raft.ts'

const value = (text: string): Uint8Array => Buffer.from(text)

describe('replication', () => {
  it('5.3: a leader appends a command to its log and sends it to all others at once', () => {
    const raft = leader()
    expect(raft.propose(value('x'), '')).toEqual({ kind: 'appended', index: 3, term: 2 })
    expect(said(raft, 'append').map(({ to, prevIndex, entries }) => [to, prevIndex, entries.length])).toEqual([['b', 2, 1], ['c', 2, 1]])
  })

  it('5.3: it applies the entry once a majority holds it, and not before its own disk does', () => {
    const raft = leader()
    raft.propose(value('x'), '')
    raft.ready()
    raft.step(confirms('b', 2, 3))
    expect(raft.commit).toBe(2)
    raft.advance()
    expect(raft.commit).toBe(3)
    expect(drain(raft).committed.map(({ index }) => index)).toEqual([3])
  })

  it('5.3: it tells the others the commit index, and they apply in log order', () => {
    const group = new Group(['a', 'b', 'c'])
    const raft = group.elect('a')
    for (const text of ['x', 'y', 'z']) raft.propose(value(text), '')
    group.settle()
    expect(group.values('c')).toEqual(['x', 'y', 'z'])
  })

  it('5.3: committing an entry commits all before it, those of earlier leaders as well', () => {
    const raft = newLeader({ terms: [1, 1, 1] })
    drain(raft)
    raft.step(confirms('b', 2, 4))
    expect(drain(raft).committed.map(({ index, term }) => [index, term])).toEqual([[2, 1], [3, 1], [4, 2]])
  })

  it('5.3: it tries again, without end, with a follower that does not answer', () => {
    const group = new Group(['a', 'b', 'c'])
    const raft = group.elect('a')
    group.cut.add('c')
    raft.propose(value('x'), '')
    group.tick(200)
    expect(group.values('c')).toEqual([])
    group.cut.clear()
    group.tick(5)
    expect(group.values('c')).toEqual(['x'])
  })

  it('5.3: a lost message is seen by the answer to a later heartbeat, without a timer', () => {
    const raft = leader()
    raft.propose(value('lost'), '')
    drain(raft)
    raft.tick(2)
    drain(raft)
    raft.step(beats('b', 2, 2))
    expect(said(raft, 'append')).toMatchObject([{ to: 'b', prevIndex: 2, entries: [{ index: 3 }] }])
  })

  it('5.3: a follower refuses entries when the place before them does not match', () => {
    const raft = server({ terms: [1, 1] })
    raft.step(append('b', 2, [5, 1], [entry(6, 2)]))
    raft.step(append('b', 2, [2, 2], [entry(3, 2)]))
    const answers = said(raft, 'append-answer')
    expect(answers).toMatchObject([{ rejected: true, index: 5, hintIndex: 2, hintTerm: 1 }, { rejected: true, index: 2, hintIndex: 2, hintTerm: 1 }])
    expect(raft.status().lastIndex).toBe(2)
  })

  // Figure 7: the leader's log is 1 1 1 4 4 5 5 6 6 6; each follower's is brought to it.
  it.each([
    ['a: lacks one', [1, 1, 1, 4, 4, 5, 5, 6, 6]],
    ['b: lacks many', [1, 1, 1, 4]],
    ['c: has one more', [1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 6]],
    ['d: has a term more', [1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 7, 7]],
    ['e: went on in term 4', [1, 1, 1, 4, 4, 4, 4]],
    ['f: has terms 2 and 3', [1, 1, 1, 2, 2, 2, 3, 3, 3, 3, 3]]
  ])('5.3, figure 7 (%s): the leader makes a follower\'s log like its own', (_what, terms) => {
    const group = new Group(['a'], { voters: ['a', 'b', 'c'] })
    group.add(awake({ self: 'a', terms: [1, 1, 1, 4, 4, 5, 5, 6, 6, 6], term: 7 }), 'a')
    group.add(awake({ self: 'b', terms, term: 7 }), 'b')
    group.add(awake({ self: 'c', terms: [1], term: 7 }), 'c')
    group.elect('a')
    expect(group.get('a').role).toBe('leader')
    group.tick(4)
    expect(group.values('b')).toEqual(group.values('a'))
    expect(group.values('a')).toHaveLength(9)
    expect(group.get('b').status().lastIndex).toBe(11)
  })

  it('5.3: conflicts are passed over a term at a time, not an entry', () => {
    const group = new Group(['a'], { voters: ['a', 'b', 'c'] })
    group.add(awake({ self: 'a', terms: [1, ...Array<number>(50).fill(4)], term: 5 }), 'a')
    group.add(awake({ self: 'b', terms: [1, ...Array<number>(40).fill(2), ...Array<number>(40).fill(3)], term: 5 }), 'b')
    group.add(awake({ self: 'c', terms: [1], term: 5 }), 'c')
    group.elect('a')
    group.tick(4)
    expect(group.get('b').commit).toBe(52)
    expect(group.kinds.filter((kind) => kind === 'append').length).toBeLessThan(12)
  })

  it('5.3: a leader never overwrites or deletes its own entries', () => {
    const raft = leader()
    raft.propose(value('x'), '')
    expect(raft.step(append('b', 2, [1, 1], [entry(2, 2, 'other')]))).toBe('contradiction')
    expect(raft.status().lastIndex).toBe(3)
  })

  it('5.3: an entry is on a follower\'s disk before the answer leaves', () => {
    const raft = server()
    raft.step(append('b', 1, [1, 1], [entry(2, 1)]))
    const ready = raft.ready()
    expect(ready).toMatchObject({ early: [], mustSync: true, entries: [{ index: 2 }], messages: [{ kind: 'append-answer', index: 2, rejected: false }] })
  })

  it('5.3: what replaces entries that are being written is written as well, and counts only then', () => {
    const raft = server({ terms: [1], voters: ['a', 'b', 'c'] })
    raft.step(append('b', 1, [1, 1], [entry(2, 1), entry(3, 1)]))
    raft.ready()
    raft.step(append('c', 2, [1, 1], [entry(2, 2)]))
    raft.advance()
    expect(raft.ready().entries.map(({ index, term }) => [index, term])).toEqual([[2, 2]])
    expect(raft.status().lastIndex).toBe(2)
  })

  it('5.4.2, figure 8: an entry of an earlier term is not committed by counting its copies', () => {
    const raft = newLeader({ terms: [1, 2], term: 3, voters: ['a', 'b', 'c', 'd', 'e'] })
    drain(raft)
    raft.step(confirms('b', 4, 2))
    raft.step(confirms('c', 4, 2))
    expect(raft.commit).toBe(1)
    raft.step(confirms('b', 4, 3))
    raft.step(confirms('c', 4, 3))
    expect(raft.commit).toBe(3)
  })

  it('5.5: repeated, late and reordered entries change nothing', () => {
    const raft = server()
    const first = append('b', 1, [1, 1], [entry(2, 1), entry(3, 1)])
    raft.step(first)
    raft.step(append('b', 1, [3, 1], [entry(4, 1)], 4))
    raft.step(first)
    raft.step(append('b', 1, [1, 1], [entry(2, 1)]))
    expect(raft.status()).toMatchObject({ lastIndex: 4, commit: 4 })
    expect(drain(raft).readies.flatMap(({ entries }) => entries.map(({ index }) => index))).toEqual([2, 3, 4])
  })

  it('tells a peer again how far is committed when the word of that had overtaken the entry', () => {
    const raft = leader({ learners: ['d'] })
    raft.propose(value('x'), '')
    drain(raft)
    for (const peer of ['b', 'd']) raft.step(confirms(peer, 2, 2))
    drain(raft)
    raft.step(confirms('b', 2, 3))
    const told = () => said(raft, 'append').filter(({ to }) => to === 'd').map(({ prevIndex, entries, commit }) => [prevIndex, entries.length, commit])
    expect(told()).toEqual([[3, 0, 3]])
    raft.step(confirms('d', 2, 3))
    expect(told()).toEqual([])
    raft.step(from('d', { kind: 'append-answer', term: 2, index: 3, rejected: true, hintIndex: 2, hintTerm: 2 }))
    expect(told()).toEqual([[3, 0, 3]])
    expect(told()).toEqual([])
  })

  it('lets a peer that runs anew see again that the logs agree: it applies what it held, though nothing new is proposed', () => {
    const group = new Group(['a', 'b', 'c'])
    const raft = group.elect('a')
    raft.propose(value('x'), '')
    group.settle()
    // The commit index was on no disk of its own: the log is, up to x.
    const { term } = raft
    const again = new Raft({
      self: 'c', group: 'g', settings, random: () => 0.5,
      stored: { hardState: { term, vote: 'a', commit: 1 }, snapshot: undefined, entries: [configurationEntry(1, 1, ['a', 'b', 'c']), { index: 2, term, kind: EntryKind.Empty, data: Buffer.alloc(0) }, entry(3, term, 'x')] }
    })
    group.add(again, 'c')
    group.tick(6)
    expect([raft.term, again.commit]).toEqual([term, 3])
    expect(group.values('c')).toEqual(['x'])
  })

  it('figure 2: a follower commits no further than the entries that it was sent', () => {
    const raft = server({ terms: [1, 1, 1] })
    raft.step(append('b', 2, [2, 1], [], 9))
    expect(raft.commit).toBe(2)
    raft.step(from('b', { kind: 'heartbeat', term: 2, round: 1, commit: 9 }))
    expect(raft.commit).toBe(2)
  })

  it('8: a leader begins its term with an empty entry, which commits what it found', () => {
    const raft = newLeader()
    expect(said(raft, 'append')[0]!.entries).toMatchObject([{ index: 2, term: 2, kind: 2 }])
  })

  it('8: a follower passes a proposal on to the leader and hears at which place it stands', () => {
    const group = new Group(['a', 'b', 'c'])
    group.elect('a')
    expect(group.get('b').propose(value('x'), 'ticket')).toEqual({ kind: 'forwarded', to: 'a' })
    group.settle()
    expect(group.outcomes).toEqual([{ kind: 'appended', context: 'ticket', index: 3, term: 2 }])
    expect(group.values('b')).toEqual(['x'])
  })

  it('8: a proposal without a leader, or for one that is none, is refused', () => {
    const raft = awake()
    expect(raft.propose(value('x'), '')).toEqual({ kind: 'refused', refusal: 'no-leader' })
    raft.step(from('b', { kind: 'proposal', term: 1, context: 'late', data: value('x') }))
    expect(said(raft, 'proposal-answer')).toMatchObject([{ to: 'b', context: 'late', refusal: 'not-leader' }])
  })
})

describe('flow', () => {
  const appends = (messages: readonly Message[], to: string): Array<readonly number[]> => messages.flatMap((message) =>
    message.kind === 'append' && message.to === to ? [message.entries.map(({ index }) => index)] : [])

  it('thesis 10.2.1: a leader\'s entries may leave before they are on its own disk; a new leader\'s not before its vote is', () => {
    const raft = leader()
    raft.propose(value('x'), '')
    expect(raft.ready()).toMatchObject({ early: [{ kind: 'append', to: 'b' }, { kind: 'append', to: 'c' }], messages: [] })
    const alone = awake({ voters: ['a'], learners: ['b'] })
    alone.campaign()
    const { early, messages, mustSync } = alone.ready()
    expect([early, mustSync]).toEqual([[], true])
    expect(messages.map(({ kind }) => kind)).toContain('append')
  })

  it('thesis 10.2.2: proposals between two writes share a message, up to its bounds', () => {
    const raft = leader({ settings: { appendEntriesMax: 3, appendBytesMax: 20 } })
    for (const peer of ['b', 'c']) raft.step(confirms(peer, 2, 2))
    for (const text of ['1', '2', '3', '4', 'a long one, alone in its message', '6']) raft.propose(value(text), '')
    expect(appends(drain(raft).messages, 'b')).toEqual([[3, 4, 5], [6], [7], [8]])
  })

  it('thesis 10.2.2: messages follow each other without waiting, as many and as large as the settings allow', () => {
    const raft = leader({ settings: { appendEntriesMax: 1, inflightMessagesMax: 2 } })
    for (let at = 0; at < 5; at++) raft.propose(value('x'), '')
    expect(appends(drain(raft).messages, 'b')).toEqual([[3], [4]])
    raft.step(confirms('b', 2, 3))
    expect(appends(drain(raft).messages, 'b')).toEqual([[5]])
    const bytes = leader({ settings: { appendEntriesMax: 1, inflightBytesMax: 10 } })
    for (let at = 0; at < 5; at++) bytes.propose(value('123456'), '')
    expect(appends(drain(bytes).messages, 'b')).toEqual([[3], [4]])
  })

  it('sends one message at a time to a peer whose log it does not know, and one that lost its link is such a peer', () => {
    const raft = newLeader({ settings: { appendEntriesMax: 1 } })
    for (let at = 0; at < 3; at++) raft.propose(value('x'), '')
    expect(appends(drain(raft).messages, 'b')).toEqual([[2]])
    raft.step(confirms('b', 2, 2))
    expect(appends(drain(raft).messages, 'b').filter(({ length }) => length > 0)).toEqual([[3], [4], [5]])
    raft.unreachable('b')
    expect(appends(drain(raft).messages, 'b')).toEqual([[3]])
  })

  it('refuses proposals while too much is uncommitted, and takes them again when it is not', () => {
    const raft = leader({ settings: { uncommittedBytesMax: 10 } })
    expect(raft.propose(value('12345678'), '').kind).toBe('appended')
    expect(raft.propose(value('123'), '')).toEqual({ kind: 'refused', refusal: 'busy' })
    drain(raft)
    raft.step(confirms('b', 2, 3))
    expect(raft.propose(value('123'), '').kind).toBe('appended')
  })

  it('refuses a proposal that is too large, at the leader and at whoever would pass it on', () => {
    const raft = leader({ settings: { proposalBytesMax: 3 } })
    expect(raft.propose(value('1234'), '')).toEqual({ kind: 'refused', refusal: 'too-large' })
    const follower = server({ settings: { proposalBytesMax: 3 } })
    follower.step(append('b', 1, [1, 1]))
    expect(follower.propose(value('1234'), '')).toEqual({ kind: 'refused', refusal: 'too-large' })
  })

  it('hands out committed entries in portions', () => {
    const raft = server({ settings: { applyBytesMax: 4 } })
    raft.step(append('b', 1, [1, 1], [2, 3, 4].map((index) => entry(index, 1, 'abc')), 4))
    expect(drain(raft).readies.map(({ committed }) => committed.map(({ index }) => index))).toEqual([[1], [2], [3], [4]])
  })
})
