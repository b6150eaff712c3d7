import { describe, expect, it } from 'vitest'
import { Duties, type Duty } from '../../../daemon/agreement/duties.ts'
import { stillClock } from '../../support/store.ts'

function rig (): { duties: Duties, clock: ReturnType<typeof stillClock>, lease: { term: number | undefined, leads: boolean, ms: number }, begun: Duty[] } {
  const clock = stillClock()
  const lease: { term: number | undefined, leads: boolean, ms: number } = { term: undefined, leads: false, ms: 1_000 }
  const duties = new Duties({ clock, leads: () => lease.term, leaseMs: () => lease.ms, isLeader: () => lease.leads, lookMs: 100 })
  return { duties, clock, lease, begun: [] }
}

describe('a duty of the leader', () => {
  it('begins with the lease and carries its term', () => {
    const { duties, clock, lease, begun } = rig()
    duties.add((duty) => { begun.push(duty) })
    lease.leads = true
    duties.look()
    expect(begun).toEqual([])
    lease.term = 4
    clock.advance(100)
    expect(begun).toMatchObject([{ term: 4, signal: { aborted: false } }])
    clock.advance(1_000)
    expect(begun).toHaveLength(1)
  })

  it('ends when the lease lapses, though nobody says so, and begins anew in another term', () => {
    const { duties, clock, lease, begun } = rig()
    Object.assign(lease, { term: 4, leads: true })
    duties.add((duty) => { begun.push(duty) })
    lease.term = undefined
    clock.advance(100)
    expect(begun[0]!.signal.aborted).toBe(true)
    lease.term = 6
    clock.advance(100)
    expect(begun.map(({ term, signal }) => [term, signal.aborted])).toEqual([[4, true], [6, false]])
    duties.end()
    expect(begun[1]!.signal.aborted).toBe(true)
  })

  it('ends when its lease does, not at the next look, and though another duty fails', () => {
    const { duties, clock, lease, begun } = rig()
    duties.add((duty) => { begun.push(duty) })
    duties.add(() => { throw new Error('a fault of its own') })
    Object.assign(lease, { term: 4, leads: true, ms: 30 })
    expect(() => { duties.look() }).toThrow('a fault of its own')
    lease.term = undefined
    clock.advance(30)
    expect(begun.map(({ signal }) => signal.aborted)).toEqual([true])
  })

  it('ends for good when it is taken back', () => {
    const { duties, clock, lease, begun } = rig()
    Object.assign(lease, { term: 4, leads: true })
    duties.add((duty) => { begun.push(duty) })()
    expect(begun[0]!.signal.aborted).toBe(true)
    lease.term = 5
    clock.advance(100)
    expect(begun).toHaveLength(1)
  })
})
