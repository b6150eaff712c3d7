/** When a swarm is one. */
import { describe, expect, it } from 'vitest'
import { convergenceOf } from '../../../netsim/swarm/convergence.ts'
import type { EdgeLook } from '../../../netsim/swarm/host.ts'

const plan = [{ name: 'a1', region: 'a' }, { name: 'a2', region: 'a' }, { name: 'b1', region: 'b' }]
const look = (name: string, ring: string | undefined, members = 3, leader: string | undefined = `${name[0]}1`): EdgeLook =>
  ({ name, up: { peer: name, listen: '', http: '', members, ring, leader, connections: 2 } })

describe('a swarm is one', () => {
  it('when every edge knows every other and each region agrees on its ring and its leader', () => {
    expect(convergenceOf(plan, [look('a1', 'x'), look('a2', 'x'), look('b1', 'y')])).toEqual({
      edges: 3, up: 3, complete: 3, membersKnown: 9, regions: 2, agreed: 2, led: 2, connections: 6, whole: true
    })
  })

  it.each([
    ['an edge is not up', [look('a1', 'x'), { name: 'a2' }, look('b1', 'y')]],
    ['an edge was not seen', [look('a1', 'x'), look('b1', 'y')]],
    ['an edge lacks a member', [look('a1', 'x'), look('a2', 'x', 2), look('b1', 'y')]],
    ['an edge holds one too many', [look('a1', 'x'), look('a2', 'x', 4), look('b1', 'y')]],
    ['two edges of a region have other rings', [look('a1', 'x'), look('a2', 'z'), look('b1', 'y')]],
    ['two edges of a region name other leaders', [look('a1', 'x'), look('a2', 'x', 3, 'a2'), look('b1', 'y')]],
    ['a region has no leader yet', [look('a1', 'x'), look('a2', 'x'), { ...look('b1', 'y'), up: { ...look('b1', 'y').up!, leader: undefined } }]],
    ['a region has no ring yet', [look('a1', 'x'), look('a2', 'x'), look('b1', undefined)]]
  ])('not while %s', (_why, looks) => {
    expect(convergenceOf(plan, looks).whole).toBe(false)
  })
})
