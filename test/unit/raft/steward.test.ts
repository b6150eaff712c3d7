/** Who votes, change by change: DESIGN.md, rules of agreement. */
import { describe, expect, it } from 'vitest'
import type { Configuration } from '../../../protocols/raft/messages.ts'
import { nextChange, stewardDefaults, votersAmong, type Fellow, type StewardView } from '../../../protocols/raft/steward.ts'

const { settleMs, replaceMs, forgetMs } = stewardDefaults

/** Long known, caught up and answering, unless it is said otherwise. */
function seen (voters: string, learners = '', changes: Readonly<Record<string, Partial<Fellow>>> = {}): StewardView {
  const configuration: Configuration = { voters: [...voters], learners: [...learners] }
  const fellows = new Map([...voters + learners].map((peer) => {
    const fellow: Fellow = { peer, since: peer.charCodeAt(0), presence: 'here', forMs: settleMs, answers: true, caughtUp: true, ...changes[peer] }
    return [peer, fellow] as const
  }))
  return { self: voters[0]!, configuration, changing: false, fellows }
}

const silent = (forMs: number = replaceMs): Partial<Fellow> => ({ presence: 'silent', forMs, answers: false, caughtUp: false })
const next = (view: StewardView): string => {
  const change = nextChange(view, stewardDefaults)
  return change === undefined ? 'nothing' : `${change.kind} ${change.peers.join(' ')}`
}

describe('how many vote', () => {
  it('is three, five among eight or more, and one where there are only two', () => {
    expect([1, 2, 3, 7, 8, 100].map(votersAmong)).toEqual([1, 1, 3, 3, 5, 5])
  })

  it('grows only when the next odd number can be reached, and through the even one at once', () => {
    expect(next(seen('a', 'b'))).toBe('nothing')
    expect(next(seen('a', 'bc', { c: { caughtUp: false } }))).toBe('nothing')
    expect(next(seen('a', 'bc'))).toBe('promote b')
    expect(next(seen('ab', 'c'))).toBe('promote c')
    expect(next(seen('abc', 'defgh', { e: { answers: false }, f: { forMs: 0 }, g: { caughtUp: false }, h: silent() }))).toBe('nothing')
    expect(next(seen('abc', 'defgh', { f: { forMs: 0 }, g: { caughtUp: false }, h: silent() }))).toBe('promote d')
  })

  it('shrinks by who leaves, never the leader\'s seat first', () => {
    expect(next(seen('abcde', 'fgh', { h: { presence: 'left' } }))).toBe('demote d')
    expect(next(seen('ab'))).toBe('demote b')
    expect(next(seen('abc', '', { b: { presence: 'left', answers: false } }))).toBe('remove b')
  })

  it('is one change at a time', () => {
    expect(next({ ...seen('a', 'bc'), changing: true })).toBe('nothing')
  })
})

describe('a voter that is silent', () => {
  it('keeps its seat while nobody can take it', () => {
    expect(next(seen('abc', '', { c: silent() }))).toBe('nothing')
    expect(next(seen('abc', 'd', { c: silent(), d: { caughtUp: false } }))).toBe('nothing')
    expect(next(seen('abcde', 'fgh', { d: silent(forgetMs), e: silent(forgetMs), f: { caughtUp: false }, g: { caughtUp: false }, h: silent(forgetMs) }))).toBe('nothing')
  })

  it('is replaced after a while: another is promoted before it goes', () => {
    expect(next(seen('abc', 'd', { c: silent(replaceMs - 1) }))).toBe('nothing')
    expect(next(seen('abc', 'd', { c: silent() }))).toBe('promote d')
    expect(next(seen('abcd', '', { c: silent() }))).toBe('demote c')
  })

  it('is not replaced where the change itself would have no majority', () => {
    expect(next(seen('abc', 'd', { b: { answers: false }, c: silent() }))).toBe('nothing')
    expect(next(seen('abcd', '', { b: { answers: false }, c: { presence: 'left', answers: false } }))).toBe('remove c')
  })
})

describe('a voter that leaves', () => {
  it('is replaced first where somebody is ready, and given up where not', () => {
    const leaving = { presence: 'leaving' } as const
    expect(next(seen('abc', 'd', { c: leaving }))).toBe('promote d')
    expect(next(seen('abcd', '', { c: leaving }))).toBe('demote c')
    expect(next(seen('abc', '', { c: leaving }))).toBe('demote c')
  })

  it('hands over when it leads, and as the last one leaves all as it is', () => {
    const leaving = { presence: 'leaving' } as const
    expect(next(seen('a', 'b', { a: leaving }))).toBe('promote b')
    expect(next(seen('ab', '', { a: leaving }))).toBe('demote a')
    expect(next(seen('a', 'b', { a: leaving, b: { forMs: 0 } }))).toBe('promote b')
    expect(next(seen('abc', '', { a: leaving, b: leaving, c: leaving }))).toBe('nothing')
    expect(next(seen('a', 'b', { a: leaving, b: { caughtUp: false } }))).toBe('nothing')
  })
})

describe('zones', () => {
  it('a voter of a zone that has another gives way to a member of one that has none', () => {
    const zones = { a: { zone: 'x' }, b: { zone: 'x' }, c: { zone: 'y' }, d: { zone: 'z' }, e: { zone: 'x' } }
    expect(next(seen('abc', 'de', zones))).toBe('promote d')
    expect(next(seen('abcd', 'e', zones))).toBe('demote b')
    expect(next(seen('acd', 'be', zones))).toBe('nothing')
  })

  it('among equals those that have lived longest', () => {
    expect(next(seen('a', 'bcd', { b: { since: 400 }, c: { since: 300 }, d: { since: 350 } }))).toBe('promote c')
  })
})

describe('learners', () => {
  it('are taken out when they leave, or after a long silence that does not cost a vote', () => {
    expect(next(seen('a', 'b', { b: { presence: 'left' } }))).toBe('remove b')
    expect(next(seen('abc', 'de', { d: silent(forgetMs - 1), e: silent(forgetMs) }))).toBe('remove e')
    expect(next(seen('abcde', 'fgh', { h: silent(forgetMs) }))).toBe('nothing')
  })

  it('go in one change, as many as do not cost a vote', () => {
    expect(next(seen('abc', 'defg', { d: silent(forgetMs), e: { presence: 'left' }, g: silent(forgetMs) }))).toBe('remove e d g')
    expect(next(seen('abcde', 'fghi', { f: silent(forgetMs), g: silent(forgetMs) }))).toBe('remove f')
  })
})
