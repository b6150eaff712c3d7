/**
 * Where places stand on the map: longitude and latitude as they are (equirectangular projection), cut to what there is
 * to see, and great circles between them, which are the ways that delays are reckoned by. Pure.
 */
import type { Place } from './document.ts'

export interface Point {
  readonly x: number
  readonly y: number
}

export const projectionDefaults = Object.freeze({
  /** Of the map, in its own units, which are pixels on a wide screen. */
  width: 1_000,
  /** Free space around the outermost places, degrees. */
  margin: 12,
  /** Degrees of longitude shown at least: a single city would fill the map otherwise. */
  longitudesMin: 60,
  /** Width over height, at least and at most. */
  aspectMin: 1.7,
  aspectMax: 2.6,
  /** How far east and west the map may reach: a little over the date line, so that what stands beside it has room. */
  longitudeMax: 188,
  /** Pieces of a great circle. */
  arcPieces: 32
})

export class Projection {
  readonly width = projectionDefaults.width
  readonly height: number
  readonly west: number
  readonly east: number
  readonly south: number
  readonly north: number

  constructor (places: readonly Place[]) {
    const { margin, longitudesMin, longitudeMax, aspectMin, aspectMax } = projectionDefaults
    const [west, east] = spread(places.map(({ longitude }) => longitude), margin, longitudesMin, longitudeMax)
    const longitudes = east - west
    const [south, north] = spread(places.map(({ latitude }) => latitude), margin, longitudes / aspectMax, 90)
    // Too tall: the sides get more room, as far as the Earth has any.
    const missing = Math.max(0, (north - south) * aspectMin - longitudes) / 2
    this.west = Math.max(-longitudeMax, west - missing)
    this.east = Math.min(longitudeMax, east + missing)
    this.south = south
    this.north = north
    this.height = Math.round(this.width * (north - south) / (this.east - this.west))
  }

  point ({ latitude, longitude }: Place): Point {
    return { x: (longitude - this.west) / (this.east - this.west) * this.width, y: (this.north - latitude) / (this.north - this.south) * this.height }
  }

  shows ({ latitude, longitude }: Place): boolean {
    return longitude >= this.west && longitude <= this.east && latitude >= this.south && latitude <= this.north
  }

  /** The shortest way between two places, in pieces: it leaves the map on one side and comes back on the other. */
  arc (from: Place, to: Place): Point[][] {
    const places = greatCircle(from, to, projectionDefaults.arcPieces)
    const lines: Point[][] = [[]]
    for (const [at, place] of places.entries()) {
      if (at > 0 && Math.abs(place.longitude - places[at - 1]!.longitude) > 180) lines.push([])
      lines.at(-1)!.push(this.point(place))
    }
    return lines.filter((line) => line.length > 1)
  }
}

/** The least range that holds all values with a margin and is at least `min` wide, within the Earth's. */
function spread (values: readonly number[], margin: number, min: number, limit: number): [low: number, high: number] {
  const [low, high] = [Math.min(...values) - margin, Math.max(...values) + margin]
  const more = Math.max(0, min - (high - low)) / 2
  return [Math.max(-limit, low - more), Math.min(limit, high + more)]
}

type Vector = readonly [number, number, number]

/** Points at equal distances on the great circle, both ends among them (spherical linear interpolation). */
export function greatCircle (from: Place, to: Place, pieces: number): Place[] {
  const [a, b] = [vectorOf(from), vectorOf(to)]
  const angle = Math.acos(Math.min(1, Math.max(-1, a[0] * b[0] + a[1] * b[1] + a[2] * b[2])))
  if (Math.sin(angle) < 1e-9) return [from, to]
  return Array.from({ length: pieces + 1 }, (_, at) => {
    const [p, q] = [Math.sin((1 - at / pieces) * angle) / Math.sin(angle), Math.sin(at / pieces * angle) / Math.sin(angle)]
    const [x, y, z] = [p * a[0] + q * b[0], p * a[1] + q * b[1], p * a[2] + q * b[2]]
    return { latitude: degrees(Math.atan2(z, Math.hypot(x, y))), longitude: degrees(Math.atan2(y, x)) }
  })
}

function vectorOf ({ latitude, longitude }: Place): Vector {
  const [phi, lambda] = [latitude * Math.PI / 180, longitude * Math.PI / 180]
  return [Math.cos(phi) * Math.cos(lambda), Math.cos(phi) * Math.sin(lambda), Math.sin(phi)]
}

function degrees (radians: number): number { return radians * 180 / Math.PI }
