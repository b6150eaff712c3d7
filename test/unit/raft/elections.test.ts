/** Leader election as the Raft paper (extended version) says it, sections 5.1, 5.2, 5.4.1 and 5.5, and pre-votes (thesis section 9.6). */
import { describe, expect, it } from 'vitest'
import { append, awake, drain, from, Group, newLeader, said, server, settings, vote } from './support.ts'
import { checkSettings } from '../../../protocols/raft/settings.ts'

describe('terms', () => {
  it('5.1: a server with a smaller term takes over the larger one that it hears', () => {
    const raft = server()
    raft.step(append('b', 5, [1, 1]))
    expect(raft.term).toBe(5)
  })

  it('5.1: a candidate or leader that hears a larger term becomes a follower at once', () => {
    const raft = newLeader()
    expect(raft.role).toBe('leader')
    raft.step(from('b', { kind: 'append-answer', term: 3, index: 0, rejected: true, hintIndex: 0, hintTerm: 0 }))
    expect([raft.role, raft.term]).toEqual(['follower', 3])
  })

  it('5.1: a request of a stale term is rejected, with the present one', () => {
    const raft = awake({ term: 4 })
    raft.step(vote('b', 3, [9, 3]))
    raft.step(append('c', 3, [1, 1]))
    expect(drain(raft).messages).toMatchObject([{ kind: 'vote-answer', granted: false, term: 4 }, { kind: 'append-answer', rejected: true, term: 4 }])
    expect(raft.leader).toBeUndefined()
  })
})

describe('elections', () => {
  it('5.2: servers begin as followers', () => {
    expect(server().role).toBe('follower')
  })

  it('5.2: a server remains a follower while it hears a leader', () => {
    const raft = server()
    for (let at = 0; at < 10; at++) {
      raft.tick(9)
      raft.step(from('b', { kind: 'heartbeat', term: 1, round: at, commit: 0 }))
    }
    expect(raft.role).toBe('follower')
    expect(said(raft, 'pre-vote')).toEqual([])
  })

  it('5.2: one that hears nothing for an election timeout enters the next term, votes for itself and asks all others', () => {
    const raft = server()
    raft.tick(raft.ticksUntilDue())
    for (const { to, term } of said(raft, 'pre-vote')) raft.step(from(to, { kind: 'pre-vote-answer', term, granted: true }))
    const { readies } = drain(raft)
    expect(readies[0]?.hardState).toMatchObject({ term: 2, vote: 'a' })
    expect(readies[0]?.messages.map(({ kind, to, term }) => [kind, to, term])).toEqual([['vote', 'b', 2], ['vote', 'c', 2]])
  })

  it.each([[1, 0], [2, 1], [3, 1], [4, 2], [5, 2]])('5.2: of %i servers a candidate needs the votes of %i others, and repeated votes count once', (size, needed) => {
    const voters = ['a', 'b', 'c', 'd', 'e'].slice(0, size)
    const raft = awake({ voters })
    raft.campaign()
    for (const { to, term } of said(raft, 'pre-vote')) raft.step(from(to, { kind: 'pre-vote-answer', term, granted: true }))
    for (const peer of voters.slice(1, 1 + needed)) {
      expect(raft.role).toBe('candidate')
      if (needed > 1 && peer === 'b') for (let at = 0; at < 5; at++) raft.step(from(peer, { kind: 'vote-answer', term: 2, granted: true }))
      if (needed > 1 && peer === 'b') expect(raft.role).toBe('candidate')
      raft.step(from(peer, { kind: 'vote-answer', term: 2, granted: true }))
    }
    expect(raft.role).toBe('leader')
  })

  it('5.2: votes of another term, and of peers that have none, do not count', () => {
    const raft = awake()
    raft.campaign()
    for (const { to, term } of said(raft, 'pre-vote')) raft.step(from(to, { kind: 'pre-vote-answer', term, granted: true }))
    raft.step(from('b', { kind: 'vote-answer', term: 1, granted: true }))
    expect(raft.step(from('x', { kind: 'vote-answer', term: 2, granted: true }))).toBe('not-member')
    expect(raft.role).toBe('candidate')
  })

  it('5.2: a server votes for one candidate in a term, the first that asks', () => {
    const raft = awake()
    raft.step(vote('b', 2, [1, 1]))
    raft.step(vote('c', 2, [9, 1]))
    expect(said(raft, 'vote-answer')).toMatchObject([{ to: 'b', granted: true }, { to: 'c', granted: false }])
  })

  it('5.2: a winner sends heartbeats to all at once', () => {
    expect(said(newLeader(), 'heartbeat').map(({ to }) => to)).toEqual(['b', 'c'])
  })

  it('5.2: a candidate that hears a leader of its term follows it; one of a smaller term it refuses and stays', () => {
    const raft = awake({ term: 3 })
    raft.campaign()
    for (const { to, term } of said(raft, 'pre-vote')) raft.step(from(to, { kind: 'pre-vote-answer', term, granted: true }))
    raft.step(append('b', 3, [1, 1]))
    expect([raft.role, raft.term]).toEqual(['candidate', 4])
    raft.step(append('b', 4, [1, 1]))
    expect([raft.role, raft.term, raft.leader]).toEqual(['follower', 4, 'b'])
  })

  it('5.2: a split vote ends with a timeout and a new election in a new term', () => {
    const raft = awake()
    raft.campaign()
    for (let term = 2; term < 5; term++) {
      for (const { to } of said(raft, 'pre-vote')) raft.step(from(to, { kind: 'pre-vote-answer', term, granted: true }))
      expect([raft.role, raft.term]).toEqual(['candidate', term])
      drain(raft)
      raft.tick(raft.ticksUntilDue())
    }
  })

  it('5.2: election timeouts are drawn anew from one to two of them', () => {
    const draws = [0, 0.3, 0.6, 0.9]
    const dueIn = draws.map((draw) => server({ random: () => draw }).ticksUntilDue())
    expect(dueIn).toEqual([11, 14, 17, 20])
    const raft = server({ random: () => draws.shift()! })
    const first = raft.ticksUntilDue()
    raft.tick(first)
    expect(raft.ticksUntilDue()).not.toBe(first)
  })

  it('5.4.1: a vote goes only to a log at least as up to date: by the last term, then by length', () => {
    const granted = (last: readonly [number, number]): boolean => {
      const raft = awake({ terms: [1, 1, 3] })
      raft.step(vote('b', 4, last))
      return said(raft, 'vote-answer')[0]!.granted
    }
    expect(granted([3, 3])).toBe(true)
    expect(granted([2, 3])).toBe(false)
    expect(granted([9, 2])).toBe(false)
    expect(granted([1, 4])).toBe(true)
  })

  it('5.5: a repeated request for a vote gets the same answer, also after a restart', () => {
    const raft = awake()
    raft.step(vote('b', 2, [1, 1]))
    raft.step(vote('b', 2, [1, 1]))
    expect(said(raft, 'vote-answer').map(({ granted }) => granted)).toEqual([true, true])
    const again = awake({ term: 2, vote: 'b' })
    again.step(vote('c', 2, [1, 1]))
    again.step(vote('b', 2, [1, 1]))
    expect(said(again, 'vote-answer')).toMatchObject([{ to: 'c', granted: false }, { to: 'b', granted: true }])
  })

  it('5.6, figure 2: term and vote are written before the answer leaves', () => {
    const raft = awake()
    raft.step(vote('b', 2, [1, 1]))
    expect(raft.ready()).toMatchObject({ early: [], hardState: { term: 2, vote: 'b' }, mustSync: true, messages: [{ kind: 'vote-answer', granted: true }] })
  })

  it('5.6: settings in which an election timeout is no longer than a heartbeat, or a lease, are refused', () => {
    expect(() => { checkSettings({ ...settings, electionTicks: 2 }) }).toThrow('electionTicks 2 must exceed heartbeatTicks 2')
    expect(() => { checkSettings({ ...settings, leaseTicks: 10 }) }).toThrow('leaseTicks 10 must be below')
  })

  it('a server that has lost its log gives no vote', () => {
    const raft = awake({ terms: [], term: 0 })
    raft.step(vote('b', 2, [9, 1]))
    expect(said(raft, 'vote-answer')).toEqual([])
  })
})

describe('pre-votes', () => {
  it('thesis 9.6: a server enters no new term before a majority would vote for it', () => {
    const raft = awake({ voters: ['a', 'b', 'c', 'd', 'e'] })
    raft.campaign()
    const asked = said(raft, 'pre-vote')
    expect([raft.role, raft.term, asked.map(({ term }) => term)]).toEqual(['pre-candidate', 1, [2, 2, 2, 2]])
    raft.step(from('b', { kind: 'pre-vote-answer', term: 2, granted: true }))
    expect(raft.term).toBe(1)
    raft.step(from('c', { kind: 'pre-vote-answer', term: 2, granted: true }))
    expect([raft.role, raft.term]).toEqual(['candidate', 2])
  })

  it('thesis 9.6: a promise of a vote changes neither term nor vote, and may be given to several', () => {
    const raft = awake()
    raft.step(vote('b', 2, [1, 1], { kind: 'pre-vote' }))
    raft.step(vote('c', 2, [1, 1], { kind: 'pre-vote' }))
    const { messages, readies } = drain(raft)
    expect(messages).toMatchObject([{ to: 'b', granted: true, term: 2 }, { to: 'c', granted: true, term: 2 }])
    expect(readies.map(({ hardState }) => hardState)).toEqual([undefined])
  })

  it('thesis 9.6: no promise to a shorter log, nor while a leader is heard', () => {
    const raft = awake({ terms: [1, 1] })
    raft.step(vote('b', 2, [1, 1], { kind: 'pre-vote' }))
    expect(said(raft, 'pre-vote-answer')).toMatchObject([{ granted: false, term: 1 }])
    raft.step(append('c', 1, [2, 1]))
    expect(raft.step(vote('b', 2, [2, 1], { kind: 'pre-vote' }))).toBe('undisturbed')
    expect(said(raft, 'pre-vote-answer')).toEqual([])
  })

  it('of two servers that ask each other at the same time one goes back, so that the vote is not split', () => {
    const pair = new Map(['a', 'c'].map((self) => [self, awake({ self })]))
    for (const raft of pair.values()) raft.campaign()
    for (let round = 0; round < 6; round++) {
      const under = [...pair.values()].flatMap((raft) => drain(raft).messages)
      for (const message of under) pair.get(message.to)?.step(message)
    }
    expect([...pair.values()].map(({ role, term, leader }) => [role, term, leader])).toEqual([['follower', 2, 'c'], ['leader', 2, 'c']])
  })

  it('thesis 9.6: a follower that was cut off comes back without an election', () => {
    const group = new Group(['a', 'b', 'c'])
    group.elect('a')
    const { term } = group.get('a')
    group.cut.add('c')
    group.tick(100)
    expect(group.get('c').term).toBe(term)
    group.cut.clear()
    group.tick(30)
    expect([...group.servers.values()].map((raft) => [raft.term, raft.leader])).toEqual([[term, 'a'], [term, 'a'], [term, 'a']])
  })

  it('thesis 9.6: a refusal by a server of a later term brings that term', () => {
    const raft = awake()
    raft.campaign()
    raft.step(from('b', { kind: 'pre-vote-answer', term: 7, granted: false }))
    expect([raft.role, raft.term]).toEqual(['follower', 7])
  })
})
