/** Changes of the configuration, one server at a time: Ongaro's thesis, chapter 4, with his correction of 2015; section 6 of the paper for what both have. */
import { describe, expect, it } from 'vitest'
import { append, awake, beats, configurationEntry, confirms, drain, entry, Group, leader, newLeader, said, server, vote } from './support.ts'

const value = (text: string): Uint8Array => Buffer.from(text)

describe('a change of the configuration', () => {
  it('4.1: changes voters by one server at a time', () => {
    const raft = leader({ learners: ['d'] })
    for (const peer of ['d']) raft.step(confirms(peer, 2, 2))
    raft.change({ kind: 'promote', peers: ['d'] })
    expect(raft.status().configuration).toEqual({ voters: ['a', 'b', 'c', 'd'], learners: [] })
  })

  it('4.1, 6: counts as soon as it stands in the log, at the leader and at a follower', () => {
    const raft = leader()
    raft.change({ kind: 'remove', peers: ['c'] })
    expect(raft.status().configuration.voters).toEqual(['a', 'b'])
    drain(raft)
    raft.step(confirms('c', 2, 3))
    expect(raft.commit).toBe(2)
    raft.step(confirms('b', 2, 3))
    expect(raft.commit).toBe(3)
    const follower = server()
    follower.step(append('b', 2, [1, 1], [configurationEntry(2, 2, ['a', 'b'])]))
    expect([follower.status().configuration.voters, follower.commit]).toEqual([['a', 'b'], 1])
  })

  it('4.1: falls back to the one before when its entry is replaced', () => {
    const raft = server()
    raft.step(append('b', 2, [1, 1], [configurationEntry(2, 2, ['a', 'c'])]))
    raft.step(append('c', 3, [1, 1], [entry(2, 3)]))
    expect(raft.status()).toMatchObject({ configuration: { voters: ['a', 'b', 'c'] }, configurationIndex: 1 })
  })

  it('4.1: waits until the one before is committed', () => {
    const raft = leader()
    expect(raft.change({ kind: 'add-learner', peers: ['d'] }).kind).toBe('appended')
    expect(raft.change({ kind: 'add-learner', peers: ['e'] })).toEqual({ kind: 'refused', refusal: 'change-pending' })
    drain(raft)
    raft.step(confirms('b', 2, 3))
    expect(raft.change({ kind: 'add-learner', peers: ['e'] }).kind).toBe('appended')
  })

  it('4.1, corrected 2015: waits until the leader has committed an entry of its own term', () => {
    const raft = newLeader()
    expect(raft.change({ kind: 'remove', peers: ['c'] })).toEqual({ kind: 'refused', refusal: 'change-pending' })
    drain(raft)
    raft.step(confirms('b', 2, 2))
    drain(raft)
    expect(raft.change({ kind: 'remove', peers: ['c'] }).kind).toBe('appended')
  })

  it.each([
    ['add-learner', 'b'], ['add-learner', 'd'], ['promote', 'b'], ['promote', 'x'], ['demote', 'd'], ['remove', 'x']
  ] as const)('is refused when it does nothing: %s %s', (kind, peer) => {
    expect(leader({ learners: ['d'] }).change({ kind, peers: [peer] })).toEqual({ kind: 'refused', refusal: 'bad-change' })
  })

  it('4.2.1: brings or takes any number of learners, as no majority changes by them, and never two voters', () => {
    const raft = leader({ learners: ['d'] })
    expect(raft.change({ kind: 'add-learner', peers: ['d', 'f', 'e', 'f'] }).kind).toBe('appended')
    expect(raft.status().configuration).toEqual({ voters: ['a', 'b', 'c'], learners: ['d', 'e', 'f'] })
    drain(raft)
    raft.step(confirms('b', 2, 3))
    for (const peer of ['d', 'e']) raft.step(confirms(peer, 2, 3))
    for (const [kind, peers] of [['promote', ['d', 'e']], ['demote', ['b', 'c']], ['remove', ['b', 'c', 'd']]] as const) {
      expect(raft.change({ kind, peers })).toEqual({ kind: 'refused', refusal: 'bad-change' })
    }
    expect(raft.change({ kind: 'remove', peers: ['c', 'd', 'e', 'f'] }).kind).toBe('appended')
    expect(raft.status().configuration).toEqual({ voters: ['a', 'b'], learners: [] })
  })

  it('never takes the last voter', () => {
    const raft = leader({ voters: ['a'] })
    for (const kind of ['remove', 'demote'] as const) expect(raft.change({ kind, peers: ['a'] })).toEqual({ kind: 'refused', refusal: 'bad-change' })
  })

  it('is the leader\'s to make', () => {
    expect(awake().change({ kind: 'remove', peers: ['b'] })).toEqual({ kind: 'refused', refusal: 'not-leader' })
  })
})

describe('servers that come', () => {
  it('4.2.1, 6: join as learners, which receive the log and are counted in no majority', () => {
    const group = new Group(['a', 'b', 'c'])
    const raft = group.elect('a')
    group.add(server({ self: 'd', terms: [] }), 'd')
    raft.change({ kind: 'add-learner', peers: ['d'] })
    group.settle()
    group.cut.add('b').add('c')
    raft.propose(value('x'), '')
    group.settle()
    expect(group.get('d').status().lastIndex).toBe(4)
    expect(raft.commit).toBe(3)
  })

  it('4.2.1: learners never stand for election', () => {
    const raft = server({ self: 'd', learners: ['d'] })
    expect(raft.ticksUntilDue()).toBe(Infinity)
    raft.tick(1_000)
    expect([raft.role, raft.campaign(), drain(raft).messages]).toEqual(['follower', false, []])
  })

  it('4.2.1: are promoted once they have caught up, and are heard', () => {
    const raft = leader({ learners: ['d'], settings: { promotionLagMax: 1 } })
    for (const text of ['x', 'y']) raft.propose(value(text), '')
    drain(raft)
    const promote = { kind: 'promote', peers: ['d'] } as const
    expect(raft.change(promote)).toEqual({ kind: 'refused', refusal: 'not-caught-up' })
    raft.step(confirms('d', 2, 2))
    expect(raft.change(promote)).toEqual({ kind: 'refused', refusal: 'not-caught-up' })
    raft.step(confirms('d', 2, 3))
    for (let round = 2; round < 8; round++) {
      raft.tick(2)
      drain(raft)
      raft.step(beats('b', 2, round))
    }
    expect(raft.change(promote)).toEqual({ kind: 'refused', refusal: 'not-caught-up' })
    raft.step(confirms('d', 2, 4))
    expect(raft.change(promote).kind).toBe('appended')
  })

  it('4.1: take entries of a leader that is not in their configuration, once theirs is silent', () => {
    const raft = server()
    expect(raft.step(append('d', 2, [1, 1], [entry(2, 2)]))).toBe('undisturbed')
    raft.tick(10)
    expect(raft.step(append('d', 2, [1, 1], [entry(2, 2)]))).toBe('taken')
    expect(raft.leader).toBe('d')
    const fresh = server({ terms: [], term: 0 })
    expect(fresh.step(append('d', 9, [0, 0], [configurationEntry(1, 1, ['d'])]))).toBe('taken')
  })

  it('4.1: vote for a candidate that is not in their configuration, once the leader is silent', () => {
    const raft = awake()
    raft.step(vote('d', 2, [2, 1]))
    expect(said(raft, 'vote-answer')).toMatchObject([{ to: 'd', granted: true }])
  })
})

describe('servers that go', () => {
  it('4.2.2, 6: a leader that removed itself leads until that is committed, is not counted, and names an heir', () => {
    const group = new Group(['a', 'b', 'c'])
    const raft = group.elect('a')
    raft.change({ kind: 'remove', peers: ['a'] })
    raft.ready()
    raft.advance()
    raft.step(confirms('b', 2, 3))
    expect([raft.role, raft.commit]).toEqual(['leader', 2])
    raft.step(confirms('c', 2, 3))
    expect([raft.role, raft.commit]).toEqual(['follower', 3])
    expect(said(raft, 'timeout-now')).toHaveLength(1)
    expect(raft.ticksUntilDue()).toBe(Infinity)
  })

  it('4.2.2: one that is voted out still stands for election until that is committed', () => {
    const raft = awake({ voters: ['a', 'b'] })
    raft.step(append('b', 2, [1, 1], [configurationEntry(2, 2, ['b'], ['a'])]))
    raft.tick(raft.ticksUntilDue())
    expect(raft.role).toBe('pre-candidate')
    raft.step(append('b', 2, [2, 2], [], 2))
    expect(raft.ticksUntilDue()).toBe(Infinity)
  })

  it('4.2.3, 6: a removed server disturbs nobody while there is a leader', () => {
    const group = new Group(['a', 'b', 'c', 'd'])
    const raft = group.elect('a')
    group.cut.add('d')
    raft.change({ kind: 'remove', peers: ['d'] })
    group.tick(5)
    group.cut.clear()
    const { term } = raft
    group.tick(100)
    expect([raft.role, raft.term, group.get('d').role]).toEqual(['leader', term, 'pre-candidate'])
    expect(raft.step(vote('d', term + 5, [99, term]))).toBe('undisturbed')
    expect(group.get('b').step({ ...vote('d', term + 5, [99, term], { transfer: true }), to: 'b' })).toBe('undisturbed')
    expect([raft.term, group.get('b').term]).toEqual([term, term])
  })

  it('from one to three to five voters and back nothing committed is lost', () => {
    const group = new Group(['a'])
    const raft = group.elect('a')
    const wanted: string[] = []
    const write = (text: string): void => {
      raft.propose(value(text), '')
      wanted.push(text)
      group.tick(1)
    }
    for (const peer of ['b', 'c', 'd', 'e']) {
      group.add(server({ self: peer, terms: [], random: () => 0.99 }), peer)
      write(`before ${peer}`)
      expect(raft.change({ kind: 'add-learner', peers: [peer] }).kind).toBe('appended')
      group.tick(3)
      expect(raft.change({ kind: 'promote', peers: [peer] }).kind).toBe('appended')
      group.tick(1)
    }
    for (const peer of ['a', 'b', 'c']) {
      const [, leading] = [...group.servers].find(([, each]) => each.role === 'leader')!
      leading.propose(value(`without ${peer}`), '')
      wanted.push(`without ${peer}`)
      group.tick(1)
      expect(leading.change({ kind: 'remove', peers: [peer] }).kind).toBe('appended')
      group.tick(25)
    }
    expect(group.values('d')).toEqual(wanted)
    expect(group.values('e')).toEqual(wanted)
    expect(group.get('d').status().configuration.voters).toEqual(['d', 'e'])
  })
})

describe('learners that have everything', () => {
  const few = { learnerTicks: 50 }
  /** Lets time pass while the voters answer. @returns the rounds in which `d` was asked */
  const asked = (raft: ReturnType<typeof leader>, ticks: number): number[] => {
    const rounds: number[] = []
    for (let passed = 0; passed < ticks; passed += 2) {
      raft.tick(2)
      for (const { to, round, term } of said(raft, 'heartbeat')) {
        if (to === 'd') rounds.push(round)
        else raft.step(beats(to, term, round))
      }
    }
    return rounds
  }

  it('are seldom asked, those that lack something as often as voters, those that do not answer ever more seldom', () => {
    const raft = leader({ learners: ['d'], settings: few })
    raft.step(confirms('d', 2, 2))
    raft.step(beats('d', 2, 1))
    const [told] = asked(raft, 2)
    raft.step(beats('d', 2, told!))
    const rounds = asked(raft, 100)
    expect(rounds).toHaveLength(2)
    raft.step(beats('d', 2, rounds[1]!))
    raft.propose(value('x'), '')
    drain(raft)
    const later = asked(raft, 104)
    expect(later.slice(1).map((round, at) => round - later[at]!)).toEqual([1, 2, 4, 8, 16])
  })

  it('are told again what is committed where the word of it was lost', () => {
    const raft = leader({ learners: ['d'], settings: few })
    raft.step(confirms('d', 2, 2))
    raft.step(beats('d', 2, asked(raft, 2)[0]!))
    expect(asked(raft, 20)).toEqual([])
    raft.propose(value('x'), '')
    drain(raft)
    raft.step(confirms('d', 2, 3))
    raft.step(confirms('b', 2, 3))
    // Told along the way, and lost there: nobody answers that.
    expect(said(raft, 'append').filter(({ to }) => to === 'd').map(({ commit }) => commit)).toEqual([3])
    raft.tick(2)
    const beat = said(raft, 'heartbeat').find(({ to }) => to === 'd')!
    expect(beat.commit).toBe(3)
    raft.step(beats('d', 2, beat.round))
    expect(asked(raft, 20)).toEqual([])
  })

  it('are asked at once where they may be there again, or are to be promoted', () => {
    const raft = leader({ learners: ['d'], settings: few })
    raft.step(confirms('d', 2, 2))
    asked(raft, 20)
    raft.attend('d')
    expect(said(raft, 'heartbeat').map(({ to }) => to)).toEqual(['b', 'c', 'd'])
    asked(raft, 30)
    expect(raft.change({ kind: 'promote', peers: ['d'] })).toEqual({ kind: 'refused', refusal: 'not-caught-up' })
    expect(said(raft, 'heartbeat').map(({ to }) => to)).toContain('d')
  })

  it('of a leader that votes alone wake it as seldom, and without any it sleeps', () => {
    const raft = leader({ voters: ['a'], learners: ['d'], settings: few })
    raft.step(confirms('d', 2, 2))
    raft.tick(2)
    raft.step(beats('d', 2, said(raft, 'heartbeat')[0]!.round))
    drain(raft)
    expect(raft.ticksUntilDue()).toBe(50)
    expect(leader({ voters: ['a'] }).ticksUntilDue()).toBe(Infinity)
  })
})
