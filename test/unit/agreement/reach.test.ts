import { describe, expect, it } from 'vitest'
import { Fellows } from '../../../daemon/agreement/fellows.ts'
import { doors, eldest, globalReach } from '../../../daemon/agreement/reach.ts'
import type { Member } from '../../../protocols/membership/service.ts'
import type { Configuration } from '../../../protocols/raft/messages.ts'
import type { Status } from '../../../protocols/raft/ready.ts'
import { nextChange } from '../../../protocols/raft/steward.ts'
import { stillClock } from '../../support/store.ts'

const settings = { settleMs: 5_000, replaceMs: 60_000, forgetMs: 3_600_000 }
const member = (peer: string, incarnation: number): Member => ({
  peer, name: peer, region: peer[0]!, http: '', weight: 1, originHash: '', load: 0, draining: false, incarnation, sequence: 1
})

/** A colony whose edges are named by their region and a number, as the leader of the global group sees it. */
class Colony {
  readonly clock = stillClock()
  readonly members = new Map<string, Member>()
  readonly #left = new Set<string>()
  readonly #fellows: Fellows
  #started = 0
  configuration: Configuration

  constructor (self: string) {
    this.configuration = { voters: [self], learners: [] }
    this.#fellows = new Fellows({
      self, reach: globalReach, clock: this.clock, promotionLagMax: 5,
      membership: { members: () => [...this.members.values()], member: (peer) => this.members.get(peer), hasLeft: (peer) => this.#left.has(peer) }
    })
  }

  starts (...peers: string[]): void {
    for (const peer of peers) {
      this.#left.delete(peer)
      this.members.set(peer, member(peer, ++this.#started))
    }
  }

  dies (...peers: string[]): void { for (const peer of peers) this.members.delete(peer) }

  leaves (...peers: string[]): void {
    this.dies(...peers)
    for (const peer of peers) this.#left.add(peer)
  }

  /** Lets the leader do all that it finds to be done. @returns the voters then */
  settles (ms = settings.settleMs): string {
    const all = (): string[] => [...this.configuration.voters, ...this.configuration.learners]
    this.#fellows.update(all())
    this.clock.advance(ms)
    for (let changes = 0; changes < 50; changes++) {
      this.#fellows.update(all())
      for (const peer of this.#fellows.here()) if (!all().includes(peer)) this.configuration = { ...this.configuration, learners: [...this.configuration.learners, peer] }
      const there = (peer: string): boolean => this.members.has(peer)
      const fellows = this.#fellows.view({
        lastIndex: 9, configuration: this.configuration,
        progress: all().map((peer) => ({ peer, match: 9, state: 'replicate', active: there(peer), hasAnswered: there(peer) }))
      } as unknown as Status)
      const { voters, learners } = this.configuration
      const change = nextChange({ self: voters[0]!, configuration: this.configuration, changing: false, fellows, target: globalReach.seats!(fellows.values(), voters) }, settings)
      if (change === undefined) return [...voters].sort().join(' ')
      const { peers = [(change as unknown as { peer: string }).peer] } = change as unknown as { peers?: string[] }
      const without = (some: readonly string[]): string[] => some.filter((peer) => !peers.includes(peer))
      this.configuration = {
        voters: change.kind === 'promote' ? [...voters, ...peers] : without(voters),
        learners: change.kind === 'demote' ? [...learners, ...peers] : without(learners)
      }
    }
    throw new Error('it does not settle')
  }
}

describe('the global group', () => {
  it('has a voter in each region, three of three or four, five of five or more; of one region or two three edges vote where there are as many', () => {
    const colony = new Colony('a1')
    colony.starts('a1', 'a2')
    expect(colony.settles()).toBe('a1')
    colony.starts('b1', 'b2')
    expect(colony.settles()).toBe('a1 a2 b1')
    colony.starts('c1')
    expect(colony.settles()).toBe('a1 b1 c1')
    colony.starts('d1')
    expect(colony.settles()).toBe('a1 b1 c1')
    colony.starts('e1', 'f1', 'g1', 'h1', 'i1')
    expect(colony.settles()).toBe('a1 b1 c1 d1 e1')
    expect(colony.configuration.learners.length).toBeLessThanOrEqual(2 + 6)
  })

  it('keeps a region\'s vote where it is while that edge lives, whoever else comes or starts again', () => {
    const colony = new Colony('a1')
    colony.starts('a1', 'b1', 'b2', 'c1')
    expect(colony.settles()).toBe('a1 b1 c1')
    // Younger than b2 now.
    colony.dies('b1')
    colony.starts('b1', 'b3', 'a0', 'c0')
    expect(colony.settles()).toBe('a1 b1 c1')
    expect(colony.settles(settings.replaceMs)).toBe('a1 b1 c1')
    // Its region's eldest learns beside it, and gets no second vote for that region when another has nobody left.
    expect(colony.configuration.learners).toContain('b2')
    colony.dies('c1', 'c0')
    colony.settles(settings.replaceMs)
    expect(colony.settles(settings.replaceMs)).toBe('a1 b1 c1')
  })

  it('gives the vote of a dead edge to its region\'s eldest, never a region a second one, and shrinks by leaving alone', () => {
    const colony = new Colony('a1')
    colony.starts('a1', 'a2', 'b1', 'b2', 'c1')
    expect(colony.settles()).toBe('a1 b1 c1')
    colony.dies('b1')
    expect(colony.settles()).toBe('a1 b1 c1')
    expect(colony.settles(settings.replaceMs)).toBe('a1 b2 c1')
    colony.dies('c1')
    colony.settles(settings.replaceMs)
    expect(colony.settles(settings.replaceMs)).toBe('a1 b2 c1')
    colony.starts('d1')
    expect(colony.settles()).toBe('a1 b2 d1')
    colony.leaves('d1')
    expect(colony.settles()).toBe('a1 a2 b2')
    colony.leaves('b2')
    expect(colony.settles()).toBe('a1')
  })

  it('has candidates that all edges choose alike, and others ask only when they are one', () => {
    const members = ['b9', 'a1', 'c2', 'a3', 'b1'].map((peer, at) => member(peer, [5, 2, 2, 1, 7][at]!))
    expect(eldest(members, 1).map(({ peer }) => peer)).toEqual(['a3', 'c2', 'b9'])
    expect(eldest(members.toReversed(), 2).map(({ peer }) => peer)).toEqual(['a3', 'a1', 'c2', 'b9', 'b1'])
    expect(eldest([...members, { ...member('a0', 0), draining: true }], 1)[0]!.peer).toBe('a3')
    expect(globalReach.peers(members, 'b1')).toEqual([])
    expect(globalReach.peers(members, 'c2')).toContain('a3')
  })
})

describe('a newcomer', () => {
  it('knocks at edges that it has a link to, where there are any, and else or now and then at anybody', () => {
    const isLinked = (peer: string): boolean => peer === 'b'
    expect(doors(['a', 'b', 'c'], isLinked, false)).toEqual(['b'])
    expect(doors(['a', 'b', 'c'], isLinked, true)).toEqual(['a', 'b', 'c'])
    expect(doors(['a', 'c'], isLinked, false)).toEqual(['a', 'c'])
  })
})
