/**
 * Groups of one to seven servers under everything that may happen to them, watched all along. A failing run prints the plan
 * that repeats it. `RAFT_RUNS` asks for more than the 100 plans of an ordinary run.
 */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { calm, World, type Plan } from './world.ts'

const plan: fc.Arbitrary<Plan> = fc.record({
  seed: fc.integer(),
  voters: fc.integer({ min: 1, max: 5 }),
  more: fc.integer({ min: 0, max: 2 }),
  drop: fc.constantFrom(0, 0.05, 0.2),
  repeat: fc.constantFrom(0, 0.2),
  delayMsMax: fc.constantFrom(2, 10, 40),
  faults: fc.constantFrom(0.005, 0.02),
  changes: fc.constantFrom(0, 0.02),
  drift: fc.constantFrom(0, 0.08),
  bytes: fc.boolean()
}).map(({ more, ...rest }) => ({ ...rest, servers: rest.voters + more }))

describe('a group in trouble', () => {
  it('keeps every promise of figure 3, reads what was written, and goes on when it heals', () => {
    fc.assert(fc.property(plan, (each) => {
      const world = new World(each)
      world.run(2_000, world.trouble)
      world.heal()
      world.run(1_500)
      const { leader } = world
      expect(leader, 'a healed group has a leader').toBeDefined()
      const before = world.invariants.lastApplied
      world.propose(leader)
      world.run(500)
      expect(world.invariants.lastApplied).toBeGreaterThan(before)
      const { voters, learners } = leader!.raft!.status().configuration
      for (const { name, raft } of world.hosts) {
        if (voters.includes(name) || learners.includes(name)) expect(raft!.applied, name).toBe(world.invariants.lastApplied)
      }
    }), { numRuns: Number(process.env.RAFT_RUNS ?? 100) })
  })
})

describe('a follower that was cut off', () => {
  it('comes back without an election, whichever way it was cut', () => {
    fc.assert(fc.property(fc.integer(), fc.integer({ min: 3, max: 7 }), fc.constantFrom('both', 'in', 'out'), fc.integer({ min: 1, max: 800 }), (seed, voters, way, cutMs) => {
      const world = new World({ ...calm, seed, voters, servers: voters, delayMsMax: 5 })
      world.run(400)
      const { name, raft } = world.leader!
      const { term } = raft!
      const follower = world.hosts.find((host) => host.name !== name)!
      for (const other of world.hosts) {
        if (way !== 'out') world.cut(other.name, follower.name)
        if (way !== 'in') world.cut(follower.name, other.name)
      }
      world.run(cutMs, () => { if (world.random() < 0.1) world.propose(world.leader) })
      world.heal()
      world.run(500)
      expect([world.leader!.name, raft!.term, follower.raft!.term]).toEqual([name, term, term])
      expect(follower.raft!.applied).toBe(world.invariants.lastApplied)
    }), { numRuns: 20 })
  })
})
