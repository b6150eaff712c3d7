/**
 * A herd asks the origin once a region: while nothing is broken and views agree, the edges of a region have no more than
 * a few fetches of one object under way at the origin.
 */
import type { Flight } from '../edge/flights.ts'
import type { EdgeChecker, Sight } from './edge-checker.ts'

export function originSpared (sight: Sight): EdgeChecker {
  const name = 'origin-spared'
  const { edges, limits, fail } = sight
  const regions = [...new Set(edges.map(({ region }) => region))]
  const regionOf = edges.map(({ region }) => regions.indexOf(region))
  const fetching = new Map<number, Set<Flight>>()
  let changedMs = 0
  const onChange = (): void => { changedMs = sight.nowMs() }
  const placeOf = ({ edge, object }: Flight): number => object * regions.length + regionOf[edge]!
  return {
    name,
    onUp: onChange,
    onDown: (host) => {
      onChange()
      for (const [place, flights] of fetching) {
        for (const flight of flights) if (flight.edge === host) flights.delete(flight)
        if (flights.size === 0) fetching.delete(place)
      }
    },
    onFault: onChange,
    onOriginAsked: (edge, flight) => {
      const place = placeOf(flight)
      const flights = fetching.get(place) ?? new Set()
      fetching.set(place, flights.add(flight))
      const quietMs = sight.nowMs() - Math.max(changedMs, sight.calmSinceMs())
      if (flights.size > limits.regionFetchesMax && quietMs > limits.convergeMs) {
        fail(name, `${edges[edge]!.peer} asks the origin for object ${flight.object}, which ${flights.size - 1} other fetches of ${edges[edge]!.region} have done already`)
      }
    },
    onFlight: (flight, phase) => {
      if (phase === 'begins') return
      const place = placeOf(flight)
      const flights = fetching.get(place)
      if (flights?.delete(flight) === true && flights.size === 0) fetching.delete(place)
    }
  }
}
