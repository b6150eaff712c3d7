import { describe, expect, it } from 'vitest'
import { cities } from '../../../netsim/cities.ts'
import { distanceKm, Topology, wayMs } from '../../../netsim/world/topology.ts'
import { Random } from '../../../netsim/random.ts'

const city = (name: string): typeof cities[number] => cities.find((each) => each.name === name)!

describe('the table of cities', () => {
  it('has at least 120, each once, on six continents', () => {
    expect(cities.length).toBeGreaterThanOrEqual(120)
    expect(new Set(cities.map(({ name }) => name)).size).toBe(cities.length)
    expect(new Set(cities.map(({ continent }) => continent)).size).toBe(6)
    for (const { name, country, latitude, longitude } of cities) {
      expect(name).toMatch(/^[a-z]+(-[a-z]+)*$/)
      expect(country).toMatch(/^[A-Z]{2}$/)
      expect(Math.abs(latitude)).toBeLessThan(65)
      expect(Math.abs(longitude)).toBeLessThanOrEqual(180)
    }
  })
})

describe('distances', () => {
  // Great circles as atlases give them.
  it.each([
    ['london', 'new-york', 5_570],
    ['frankfurt', 'singapore', 10_260],
    ['sydney', 'santiago', 11_340],
    ['auckland', 'madrid', 19_590],
    ['suva', 'honolulu', 5_090]
  ])('from %s to %s are those of the great circle', (from, to, km) => {
    expect(distanceKm(city(from), city(to)) / km).toBeCloseTo(1, 2)
    expect(distanceKm(city(to), city(from))).toBeCloseTo(distanceKm(city(from), city(to)), 6)
  })

  it('become delays like measured ones', () => {
    expect(2 * wayMs(city('london'), city('new-york'))).toBeGreaterThan(65)
    expect(2 * wayMs(city('london'), city('new-york'))).toBeLessThan(120)
    expect(wayMs(city('paris'), city('brussels'))).toBeLessThan(5)
  })
})

describe('a topology', () => {
  it('spreads the edges evenly over different cities and puts the origin in one of them', () => {
    const topology = new Topology({ edges: 25, cities: 7, random: new Random(3) })
    expect(new Set(topology.regions.map(({ name }) => name)).size).toBe(7)
    for (const [at, { edges }] of topology.regions.entries()) {
      expect([3, 4]).toContain(edges.length)
      for (const edge of edges) expect(topology.regionOf(edge)).toBe(at)
    }
    expect(topology.regions.flatMap(({ edges }) => edges).toSorted((a, b) => a - b)).toEqual(Array.from({ length: 25 }, (_, edge) => edge))
    expect(topology.hosts).toBe(26)
    expect(topology.cityOf[topology.origin]).toBeLessThan(7)
  })

  it('is another one for another seed', () => {
    const names = (seed: number): string => new Topology({ edges: 5, cities: 5, random: new Random(seed) }).regions.map(({ name }) => name).join()
    expect(names(1)).toBe(names(1))
    expect(names(1)).not.toBe(names(2))
  })
})
