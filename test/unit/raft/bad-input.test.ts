/** Messages that no honest server of the group sends: none of them changes anything, and each is told by its verdict. */
import { describe, expect, it } from 'vitest'
import { append, awake, beats, configurationEntry, confirms, drain, entry, from, leader, said, server, settings, vote } from './support.ts'
import { EntryKind, type Message } from '../../../protocols/raft/messages.ts'

/** @returns the verdict; fails where the message changed or caused anything */
function unmoved (raft: ReturnType<typeof server>, message: Message): string {
  drain(raft)
  const before = raft.status()
  const verdict = raft.step(message)
  expect(raft.status()).toEqual(before)
  expect(raft.hasReady()).toBe(false)
  return verdict
}

describe('a message', () => {
  it('of another group, or for another server, is dropped', () => {
    expect(unmoved(awake(), { ...append('b', 9, [1, 1]), group: 'h' })).toBe('other-group')
    expect(unmoved(awake(), { ...append('b', 9, [1, 1]), to: 'c' })).toBe('not-for-me')
    expect(unmoved(awake(), append('a', 9, [1, 1]))).toBe('not-for-me')
  })

  it('with a term further ahead than elections can have made it is dropped, whatever its kind', () => {
    const far = 1 + settings.termJumpMax + 1
    for (const message of [append('b', far, [1, 1]), vote('b', far, [9, 9]), vote('b', far, [9, 9], { kind: 'pre-vote' }), confirms('b', far, 1), beats('b', far, 1)]) {
      expect(unmoved(awake(), message)).toBe('term-too-far')
    }
    expect(awake().step(append('b', far - 1, [1, 1]))).toBe('taken')
  })

  it('brings the term no further, however many are sent, than by one jump and a term a tick; elections go on from there', () => {
    const { termJumpMax, termTicks, electionTicks } = settings
    // A member's answers of a higher term are believed, as they end a leadership that is over.
    for (const kind of ['answer', 'append'] as const) {
      const raft = leader()
      // Its own election took one.
      raft.tick(termTicks)
      const message = (term: number): Message => kind === 'answer' ? confirms('b', term, 1) : append('b', term, [1, 1])
      const push = (): number => {
        for (let step = termJumpMax; step >= 1; step = Math.floor(step / 2)) {
          for (let times = 0; times < 3 && raft.step(message(raft.term + step)) === 'taken'; times++) drain(raft)
        }
        return raft.term
      }
      expect(push()).toBe(2 + termJumpMax)
      for (const far of [2 ** 52, 2 ** 52 + 1, Number.MAX_SAFE_INTEGER]) expect(unmoved(raft, message(far))).toBe('term-too-far')
      raft.tick(10 * termTicks)
      expect(push()).toBe(2 + termJumpMax + 10)
      // An honest election is heard as soon as one can be.
      raft.tick(electionTicks)
      expect(raft.step(vote('c', raft.term + 1, [9, raft.term]))).toBe('taken')
    }
  })

  it('leaves a server that has spent all terms of others able to stand itself', () => {
    const raft = awake({ settings: { termJumpMax: 1 } })
    raft.step(from('b', { kind: 'heartbeat', term: 2, round: 1, commit: 0 }))
    const { life } = said(raft, 'heartbeat-answer')[0]!
    expect(raft.step(from('b', { kind: 'timeout-now', term: 2, round: 1, life }))).toBe('taken')
    for (const { to, term } of said(raft, 'vote')) expect(raft.step(from(to, { kind: 'vote-answer', term, granted: true }))).not.toBe('term-too-far')
    expect(raft.role).toBe('leader')
  })

  it('brings a server without a term to any that can be counted', () => {
    expect(server({ terms: [], term: 0 }).step(append('b', 5_000_000, [0, 0]))).toBe('taken')
    expect(unmoved(server({ terms: [], term: 0 }), append('b', 2 ** 52 + 1, [0, 0]))).toBe('term-too-far')
  })

  it('of a peer that is not in the configuration moves no term and counts for nothing', () => {
    for (const message of [vote('x', 3, [9, 9]), append('x', 3, [1, 1]), from('x', { kind: 'snapshot', term: 3, snapshot: { index: 9, term: 3, configuration: { voters: ['x'], learners: [] }, data: Buffer.of() } })]) {
      expect(unmoved(leader(), message)).toBe('undisturbed')
    }
    for (const message of [confirms('x', 3, 9), beats('x', 3, 1), confirms('x', 2, 2), beats('x', 2, 1), from('x', { kind: 'pre-vote-answer', term: 3, granted: false }),
      from('x', { kind: 'proposal', term: 2, context: '', data: Buffer.of(1) }), from('x', { kind: 'read', term: 2, context: '', lease: true })]) {
      expect(unmoved(leader(), message), message.kind).toBe('not-member')
    }
    expect(unmoved(awake({ terms: [1, 1] }), vote('x', 9, [1, 1]))).toBe('not-member')
  })

  it('of a second leader in one term is refused', () => {
    const raft = server()
    raft.step(append('b', 2, [1, 1]))
    expect(unmoved(raft, append('c', 2, [1, 1], [entry(2, 2)]))).toBe('contradiction')
    expect(unmoved(leader(), from('b', { kind: 'heartbeat', term: 2, round: 1, commit: 9 }))).toBe('contradiction')
  })

  it.each<[string, Message]>([
    ['other entries where committed ones stand', append('b', 2, [1, 1], [entry(2, 2)])],
    ['entries of a later term than their leader\'s', append('b', 2, [3, 1], [entry(4, 3)])],
    ['entries whose terms fall', append('b', 2, [3, 1], [entry(4, 2), entry(5, 1)])],
    ['entries with a gap', append('b', 2, [3, 1], [entry(5, 2)])],
    ['entries of no term', append('b', 2, [0, 0], [entry(1, 0)])],
    ['a first place with a term', append('b', 2, [0, 2])],
    ['a configuration that is none', append('b', 2, [3, 1], [{ index: 4, term: 2, kind: EntryKind.Configuration, data: Buffer.from('x') }])],
    ['a configuration without voters', append('b', 2, [3, 1], [configurationEntry(4, 2, [])])],
    ['a snapshot of a later term', from('b', { kind: 'snapshot', term: 2, snapshot: { index: 9, term: 3, configuration: { voters: ['b'], learners: [] }, data: Buffer.of() } })]
  ])('with %s is refused', (_what, message) => {
    const raft = awake({ terms: [1, 1, 1], commit: 3 })
    raft.step(append('b', 2, [3, 1], [], 3))
    expect(unmoved(raft, message)).toBe('contradiction')
  })

  it('that confirms what the leader has not, or answers a heartbeat that never left, is refused', () => {
    expect(unmoved(leader(), confirms('b', 2, 9))).toBe('contradiction')
    expect(unmoved(leader(), beats('b', 2, 99))).toBe('contradiction')
  })

  it('that comes late is stale', () => {
    for (const message of [confirms('b', 1, 1), beats('b', 1, 1), from('b', { kind: 'vote-answer', term: 2, granted: true }), from('b', { kind: 'proposal-answer', term: 1, context: '', index: 1, refusal: undefined })]) {
      expect(unmoved(leader(), message), message.kind).toBe('stale')
    }
  })
})
