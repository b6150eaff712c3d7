/**
 * The rules of who votes, under any order of joins, leaves, silences and returns: what a leader proposes is applied at
 * once, as a committed change would be, and what must hold is looked at after each.
 */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { changed } from '../../../protocols/raft/configuration.ts'
import type { Configuration } from '../../../protocols/raft/messages.ts'
import { majorityOf } from '../../../protocols/raft/quorum.ts'
import { nextChange, stewardDefaults, votersAmong, type Fellow, type Presence, type StewardView } from '../../../protocols/raft/steward.ts'

const longMs = stewardDefaults.forgetMs

interface Step { readonly what: 'join' | 'leave' | 'drain' | 'silence' | 'return' | 'work', readonly who: number, readonly zone: number }

class Region {
  configuration: Configuration = { voters: ['p0'], learners: [] }
  readonly fellows = new Map<string, Fellow>([['p0', fellow('p0', 0, 0)]])
  #born = 0

  get view (): StewardView { return { self: this.leader!, configuration: this.configuration, changing: false, fellows: this.fellows } }

  /** A voter that answers, where a majority does. */
  get leader (): string | undefined {
    const live = this.configuration.voters.filter((peer) => this.fellows.get(peer)!.answers)
    return live.length >= majorityOf(this.configuration.voters.length) ? live[0] : undefined
  }

  take ({ what, who, zone }: Step): void {
    const peers = [...this.fellows.keys()]
    const peer = peers[who % peers.length]!
    if (what === 'join' && this.leader !== undefined) {
      const name = `p${++this.#born}`
      this.fellows.set(name, fellow(name, this.#born, zone))
      this.configuration = changed(this.configuration, { kind: 'add-learner', peers: [name] })!
    } else if (what === 'leave') this.#become(peer, 'left')
    else if (what === 'drain') this.#become(peer, 'leaving')
    else if (what === 'silence') this.#become(peer, 'silent')
    else if (what === 'return') this.#become(peer, 'here')
    else if (what === 'work') this.work()
  }

  /** Whoever was forgotten knocks and is a learner again. */
  welcome (): void {
    for (const { peer, presence } of this.fellows.values()) if (presence === 'here') this.configuration = changed(this.configuration, { kind: 'add-learner', peers: [peer] }) ?? this.configuration
  }

  /** One change. @returns whether there was one */
  work (): boolean {
    if (this.leader === undefined) return false
    const change = nextChange(this.view, stewardDefaults)
    if (change === undefined) return false
    const before = this.configuration
    const next = changed(before, change)
    expect(next, `${change.kind} ${change.peers.join()} does nothing`).toBeDefined()
    this.configuration = next!
    // Whoever answers must be able to commit it.
    expect(this.leader, `${change.kind} ${change.peers.join()} stops the group`).toBeDefined()
    const { presence, answers } = this.fellows.get(change.peers[0]!)!
    if (change.kind === 'promote') expect([presence, answers]).toEqual(['here', true])
    return true
  }

  #become (peer: string, presence: Presence): void {
    const before = this.fellows.get(peer)!
    if (before.presence === 'left') return
    const up = presence === 'here' || presence === 'leaving'
    this.fellows.set(peer, { ...before, presence, forMs: longMs, answers: up, caughtUp: up })
  }
}

function fellow (peer: string, since: number, zone: number): Fellow {
  return { peer, since, zone: `zone ${zone}`, presence: 'here', forMs: longMs, answers: true, caughtUp: true }
}

const steps = (...what: ReadonlyArray<Step['what']>): fc.Arbitrary<Step[]> => fc.array(fc.record({
  what: fc.constantFrom(...what), who: fc.nat(30), zone: fc.nat(3)
}), { maxLength: 60 })

function settle (region: Region): void {
  let rounds = 0
  while (region.work()) expect(++rounds, 'the rules do not come to rest').toBeLessThan(60)
}

describe('the steward of a group', () => {
  it('never makes a change that those who answer could not commit, and comes to rest', () => {
    fc.assert(fc.property(steps('join', 'join', 'leave', 'drain', 'silence', 'return', 'work', 'work'), (list) => {
      const region = new Region()
      for (const step of list) region.take(step)
      settle(region)
    }))
  })

  it('comes to the wanted number of voters, spread over the zones, once everybody is back', () => {
    fc.assert(fc.property(steps('join', 'join', 'join', 'leave', 'silence', 'return', 'work'), (list) => {
      const region = new Region()
      for (const step of list) region.take(step)
      for (const [peer, each] of region.fellows) if (each.presence !== 'left') region.fellows.set(peer, fellow(peer, each.since, Number(each.zone!.split(' ')[1])))
      fc.pre(region.leader !== undefined)
      region.welcome()
      settle(region)
      const here = [...region.fellows.values()].filter(({ presence }) => presence === 'here')
      fc.pre(here.length > 0)
      const { voters, learners } = region.configuration
      expect(voters).toHaveLength(votersAmong(here.length))
      expect([...voters, ...learners].sort()).toEqual(here.map(({ peer }) => peer).sort())
      const zones = (peers: readonly string[]): number => new Set(peers.map((peer) => region.fellows.get(peer)!.zone)).size
      expect(zones(voters)).toBe(Math.min(voters.length, zones(here.map(({ peer }) => peer))))
    }))
  })

  it('never has fewer voters for a failure', () => {
    fc.assert(fc.property(fc.integer({ min: 1, max: 12 }), steps('silence', 'silence', 'return', 'work'), (count, list) => {
      const region = new Region()
      for (let at = 1; at < count; at++) region.take({ what: 'join', who: 0, zone: at % 4 })
      settle(region)
      const { length } = region.configuration.voters
      for (const step of list) {
        region.take(step)
        expect(region.configuration.voters.length).toBeGreaterThanOrEqual(length)
      }
    }))
  })
})
