/**
 * A herd asks the origin once a region: while nothing is broken and views agree, the edges of a region have no more than
 * a few fetches of one object under way at the origin.
 */
import type { Flight } from '../edge/flights.ts'
import { PairTable } from '../pair-table.ts'
import type { EdgeChecker, Sight } from './edge-checker.ts'

export function originSpared (sight: Sight): EdgeChecker {
  const name = 'origin-spared'
  const { edges, limits, fail } = sight
  const regions = [...new Set(edges.map(({ region }) => region))]
  const regionOf = edges.map(({ region }) => regions.indexOf(region))
  /** By region and object; a flight is in there once. */
  const fetching = new PairTable<Flight[]>()
  let changedMs = 0
  const onChange = (): void => { changedMs = sight.nowMs() }
  const drop = (flight: Flight): void => {
    const place = regionOf[flight.edge]!
    const flights = fetching.get(place, flight.object)
    const at = flights?.indexOf(flight) ?? -1
    if (flights === undefined || at === -1) return
    flights.splice(at, 1)
    if (flights.length === 0) fetching.delete(place, flight.object)
  }
  return {
    name,
    onUp: onChange,
    onDown: (host) => {
      onChange()
      for (const flight of fetching.values().flat()) if (flight.edge === host) drop(flight)
    },
    onFault: onChange,
    onOriginAsked: (edge, flight) => {
      const flights = fetching.get(regionOf[edge]!, flight.object)
      if (flights === undefined) {
        fetching.set(regionOf[edge]!, flight.object, [flight])
        return
      }
      if (!flights.includes(flight)) flights.push(flight)
      const quietMs = sight.nowMs() - Math.max(changedMs, sight.calmSinceMs())
      if (flights.length > limits.regionFetchesMax && quietMs > limits.convergeMs) {
        fail(name, `${edges[edge]!.peer} asks the origin for object ${flight.object}, which ${flights.length - 1} other fetches of ${edges[edge]!.region} have done already`)
      }
    },
    onFlight: (flight, phase) => { if (phase === 'ends') drop(flight) }
  }
}
