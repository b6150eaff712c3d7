import { describe, expect, it } from 'vitest'
import { Fellows } from '../../../daemon/agreement/fellows.ts'
import { regionReach } from '../../../daemon/agreement/reach.ts'
import type { Member, Membership } from '../../../protocols/membership/service.ts'
import type { Status } from '../../../protocols/raft/ready.ts'
import { stillClock } from '../../support/store.ts'

const member = (peer: string, rest: Partial<Member> = {}): Member => ({
  peer, name: peer, region: 'here', http: '', weight: 1, originHash: '', load: 0, draining: false, incarnation: 1, sequence: 1, ...rest
})

function rig (): { fellows: Fellows, clock: ReturnType<typeof stillClock>, members: Map<string, Member>, left: Set<string>, seen: (peer: string, status?: Partial<Status>) => string } {
  const clock = stillClock()
  const members = new Map(['a', 'b', 'c'].map((peer) => [peer, member(peer)]))
  const left = new Set<string>()
  const membership: Pick<Membership, 'members' | 'member' | 'hasLeft'> = {
    members: () => [...members.values()],
    member: (peer) => members.get(peer),
    hasLeft: (peer) => left.has(peer)
  }
  const fellows = new Fellows({ self: 'a', reach: regionReach('here'), clock, membership, promotionLagMax: 5 })
  const seen = (peer: string, status: Partial<Status> = {}): string => {
    fellows.update(['a', 'b', 'c', 'd'])
    const { presence, forMs } = fellows.view({ progress: [], lastIndex: 10, ...status } as unknown as Status).get(peer)!
    return `${presence} ${forMs}`
  }
  return { fellows, clock, members, left, seen }
}

const answer = (peer: string, active: boolean): Partial<Status> => ({ progress: [{ peer, match: 9, state: 'replicate', active, hasAnswered: active }] })

describe('who could take part in a region\'s group', () => {
  it('is here, leaving, silent or gone, and since when', () => {
    const { clock, members, left, seen } = rig()
    expect(seen('b')).toBe('here 0')
    clock.advance(70)
    expect([seen('b'), seen('d')]).toEqual(['here 70', 'silent 70'])
    members.delete('b')
    expect(seen('b')).toBe('silent 0')
    left.add('b')
    expect(seen('b')).toBe('left 0')
    members.set('b', member('b', { region: 'elsewhere' }))
    expect(seen('b')).toBe('left 0')
    members.set('c', member('c', { draining: true }))
    expect(seen('c')).toBe('leaving 0')
  })

  it('has said that it leaves in this life only', () => {
    const { fellows, members, seen } = rig()
    seen('b')
    fellows.leaves('b')
    expect(seen('b')).toBe('leaving 0')
    members.set('b', member('b', { incarnation: 2 }))
    expect(seen('b')).toBe('here 0')
  })

  it('is silent in the group, too, where it is here and does not answer its leader', () => {
    const { clock, seen } = rig()
    seen('b', answer('b', true))
    clock.advance(500)
    expect(seen('b', answer('b', false))).toBe('silent 0')
    clock.advance(30)
    expect(seen('b', answer('b', false))).toBe('silent 30')
    expect(seen('b', answer('b', true))).toBe('here 530')
  })

  it('tells who came', () => {
    const { fellows, members } = rig()
    expect(fellows.update([])).toEqual(['a', 'b', 'c'])
    members.delete('b')
    expect(fellows.update(['b'])).toEqual([])
    members.set('b', member('b'))
    expect(fellows.update(['b'])).toEqual(['b'])
  })
})
