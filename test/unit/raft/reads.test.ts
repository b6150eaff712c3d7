/** Reads, leases and the leader's watch over its majority: Ongaro's thesis, sections 6.2 and 6.4; section 8 of the paper. */
import { describe, expect, it } from 'vitest'
import { awake, beats, confirms, drain, from, Group, leader, newLeader, said, server } from './support.ts'

const asked = { lease: false }
const byLease = { lease: true }
const readsOf = (raft: ReturnType<typeof leader>): unknown => drain(raft).readies.flatMap(({ reads }) => reads)

describe('check-quorum', () => {
  it('6.2: a leader steps down when a majority has been silent for an election timeout', () => {
    const raft = leader({ voters: ['a', 'b', 'c', 'd', 'e'], settings: { quorumTimeouts: 1 } })
    raft.tick(5)
    raft.step(beats('b', 2, 1))
    raft.tick(4)
    expect(raft.role).toBe('leader')
    raft.tick(1)
    expect([raft.role, raft.term, raft.leader, raft.leaseTicksLeft()]).toEqual(['follower', 2, undefined, 0])
  })

  it('bears a longer silence without a lease, as one lost segment on a long link may be', () => {
    const raft = leader({ settings: { quorumTimeouts: 2 } })
    drain(raft)
    raft.step(beats('b', 2, 1))
    raft.tick(19)
    expect([raft.role, raft.leaseTicksLeft()]).toEqual(['leader', 0])
    raft.tick(1)
    expect(raft.role).toBe('follower')
  })

  it('6.2: and leads on while a majority answers', () => {
    const raft = leader({ voters: ['a', 'b', 'c', 'd', 'e'] })
    for (let round = 1; round < 20; round++) {
      for (const peer of ['b', 'c']) raft.step(beats(peer, 2, round))
      raft.tick(2)
      drain(raft)
    }
    expect(raft.role).toBe('leader')
  })

  it('a leader that slept, and is told so, has no lease left and steps down', () => {
    const raft = leader()
    raft.step(beats('b', 2, 1))
    raft.tick(100_000)
    expect([raft.role, raft.leaseTicksLeft()]).toEqual(['follower', 0])
  })
})

describe('reads', () => {
  it('6.4: 1. wait until the leader has committed an entry of its own term', () => {
    const raft = newLeader()
    drain(raft)
    expect(raft.read('r', byLease)).toEqual({ kind: 'asked' })
    raft.step(beats('b', 2, 1))
    expect(readsOf(raft)).toEqual([])
    raft.step(confirms('b', 2, 2))
    drain(raft)
    raft.step(beats('b', 2, 2))
    expect(readsOf(raft)).toEqual([{ context: 'r', index: 2 }])
  })

  it('6.4: 2. take the commit index of their arrival, 3. and wait for a majority\'s answers to a later heartbeat', () => {
    const raft = leader()
    raft.read('r', asked)
    raft.propose(Buffer.from('later'), '')
    expect(said(raft, 'heartbeat').map(({ round }) => round)).toEqual([2, 2])
    raft.step(confirms('b', 2, 3))
    raft.step(beats('b', 2, 1))
    expect(readsOf(raft)).toEqual([])
    raft.step(beats('b', 2, 2))
    expect(readsOf(raft)).toEqual([{ context: 'r', index: 2 }])
  })

  it('6.4: several share one round', () => {
    const raft = leader()
    for (const context of ['r', 's', 't']) raft.read(context, asked)
    expect(said(raft, 'heartbeat')).toHaveLength(2)
    raft.step(beats('c', 2, 2))
    expect(readsOf(raft)).toMatchObject([{ context: 'r' }, { context: 's' }, { context: 't' }])
  })

  it('6.4: a leader that is its own majority answers at once', () => {
    const raft = leader({ voters: ['a'] })
    raft.read('r', asked)
    expect(readsOf(raft)).toMatchObject([{ context: 'r' }])
  })

  it('6.4: 5. a follower asks the leader', () => {
    const group = new Group(['a', 'b', 'c'])
    group.elect('a')
    group.get('b').read('r', asked)
    group.settle()
    expect(group.reads).toEqual(['b r 2'])
  })

  it('8: a deposed leader answers no read: it tells those that wait', () => {
    const raft = leader()
    raft.read('r', asked)
    raft.step(from('b', { kind: 'read', term: 2, context: 's', lease: false }))
    drain(raft)
    raft.step(from('c', { kind: 'append-answer', term: 3, index: 0, rejected: true, hintIndex: 0, hintTerm: 0 }))
    const { readies, messages } = drain(raft)
    expect(readies.flatMap(({ refusedReads }) => refusedReads)).toEqual([{ context: 'r', refusal: 'not-leader' }])
    expect(messages).toMatchObject([{ kind: 'read-answer', to: 'b', context: 's', refusal: 'not-leader' }])
  })

  it('are refused without a leader, and where too many wait', () => {
    expect(awake().read('r', asked)).toEqual({ kind: 'refused', refusal: 'no-leader' })
    const raft = leader({ settings: { readsMax: 1 } })
    raft.read('r', asked)
    expect(raft.read('s', asked)).toEqual({ kind: 'refused', refusal: 'busy' })
    raft.step(from('b', { kind: 'read', term: 2, context: 't', lease: false }))
    expect(said(raft, 'read-answer')).toMatchObject([{ context: 't', refusal: 'busy' }])
  })

  it('answers of anybody but the leader do not count', () => {
    const raft = server()
    raft.step(from('b', { kind: 'heartbeat', term: 1, round: 1, commit: 0 }))
    raft.read('r', asked)
    expect(raft.step(from('c', { kind: 'read-answer', term: 1, context: 'r', index: 1, refusal: undefined }))).toBe('stale')
    expect(readsOf(raft)).toEqual([])
  })
})

describe('leases', () => {
  it('6.4.1: a majority\'s answers to a heartbeat let the leader answer alone, from when it was sent', () => {
    const raft = leader()
    expect(raft.leaseTicksLeft()).toBe(0)
    expect(raft.read('r', byLease)).toEqual({ kind: 'asked' })
    drain(raft)
    raft.tick(1)
    raft.step(beats('b', 2, 2))
    expect(raft.leaseTicksLeft()).toBe(6)
    expect(raft.read('s', byLease)).toEqual({ kind: 'current', index: 2 })
  })

  it('6.4.1: end before any of that majority may vote for another', () => {
    const raft = leader()
    raft.step(beats('b', 2, 1))
    raft.tick(7)
    expect([raft.role, raft.leaseTicksLeft()]).toEqual(['leader', 0])
    expect(raft.read('r', byLease)).toEqual({ kind: 'asked' })
    const follower = awake()
    follower.step(from('b', { kind: 'heartbeat', term: 1, round: 1, commit: 0 }))
    follower.tick(9)
    expect(follower.step(from('c', { kind: 'vote', term: 2, lastIndex: 1, lastTerm: 1, transfer: false }))).toBe('undisturbed')
    expect(follower.campaign()).toBe(false)
  })

  it('count the voters of the present configuration', () => {
    const raft = leader({ voters: ['a', 'b'], learners: ['c'] })
    raft.step(confirms('c', 2, 2))
    raft.step(beats('b', 2, 1))
    raft.change({ kind: 'promote', peers: ['c'] })
    expect(raft.leaseTicksLeft()).toBe(7)
    raft.change({ kind: 'remove', peers: ['b'] })
    raft.tick(2)
    drain(raft)
    expect(raft.leaseTicksLeft()).toBe(5)
  })

  it('a late answer to an early heartbeat gives no lease', () => {
    const raft = leader()
    for (let round = 1; round < 4; round++) {
      raft.tick(2)
      drain(raft)
      raft.step(confirms('b', 2, 2))
    }
    raft.tick(1)
    raft.step(beats('b', 2, 1))
    expect(raft.leaseTicksLeft()).toBe(0)
  })
})
