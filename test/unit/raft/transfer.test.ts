/** Handing leadership on: Ongaro's thesis, section 3.10, and what it does to the leader's lease. */
import { describe, expect, it } from 'vitest'
import { append, awake, beats, confirms, drain, from, Group, leader, said, vote } from './support.ts'

const value = (text: string): Uint8Array => Buffer.from(text)
const beatAll = (raft: ReturnType<typeof leader>, round: number, peers = ['b', 'c']): void => {
  for (const peer of peers) raft.step(beats(peer, 2, round))
}

describe('a transfer', () => {
  it('3.10: moves leadership within one exchange of votes, though the old leader is heard', () => {
    const group = new Group(['a', 'b', 'c'])
    const raft = group.elect('a')
    group.tick(2)
    expect(raft.transfer('b')).toBeUndefined()
    group.settle()
    expect([raft.role, group.get('b').role, group.get('b').term]).toEqual(['follower', 'leader', 3])
    expect(group.get('c').leader).toBe('b')
  })

  it('3.10: 1. the leader takes no proposals meanwhile, and tells its host to whom it hands on', () => {
    const raft = leader()
    raft.transfer('b')
    expect(raft.propose(value('x'), '')).toEqual({ kind: 'refused', refusal: 'transferring' })
    expect(raft.change({ kind: 'remove', peers: ['c'] })).toEqual({ kind: 'refused', refusal: 'transferring' })
    expect(raft.transfer('c')).toBe('transferring')
    expect(raft.status().transferee).toBe('b')
  })

  it('3.10: 2. the order goes out when the target has the whole log, 3. once', () => {
    const raft = leader()
    beatAll(raft, 1)
    raft.propose(value('x'), '')
    raft.transfer('b')
    expect(said(raft, 'timeout-now')).toEqual([])
    raft.step(confirms('b', 2, 3))
    expect(said(raft, 'timeout-now')).toMatchObject([{ to: 'b', term: 2, life: 1 }])
    raft.step(confirms('b', 2, 3))
    expect(said(raft, 'timeout-now')).toEqual([])
  })

  it('3.10: is given up after an election timeout, and proposals are taken again', () => {
    const raft = leader()
    beatAll(raft, 1)
    raft.transfer('b')
    for (let round = 2; round < 8; round++) {
      raft.tick(2)
      drain(raft)
      beatAll(raft, round)
    }
    expect(raft.status().transferee).toBeUndefined()
    expect(raft.propose(value('x'), '').kind).toBe('appended')
  })

  it.each([['a', 'bad-change'], ['d', 'bad-change'], ['x', 'bad-change']])('to %s is refused', (to, refusal) => {
    expect(leader({ learners: ['d'] }).transfer(to)).toBe(refusal)
    expect(awake().transfer(to)).toBe('not-leader')
  })

  it('to one that was not heard for an election timeout is refused', () => {
    const raft = leader()
    for (let round = 1; round < 7; round++) {
      raft.tick(2)
      drain(raft)
      beatAll(raft, round, ['c'])
    }
    expect(raft.transfer('b')).toBe('not-caught-up')
  })
})

describe('the order to take over', () => {
  const order = (raft: ReturnType<typeof leader>, round: number, term = 1): unknown => {
    raft.step(from('b', { kind: 'heartbeat', term: 1, round: 5, commit: 0 }))
    const { life } = said(raft, 'heartbeat-answer')[0]!
    return raft.step(from('b', { kind: 'timeout-now', term, round, life }))
  }

  it('3.10: makes a follower a candidate at once, without pre-votes', () => {
    const raft = awake()
    expect(order(raft, 5)).toBe('taken')
    expect([raft.role, raft.term]).toEqual(['candidate', 2])
    expect(said(raft, 'vote')).toMatchObject([{ transfer: true }, { transfer: true }])
  })

  it('is void after a later heartbeat, in another term, from anybody but the leader, and after a restart', () => {
    expect(order(awake(), 4)).toBe('stale')
    expect(order(awake({ term: 1 }), 5, 0)).toBe('stale')
    const raft = awake()
    raft.step(append('b', 1, [1, 1]))
    expect(raft.step(from('c', { kind: 'timeout-now', term: 1, round: 9, life: 0 }))).toBe('stale')
    expect(raft.step(from('b', { kind: 'timeout-now', term: 1, round: 9, life: 12_345 }))).toBe('stale')
  })

  it('4.2.3: a vote that the leader asked for is given although it is heard, to voters only', () => {
    const raft = awake()
    raft.step(append('b', 1, [1, 1]))
    raft.step(vote('c', 2, [1, 1]))
    expect(said(raft, 'vote-answer')).toEqual([])
    raft.step(vote('c', 2, [1, 1], { transfer: true }))
    expect(said(raft, 'vote-answer')).toMatchObject([{ to: 'c', granted: true }])
  })

  it('ends the lease, until the target answers a later heartbeat', () => {
    const raft = leader()
    beatAll(raft, 1)
    expect(raft.leaseTicksLeft()).toBeGreaterThan(0)
    raft.transfer('b')
    expect(raft.leaseTicksLeft()).toBe(0)
    for (let round = 2; round < 10; round++) {
      raft.tick(2)
      drain(raft)
      raft.step(beats('c', 2, round))
      raft.step(beats('b', 2, 1))
    }
    expect(raft.status().transferee).toBeUndefined()
    expect(raft.leaseTicksLeft()).toBe(0)
    raft.step(beats('b', 2, 9))
    expect(raft.leaseTicksLeft()).toBeGreaterThan(0)
  })
})
