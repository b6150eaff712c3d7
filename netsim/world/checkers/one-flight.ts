/** One flight a key at an edge, and one for each level that may not wait on it. */
import type { Flight } from '../edge/flights.ts'
import type { EdgeChecker, Sight } from './edge-checker.ts'

export function oneFlight ({ edges, fail }: Sight): EdgeChecker {
  const name = 'one-flight'
  const flying = edges.map(() => new Map<number, Flight>())
  return {
    name,
    onDown: (host) => { flying[host]?.clear() },
    onFlight: (flight, phase) => {
      const { edge, object, variant } = flight
      const flights = flying[edge]!
      const place = object * 4 + variant
      const other = flights.get(place)
      if (phase === 'ends') {
        if (other === flight) flights.delete(place)
        return
      }
      if (other !== undefined) fail(name, `${edges[edge]!.peer} has begun a second fetch of object ${object} while its first one goes on`)
      flights.set(place, flight)
    }
  }
}
