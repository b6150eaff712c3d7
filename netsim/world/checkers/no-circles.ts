/** Edges never wait on each other in a circle: a flight that begins to wait is not waited for by whom it waits on. */
import type { Flight } from '../edge/flights.ts'
import type { EdgeChecker, Sight } from './edge-checker.ts'

export function noCircles ({ edges, fail }: Sight): EdgeChecker {
  const name = 'no-circles'
  /** The way from `from` to `to` along the waits, if there is one. */
  const way = (from: Flight, to: Flight, seen: Set<Flight>): Flight[] | undefined => {
    if (from === to) return [from]
    if (from.over || seen.has(from)) return undefined
    seen.add(from)
    for (const next of from.waitsFor) {
      const rest = way(next, to, seen)
      if (rest !== undefined) return [from, ...rest]
    }
    return undefined
  }
  return {
    name,
    onWait: (flight, on) => {
      const circle = way(on, flight, new Set())
      if (circle !== undefined) {
        fail(name, `edges wait on each other for object ${flight.object}: ${[flight, ...circle].map(({ edge }) => edges[edge]!.peer).join(' -> ')}`)
      }
    }
  }
}
