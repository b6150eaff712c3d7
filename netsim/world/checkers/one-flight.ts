/** One flight a key at an edge, and one for each level that may not wait on it. */
import type { Flight } from '../edge/flights.ts'
import { PairTable } from '../pair-table.ts'
import type { EdgeChecker, Sight } from './edge-checker.ts'

export function oneFlight ({ edges, fail }: Sight): EdgeChecker {
  const name = 'one-flight'
  const variants = 4
  const flying = new PairTable<Flight>()
  return {
    name,
    onDown: (host) => {
      for (const { edge, object, variant } of flying.values()) if (edge === host) flying.delete(edge * variants + variant, object)
    },
    onFlight: (flight, phase) => {
      const { edge, object, variant } = flight
      const place = edge * variants + variant
      const other = flying.get(place, object)
      if (phase === 'ends') {
        if (other === flight) flying.delete(place, object)
        return
      }
      if (other !== undefined) fail(name, `${edges[edge]!.peer} has begun a second fetch of object ${object} while its first one goes on`)
      flying.set(place, object, flight)
    }
  }
}
