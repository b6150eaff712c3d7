/**
 * The map as SVG: regions where they are, as large as they have edges, and the links between them, as wide as they
 * carry bytes and coloured by round trip. Where regions have no place they stand on a circle, and nothing about
 * distances is to be read out of that. There are no coastlines; faint dots of known places say where one is.
 */
import type { MapLink, MapRegion, Place, ReportMap } from './document.ts'
import { html, type Html } from './html.ts'
import { type Point, Projection } from './projection.ts'
import { formatQuantity } from './quantity.ts'

export const mapDefaults = Object.freeze({
  /** Links that are drawn, those with the most bytes (else the shortest) first. More: a ball of wool. */
  linksMax: 150,
  /** Up to this a round trip is near, up to that in the middle, beyond it far, ms: people notice 100 ms (Nielsen 1993). */
  nearRttMs: 50,
  farRttMs: 150,
  /** Radius of a region with all edges in it, and the least, in pixels. */
  radiusMax: 14,
  radiusMin: 3,
  /** Width of the link with the most bytes, and of one without any, in pixels. */
  widthMax: 6,
  widthMin: 0.8
})

/** A map's frame: where each region stands, and how a link runs. */
interface Layout {
  readonly width: number
  readonly height: number
  readonly points: ReadonlyMap<string, Point>
  readonly ways: (link: MapLink) => Point[][]
  readonly ground: Html
  readonly round: boolean
  /** How to read it. */
  readonly note: string | undefined
}

export function renderMap (map: ReportMap): Html {
  const { regions, links, title } = map
  if (regions.length === 0) return html``
  const layout = layoutOf(map)
  const known = links.filter(({ from, to }) => from !== to && layout.points.has(from) && layout.points.has(to))
  const drawn = known.toSorted((a, b) => (b.bytes ?? 0) - (a.bytes ?? 0) || (a.rttMs ?? 0) - (b.rttMs ?? 0)).slice(0, mapDefaults.linksMax)
  const bytesMax = Math.max(1, ...drawn.map(({ bytes }) => bytes ?? 0))
  const edges = regions.reduce((sum, region) => sum + region.edges, 0)
  return html`
<section>
<h2>${title}</h2>
<div class="scroll"><svg class="map${layout.round ? ' round' : ''}" viewBox="0 0 ${layout.width} ${layout.height}" role="img" aria-label="${formatQuantity(regions.length, '')} regions with ${formatQuantity(edges, '')} edges, ${formatQuantity(drawn.length, '')} links">
${layout.ground}
${drawn.toReversed().map((link) => renderLink(link, layout, bytesMax))}
${renderRegions(regions, layout)}
</svg></div>
${renderKeys(drawn, known.length, layout)}
${renderTable(regions)}
</section>`
}

function renderLink (link: MapLink, layout: Layout, bytesMax: number): Html {
  const { widthMin, widthMax } = mapDefaults
  const width = link.bytes === undefined ? 1.6 : widthMin + (widthMax - widthMin) * Math.sqrt(link.bytes / bytesMax)
  const path = layout.ways(link).map((points) => `M${points.map(({ x, y }) => `${round(x)} ${round(y)}`).join('L')}`).join('')
  const figures = [...(link.rttMs === undefined ? [] : [`round trip ${formatQuantity(link.rttMs, 'ms')}`]), ...(link.bytes === undefined ? [] : [formatQuantity(link.bytes, 'B')])]
  return html`<path class="link ${classOf(link)}" stroke-width="${round(width)}" d="${path}"><title>${link.from} and ${link.to}${figures.map((figure) => `, ${figure}`)}</title></path>
`
}

function classOf ({ rttMs }: MapLink): string {
  if (rttMs === undefined) return 'plain'
  return rttMs <= mapDefaults.nearRttMs ? 'near' : rttMs <= mapDefaults.farRttMs ? 'middle' : 'far'
}

function renderRegions (regions: readonly MapRegion[], layout: Layout): Html {
  const { radiusMin, radiusMax } = mapDefaults
  const most = Math.max(1, ...regions.map(({ edges }) => edges))
  const radius = ({ edges }: MapRegion): number => radiusMin + (radiusMax - radiusMin) * Math.sqrt(edges / most) * Math.min(1, 3 / Math.sqrt(regions.length))
  const labels = new Labels(layout)
  const dots = regions.map((region) => {
    const { x, y } = layout.points.get(region.name)!
    labels.take({ left: x - radius(region), right: x + radius(region), top: y - radius(region), bottom: y + radius(region) })
    return html`<circle class="region" cx="${round(x)}" cy="${round(y)}" r="${round(radius(region))}"><title>${region.name}: ${formatQuantity(region.edges, '')} ${region.edges === 1 ? 'edge' : 'edges'}${(region.facts ?? []).map(([name, value]) => `, ${name} ${value}`)}</title></circle>
`
  })
  // The largest are named first; who finds no free place goes without, and has its name as a tooltip and in the table.
  const names = regions.toSorted((a, b) => b.edges - a.edges).map((region) => labels.place(region.name, layout.points.get(region.name)!, radius(region)))
  return html`${dots}${names}`
}

interface Box { readonly left: number, readonly right: number, readonly top: number, readonly bottom: number }

/** Finds names a place where they cover nothing. */
class Labels {
  readonly #layout: Layout
  readonly #taken: Box[] = []

  constructor (layout: Layout) {
    this.#layout = layout
  }

  take (box: Box): void { this.#taken.push(box) }

  place (name: string, { x, y }: Point, radius: number): Html | undefined {
    const size = this.#layout.round ? 14 : 11
    const width = name.length * size * 0.56
    const gap = radius + 4
    for (const [left, middle] of [[x + gap, y], [x - gap - width, y], [x - width / 2, y - gap - size / 2], [x - width / 2, y + gap + size / 2]] as const) {
      const box = { left, right: left + width, top: middle - size * 0.6, bottom: middle + size * 0.6 }
      if (box.left < 0 || box.right > this.#layout.width || box.top < 0 || box.bottom > this.#layout.height) continue
      if (this.#taken.some((other) => box.left < other.right && box.right > other.left && box.top < other.bottom && box.bottom > other.top)) continue
      this.take(box)
      return html`<text x="${round(left)}" y="${round(middle + size * 0.36)}">${name}</text>
`
    }
    return undefined
  }
}

function layoutOf ({ regions, backdrop = [] }: ReportMap): Layout {
  const places = regions.flatMap(({ name, place }) => place === undefined ? [] : [[name, place] as const])
  return places.length === regions.length ? globe(new Map(places), backdrop) : circle(regions)
}

function globe (places: ReadonlyMap<string, Place>, backdrop: readonly Place[]): Layout {
  const projection = new Projection([...places.values()])
  const { width, height, west, east, south, north } = projection
  const step = east - west > 150 ? 30 : 10
  const multiples = (low: number, high: number): number[] => Array.from({ length: Math.max(0, Math.ceil(high / step) - Math.floor(low / step) - 1) }, (_, at) => (Math.floor(low / step) + 1 + at) * step)
  const meridians = multiples(west, east).map((longitude) => {
    const { x } = projection.point({ latitude: north, longitude })
    return html`<path class="graticule" d="M${round(x)} 0V${height}"/><text class="scale" x="${round(x + 3)}" y="${height - 5}">${sided(longitude, 'E', 'W')}</text>`
  })
  const parallels = multiples(south, north).map((latitude) => {
    const { y } = projection.point({ latitude, longitude: west })
    return html`<path class="graticule" d="M0 ${round(y)}H${width}"/><text class="scale" x="4" y="${round(y - 3)}">${sided(latitude, 'N', 'S')}</text>`
  })
  const dots = backdrop.filter((place) => projection.shows(place)).map((place) => {
    const { x, y } = projection.point(place)
    return html`<circle class="backdrop" cx="${round(x)}" cy="${round(y)}" r="1.6"/>`
  })
  return {
    width, height,
    round: false,
    points: new Map([...places].map(([name, place]) => [name, projection.point(place)])),
    ways: ({ from, to }) => projection.arc(places.get(from)!, places.get(to)!),
    ground: html`${meridians}${parallels}${dots}`,
    note: backdrop.length === 0 ? undefined : 'grey dots: other cities'
  }
}

function circle (regions: readonly MapRegion[]): Layout {
  const [width, height] = regions.length === 1 ? [720, 120] : [720, 400]
  const points = new Map(regions.map(({ name }, at) => {
    const angle = Math.PI * (2 * at / regions.length - 0.5)
    return [name, regions.length === 1 ? { x: width / 2, y: height / 2 } : { x: width / 2 + 220 * Math.cos(angle), y: height / 2 + 150 * Math.sin(angle) }]
  }))
  return { width, height, points, round: true, ways: ({ from, to }) => [[points.get(from)!, points.get(to)!]], ground: html``, note: regions.length === 1 ? undefined : 'regions without a place on Earth: how far apart they stand says nothing' }
}

function renderKeys (drawn: readonly MapLink[], all: number, layout: Layout): Html {
  const { nearRttMs, farRttMs } = mapDefaults
  const keys = drawn.every(({ rttMs }) => rttMs === undefined) ? [] : [['near', `round trip up to ${nearRttMs} ms`], ['middle', `up to ${farRttMs} ms`], ['far', 'longer']] as const
  return html`<div class="keys quiet">${keys.map(([name, text]) => html`<span><svg class="${name}" viewBox="0 0 26 8"><path d="M1 4H25"/></svg>${text}</span>`)}
${drawn.some(({ bytes }) => bytes !== undefined) ? html`<span>wider: more bytes</span>` : undefined}
${drawn.length < all ? html`<span>${formatQuantity(drawn.length, '')} of ${formatQuantity(all, '')} links are drawn, ${drawn.some(({ bytes }) => bytes !== undefined) ? 'those with the most bytes' : 'the shortest'}</span>` : undefined}
${layout.note === undefined ? undefined : html`<span>${layout.note}</span>`}</div>`
}

function renderTable (regions: readonly MapRegion[]): Html {
  const names = [...new Set(regions.flatMap(({ facts = [] }) => facts.map(([name]) => name)))]
  return html`<details><summary>The regions</summary><div class="scroll"><table class="figures">
<thead><tr><th scope="col">region</th><th scope="col">edges</th>${names.map((name) => html`<th scope="col">${name}</th>`)}</tr></thead>
<tbody>${regions.map(({ name, edges, facts = [] }) => html`<tr><th scope="row">${name}</th><td>${formatQuantity(edges, '')}</td>${names.map((each) => html`<td>${facts.find(([fact]) => fact === each)?.[1]}</td>`)}</tr>
`)}</tbody></table></div></details>`
}

function sided (degrees: number, positive: string, negative: string): string {
  return degrees === 0 ? '0°' : `${Math.abs(degrees)}° ${degrees > 0 ? positive : negative}`
}

function round (value: number): number { return Math.round(value * 10) / 10 }
