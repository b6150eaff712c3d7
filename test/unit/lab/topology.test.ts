import { describe, expect, it } from 'vitest'
import { everyHost, linkOf, plainLink, plainTopology, readTopology, topologyOf } from '../../../netsim/lab/topology.ts'

const regions = { europe: { hosts: 2 }, america: { hosts: 1 }, asia: { hosts: 1 } }

describe('a topology', () => {
  it('spreads hosts over regions, the first ones taking what is left over', () => {
    expect(plainTopology(5, 3).hosts.map(({ name }) => name)).toEqual(['europe-1', 'europe-2', 'america-1', 'america-2', 'asia-1'])
  })

  it('gives each host an address of its own, of its region\'s network, the origin too', () => {
    const topology = topologyOf({ regions, origin: 'asia' })
    expect(everyHost(topology).map(({ address }) => address)).toEqual(['10.77.1.1', '10.77.1.2', '10.77.2.1', '10.77.3.1', '10.77.3.250'])
  })

  it('sets a link in both directions, unless it is for one way', () => {
    const topology = topologyOf({
      regions,
      links: [{ from: 'europe', to: 'asia', delayMs: 100, lossPercent: 1 }, { from: 'asia', to: 'europe', delayMs: 150, oneWay: true }]
    })
    expect(linkOf(topology, 'europe', 'asia')).toEqual({ ...plainLink, delayMs: 100, lossPercent: 1 })
    expect(linkOf(topology, 'asia', 'europe')).toEqual({ ...plainLink, delayMs: 150, lossPercent: 1 })
    expect(linkOf(topology, 'europe', 'america').delayMs).toBe(40)
    expect(linkOf(topology, 'europe', 'europe')).toEqual(plainLink)
  })

  it('reads "*" as every other region, and a link of a region with itself as that', () => {
    const topology = topologyOf({ regions, links: [{ from: '*', to: 'asia', delayMs: 7 }, { from: 'europe', to: 'europe', delayMs: 1 }] })
    expect([['europe', 'asia'], ['asia', 'america'], ['europe', 'america'], ['europe', 'europe'], ['asia', 'asia']].map(([from, to]) => linkOf(topology, from!, to!).delayMs))
      .toEqual([7, 7, 40, 1, 0])
  })

  it('takes the delay from the distance where it knows where the regions are', () => {
    const topology = topologyOf({ regions: { frankfurt: { hosts: 1 }, east: { hosts: 1, city: 'tokyo' }, home: { hosts: 1 } } })
    // 9,300 km of great circle: 45.6 ms in straight fibre.
    expect(linkOf(topology, 'frankfurt', 'east').delayMs).toBeGreaterThan(46)
    expect(linkOf(topology, 'frankfurt', 'east').delayMs).toBeLessThan(150)
    expect(linkOf(topology, 'frankfurt', 'home').delayMs).toBe(40)
  })

  it.each([
    ['regions: {', /^the topology is no YAML: /],
    ['5', /^the topology is 5: expected a map with the keys regions, links, origin, settings$/],
    ['{}', /^regions is missing: expected a map of regions/],
    ['regions: {}', /^regions is \{\}: expected at least one region$/],
    ['regions: { Europe: { hosts: 1 } }', /^regions is "Europe": expected a name of up to 20 lower-case letters/],
    ['regions: { origin: { hosts: 1 } }', /^regions is "origin": expected another name/],
    ['regions: { a: { hosts: 0 } }', /^regions.a.hosts is 0: expected a whole number of hosts from 1 to 64$/],
    ['regions: { a: { hosts: 1, citi: x } }', /^regions.a.citi is not a known key of a topology: did you mean city\?$/],
    ['regions: { a: { hosts: 1, city: tokio } }', /^regions.a.city is "tokio": did you mean tokyo\?$/],
    ['regions: { a: { hosts: 33 }, b: { hosts: 33 } }', /^regions is "66 hosts": expected at most 64 in all$/],
    ['regions: { a: { hosts: 1 } }\norigin: b', /^origin is "b": expected one of a$/],
    ['regions: { a: { hosts: 1 } }\nlinks: [{ from: a, to: c }]', /^links\[0\].to is "c": expected one of a, or "\*"/],
    ['regions: { a: { hosts: 1 } }\nlinks: [{ from: a, to: a, delayms: 4 }]', /^links\[0\].delayms is not a known key of a topology: did you mean delayMs\?$/],
    ['regions: { a: { hosts: 1 } }\nlinks: [{ from: a, to: a, lossPercent: 101 }]', /^links\[0\].lossPercent is 101: expected a percentage from 0 to 100$/],
    ['regions: { a: { hosts: 1 } }\nlinks: [{ from: a, to: a, reorderPercent: 1 }]', /^links\[0\].reorderPercent is 1: expected a delayMs with it/],
    ['regions: { a: { hosts: 1 } }\nlinks: [{ from: a, to: a, delayMs: 1, jitterMs: 2 }]', /^links\[0\].jitterMs is 2: expected at most the delay, 1$/],
    ['regions: { a: { hosts: 1 }, b: { hosts: 1 }, c: { hosts: 1 } }\nlinks: [{ from: a, to: c, duplicatePercent: 1 }, { from: b, to: c, duplicatePercent: 2 }]', /^links is \[1,2\]: expected one duplicatePercent for all links that lead to c$/]
  ])('refuses %j with a sentence', (text, message) => {
    expect(() => readTopology(text)).toThrow(message)
  })

  it('refuses more regions than hosts', () => {
    expect(() => plainTopology(2, 3)).toThrow('2 hosts are too few for 3 regions')
  })
})
