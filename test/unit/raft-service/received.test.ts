/** Who is silent in a group, as its members see it. */
import { beforeEach, describe, expect, it } from 'vitest'
import { Verdict, type Status } from '../../../protocols/raft/ready.ts'
import { Received } from '../../../protocols/raft/received.ts'
import { stillClock } from '../../support/store.ts'

const configuration = { voters: ['a', 'b', 'c'], learners: ['d'] }
const electionMs = 100

let clock: ReturnType<typeof stillClock>
let received: Received
beforeEach(() => {
  clock = stillClock()
  received = new Received(clock, { electionTicks: 4, tickMs: electionMs / 4 })
})

const silent = (self: string, status: Partial<Status>): string[] =>
  received.silent(self, { role: 'follower', leader: undefined, configuration, progress: [], ...status } as Status)

describe('the voters that are silent', () => {
  it('are, to a voter without a leader, those that said nothing for three election timeouts', () => {
    expect(silent('a', {})).toEqual([])
    clock.advance(2 * electionMs)
    received.note('b', Verdict.Taken)
    clock.advance(2 * electionMs)
    expect(silent('a', {})).toEqual(['c'])
    clock.advance(2 * electionMs)
    expect(silent('a', {})).toEqual(['b', 'c'])
    received.note('c', Verdict.Stale)
    expect(silent('a', {})).toEqual(['b'])
  })

  it('are unknown to a follower, which the others do not speak to, and to a learner, which asks nobody for a vote', () => {
    clock.advance(10 * electionMs)
    expect(silent('a', { leader: 'b' })).toEqual([])
    expect(silent('d', {})).toEqual([])
  })

  it('are those that did not answer the leader', () => {
    const progress = [{ peer: 'b', active: false }, { peer: 'c', active: true }, { peer: 'd', active: false }] as unknown as Status['progress']
    expect(silent('a', { role: 'leader', leader: 'a', progress })).toEqual(['b'])
  })

  it('are not told of by what somebody said who was out of the group since', () => {
    received.note('c', Verdict.Taken)
    clock.advance(10 * electionMs)
    received.note('c', Verdict.Taken)
    expect(silent('a', { configuration: { voters: ['a', 'b'], learners: ['d'] } })).toEqual(['b'])
    expect(silent('a', {})).toEqual(['b', 'c'])
  })

  it('are none at the beginning of a new part in a group', () => {
    clock.advance(10 * electionMs)
    received.restart()
    expect(silent('a', {})).toEqual([])
  })
})
