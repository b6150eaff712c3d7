/** What is kept because it is asked for often - lists, vectors, pulses on their way - is never older than what it is made of. */
import { expect, it } from 'vitest'
import { Pulses } from '../../../protocols/membership/pulses.ts'
import { announcementOf, membersOf, unsigned } from './support.ts'

it('the list of members shows the load and the sequence of the latest announcement', () => {
  const members = membersOf('m')
  for (const peer of ['a', 'b']) members.receive(unsigned(announcementOf(peer)), 0)
  expect(members.live().map(({ load }) => load)).toEqual([0, 0, 0])
  members.receive(unsigned(announcementOf('b', { sequence: 2, load: 7 })), 1)
  expect(members.live().map(({ peer, load, sequence }) => [peer, load, sequence])).toEqual([['m', 0, 0], ['a', 0, 1], ['b', 7, 2]])
})

it('the vector says what is held after every announcement, one\'s own too, and after a leave', () => {
  const members = membersOf('m')
  const said = (): Record<string, number> => Object.fromEntries(Array.from(members.vector(), ([peer, [, sequence]]) => [peer, sequence]))
  expect(said()).toEqual({})
  members.receive(unsigned(announcementOf('a')), 0)
  expect(said()).toEqual({ a: 1 })
  members.receive(unsigned(announcementOf('a', { sequence: 2, load: 3 })), 1)
  expect(said()).toEqual({ a: 2 })
  members.keepOwn(unsigned(announcementOf('m', { sequence: 5 })), 2)
  expect(said()).toEqual({ a: 2, m: 5 })
  members.receive(unsigned(announcementOf('a', { sequence: 3, leaving: true })), 3)
  expect(said()).toEqual({ a: 3, m: 5 })
})

it('a pulse is passed on with the sequence of the latest announcement held, and of every member that is followed', () => {
  const chains = ['a', 'b'].map((_, fill) => new Pulses(() => new Uint8Array(32).fill(fill)))
  const held = new Pulses(() => new Uint8Array(32).fill(9))
  for (const [at, chain] of chains.entries()) {
    held.follow('ab'[at]!, chain.anchor(), 7)
    chain.beat('ab'[at]!, 7, 0)
    held.receive(chain.newsFor('m', 0)[0]!, 'ab'[at]!, 1)
    expect(held.newsFor('x', 0).map(({ sequence }) => sequence)).toEqual(new Array(at + 1).fill(7))
  }
  held.follow('a', chains[0]!.anchor(), 8)
  expect(held.newsFor('x', 0).map(({ sequence }) => sequence)).toEqual([8, 7])
  held.forget('a')
  expect(held.newsFor('x', 0).map(({ sequence }) => sequence)).toEqual([7])
})
