/** The tree of a purge: it reaches everyone in three steps, two ways, whatever each edge sees. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { askees, delegates, Duty, issue, pass, type Branch, type TreeMember } from '../../../protocols/purge/tree.ts'

const members = (sizes: readonly number[]): TreeMember[] => sizes.flatMap((size, region) => Array.from({ length: size }, (_, index) => ({ peer: `p${(index * 7 + region * 3) % 10}${region}${index}`, region: `r${region}`, draining: false })))

/** Whom a purge reaches, and by how many steps, when those in `dead` pass nothing on. */
function reach (all: readonly TreeMember[], from: TreeMember, dead: ReadonlySet<string> = new Set()): Map<string, number> {
  const steps = new Map([[from.peer, 0]])
  const given = new Set<string>()
  const queue: Array<{ member: TreeMember, branches: Branch[] }> = [{ member: from, branches: issue(from, all, () => false) }]
  for (const { member, branches } of queue) {
    for (const { duty, first } of branches) {
      for (const peer of first) {
        if (dead.has(peer)) continue
        steps.set(peer, Math.min(steps.get(peer) ?? Infinity, steps.get(member.peer)! + 1))
        const to = all.find((each) => each.peer === peer)!
        if (given.has(`${peer} ${duty}`)) continue
        given.add(`${peer} ${duty}`)
        queue.push({ member: to, branches: pass(duty, to, all) })
      }
    }
  }
  return steps
}

describe('the tree of a purge', () => {
  it('reaches every edge in at most three steps, also when any one other edge is dead', () => {
    fc.assert(fc.property(fc.array(fc.integer({ min: 1, max: 6 }), { minLength: 1, maxLength: 4 }), fc.nat(99), fc.nat(99), (sizes, issuer, victim) => {
      const all = members(sizes)
      const from = all[issuer % all.length]!
      const whole = reach(all, from)
      expect(whole.size).toBe(all.length)
      expect(Math.max(...whole.values())).toBeLessThanOrEqual(3)
      const dead = all[victim % all.length]!
      if (dead !== from) expect(reach(all, from, new Set([dead.peer])).size).toBe(all.length - 1)
    }))
  })

  it('goes by the two lowest peer ids of each region, and those that are leaving come last', () => {
    const all = members([5, 5])
    const order = delegates(all.filter(({ region }) => region === 'r1'))
    expect(order).toEqual([...order].sort())
    const leaving = all.map((each) => ({ ...each, draining: each.peer === order[0] }))
    expect(delegates(leaving.filter(({ region }) => region === 'r1'))).toEqual([...order.slice(1), order[0]])
  })

  it('tells those that the first edge is linked with at once, and has others in the place of delegates that do not answer', () => {
    const all = members([6])
    const order = delegates(all)
    const last = all.find(({ peer }) => peer === order[5])!
    expect(issue(last, all, (peer) => peer === order[3])).toEqual([
      { duty: Duty.All, first: order.slice(0, 2), spare: order.slice(2, 5) }, { duty: Duty.Keep, first: [order[3]], spare: [] }
    ])
  })

  it('has delegates ask all of their region and the other delegates, and everyone ask its delegates and one more', () => {
    const all = members([4, 4])
    const own = delegates(all.filter(({ region }) => region === 'r0'))
    const other = delegates(all.filter(({ region }) => region === 'r1'))
    const at = (peer: string): TreeMember => all.find((each) => each.peer === peer)!
    expect(askees(at(own[0]!), all, [], 0).sort()).toEqual([...own.slice(1), ...other.slice(0, 2)].sort())
    expect(askees(at(own[3]!), all, [own[2]!, other[3]!], 1).sort()).toEqual([own[0]!, own[1]!, other[3]!].sort())
  })
})
