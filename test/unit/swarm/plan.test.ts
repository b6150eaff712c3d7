/** Which edges a swarm has. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { defaultProcesses, planDefaults, PlanError, planSwarm } from '../../../netsim/swarm/plan.ts'

describe('the plan of a swarm', () => {
  it('gives every edge an address and a name of its own, and every region and process its share', () => {
    fc.assert(fc.property(fc.integer({ min: 1, max: 1_500 }), fc.integer({ min: 1, max: 60 }), fc.integer({ min: 1, max: 20 }), (peers, wanted, procs) => {
      const regions = Math.min(wanted, peers)
      const plan = planSwarm({ peers, regions, procs })
      expect(plan).toHaveLength(peers)
      expect(new Set(plan.map(({ host }) => host)).size).toBe(peers)
      expect(new Set(plan.map(({ name }) => name)).size).toBe(peers)
      const sizes = (key: 'region' | 'process'): number[] => [...Map.groupBy(plan, (edge) => edge[key]).values()].map((edges) => edges.length)
      expect(sizes('region')).toHaveLength(regions)
      expect(Math.max(...sizes('region')) - Math.min(...sizes('region'))).toBeLessThanOrEqual(1)
      expect(sizes('process')).toHaveLength(Math.min(procs, peers))
    }))
  })

  it('says by an address in which region and city an edge is', () => {
    for (const { host, region, city } of planSwarm({ peers: 200, regions: 3, procs: 2 })) {
      const [net, regionNumber, cityNumber, n] = host.split('.').map(Number)
      expect(net).toBe(127)
      expect(['europe', 'america', 'asia'][regionNumber! - 1]).toBe(region)
      expect(cityNumber).toBe(city)
      expect(n).toBeGreaterThanOrEqual(1)
      expect(n).toBeLessThanOrEqual(planDefaults.cityEdges)
    }
  })

  it('puts edges of every region into every process, where there are enough', () => {
    const plan = planSwarm({ peers: 300, regions: 6, procs: 4 })
    for (const edges of Map.groupBy(plan, ({ process }) => process).values()) expect(new Set(edges.map(({ region }) => region)).size).toBe(6)
  })

  it('gives each edge a process where that is asked for', () => {
    expect(new Set(planSwarm({ peers: 60, regions: 3, procs: 'each' }).map(({ process }) => process)).size).toBe(60)
  })

  it('refuses more regions than edges, and more of anything than there are addresses, in one sentence', () => {
    expect(() => planSwarm({ peers: 2, regions: 3, procs: 1 })).toThrow(PlanError)
    expect(() => planSwarm({ peers: 300, regions: 300, procs: 1 })).toThrow('300 regions are too many: at most 254 have addresses')
    expect(() => planSwarm({ peers: 5_000, regions: 1, procs: 1 })).toThrow('5000 edges in 1 regions are too many')
  })

  it('takes a process for each core, and more where they would be crowded', () => {
    expect(defaultProcesses(1, 2)).toBe(1)
    expect(defaultProcesses(60, 2)).toBe(2)
    expect(defaultProcesses(1_000, 2)).toBe(Math.ceil(1_000 / planDefaults.processEdges))
  })
})
