import { describe, expect, it } from 'vitest'
import type { ReportMap } from '../../../netsim/report/document.ts'
import { mapDefaults, renderMap } from '../../../netsim/report/map.ts'
import { greatCircle, Projection } from '../../../netsim/report/projection.ts'
import { small } from './report-document.ts'

const links = (text: string): string[] => [...text.matchAll(/class="link [^>]*>/g)].map(([link]) => link)
const render = (map: Partial<ReportMap>): string => renderMap({ title: 'Map', regions: [], links: [], ...map }).text

describe('the map', () => {
  it('draws a link over the Pacific as two pieces, one at each side', () => {
    const [link] = links(render(small.map!))
    expect(link!.match(/M/g)).toHaveLength(2)
    expect(link).toContain('class="link middle"')
  })

  it('of one region has that region and no link', () => {
    for (const place of [undefined, { latitude: 0, longitude: 0 }]) {
      const text = render({ regions: [{ name: 'alone', edges: 1, ...(place && { place }) }], links: [{ from: 'alone', to: 'alone' }, { from: 'alone', to: 'unknown' }] })
      expect(text.match(/class="region"/g)).toHaveLength(1)
      expect(text).toContain('1 edge</title>')
      expect(links(text)).toEqual([])
      expect(text).not.toContain('NaN')
    }
  })

  it('puts regions on a circle when a single one has no place', () => {
    const text = render({ regions: [...small.map!.regions, { name: 'somewhere', edges: 2 }] })
    expect(text).toContain('regions without a place on Earth')
    expect(text.match(/class="region"/g)).toHaveLength(3)
  })

  it('draws of many links those with the most bytes, and says so', () => {
    const regions = Array.from({ length: 30 }, (_, at) => ({ name: `region-${at}`, edges: 1 }))
    const all = regions.flatMap(({ name: from }, at) => regions.slice(at + 1).map(({ name: to }, more) => ({ from, to, bytes: at * 100 + more })))
    const text = render({ regions, links: all })
    expect(links(text)).toHaveLength(mapDefaults.linksMax)
    expect(text).toContain('150 of 435 links are drawn, those with the most bytes')
    expect(text).not.toContain('region-0 and region-1,')
  })

  it('names no region over another name', () => {
    const regions = Array.from({ length: 5 }, (_, at) => ({ name: `same-place-${at}`, edges: 5, place: { latitude: 10, longitude: 10 } }))
    // Right, left, above and below; the fifth goes without.
    const text = render({ regions })
    expect([...text.matchAll(/<text x="[^"]*" y="[^"]*">(same-place-\d)/g)].map(([, name]) => name)).toEqual(regions.slice(0, 4).map(({ name }) => name))
  })
})

describe('the projection', () => {
  it('holds every place with room around it, at a width that fits a page', () => {
    const far = [{ latitude: 64, longitude: -21 }, { latitude: -54, longitude: -68 }]
    for (const places of [far, far.slice(0, 1), [{ latitude: -37, longitude: 175 }, { latitude: 21, longitude: -158 }]]) {
      const projection = new Projection(places)
      expect(projection.width / projection.height).toBeGreaterThan(1.3)
      for (const place of places) {
        const { x, y } = projection.point(place)
        expect(x).toBeGreaterThan(0)
        expect(x).toBeLessThan(projection.width)
        expect(y).toBeGreaterThan(0)
        expect(y).toBeLessThan(projection.height)
      }
    }
  })

  it('goes the shortest way: from London to Tokyo over the north of Siberia', () => {
    const way = greatCircle({ latitude: 51.5, longitude: -0.1 }, { latitude: 35.7, longitude: 139.7 }, 20)
    expect(way.at(0)!.latitude).toBeCloseTo(51.5)
    expect(way.at(-1)!.longitude).toBeCloseTo(139.7)
    expect(Math.max(...way.map(({ latitude }) => latitude))).toBeGreaterThan(65)
  })
})
