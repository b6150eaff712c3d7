import { describe, expect, it } from 'vitest'
import { objectionTo, type GroupStanding } from '../../../protocols/raft/copy-claim.ts'

const of = '000000000010-aa'
const [older, younger] = ['000000000010+ffff-aa', '000000000011-aa']
const copy = { group: of, index: 9, version: 3 }
const voters = ['a', 'b', 'c']
const nothing: GroupStanding = { isMember: false, leads: false, lastTerm: 0, lastIndex: 0 }
const log = (lastIndex: number, rest: Partial<GroupStanding> = {}): GroupStanding => ({ ...nothing, group: of, isMember: true, lastTerm: 2, lastIndex, ...rest })
const copies = (index: number, group = of): GroupStanding => ({ ...nothing, copy: { group, index, version: index } })
const objection = (said: Readonly<Record<string, GroupStanding>>): unknown => objectionTo(copy, voters, new Map(Object.entries({ d: { ...nothing, copy }, ...said })))

describe('a copy', () => {
  it('founds a group anew where nobody that is left has more', () => {
    expect(objection({})).toBeUndefined()
    expect(objection({ a: nothing, e: copies(9), f: copies(3) })).toBeUndefined()
    // A log that ends before the copy was made.
    expect(objection({ a: log(8), e: log(8) })).toBeUndefined()
    // A younger group gives way.
    expect(objection({ e: log(99, { group: younger, leads: true }), f: copies(99, younger) })).toBeUndefined()
  })

  it.each<[string, Readonly<Record<string, GroupStanding>>, object]>([
    ['somebody leads it', { a: log(20, { leads: true }) }, { kind: 'leader', peer: 'a' }],
    ['somebody leads what took its place', { f: log(1, { group: older, leads: true }) }, { kind: 'leader', peer: 'f' }],
    ['a majority of its voters is left, however little they have', { a: log(2), b: log(2) }, { kind: 'majority', peers: ['a', 'b'] }],
    ['there is a log that goes as far', { c: log(9) }, { kind: 'log', peer: 'c' }],
    ['there is one of a learner', { e: log(9) }, { kind: 'log', peer: 'e' }],
    ['there is a log of what took its place', { e: log(1, { group: older }) }, { kind: 'log', peer: 'e' }],
    ['others have newer ones, of which it names the newest', { e: copies(10), f: copies(11) }, { kind: 'newer', peer: 'f', copy: { group: of, index: 11, version: 11 } }],
    ['there is a copy of what took its place', { e: copies(10), f: copies(1, older) }, { kind: 'newer', peer: 'f' }]
  ])('does not where %s', (_what, said, expected) => {
    expect(objection(said)).toMatchObject(expected)
  })
})
