/** Every client's request ends: within a bound of time from its beginning, or from when the last fault was over. */
import type { EdgeChecker, Sight } from './edge-checker.ts'

export function requestsEnd (sight: Sight): EdgeChecker {
  const name = 'requests-end'
  const { edges, limits, fail } = sight
  return {
    name,
    onLook: () => {
      const nowMs = sight.nowMs()
      const calmSinceMs = sight.calmSinceMs()
      for (const edge of edges) {
        // In the order of their beginnings: the first is the oldest.
        const oldest = edge.open.values().next().value
        if (oldest === undefined) continue
        const waitsMs = nowMs - Math.max(oldest.sinceMs, calmSinceMs)
        if (waitsMs > limits.requestMs) fail(name, `a request of object ${oldest.object} at ${edge.peer} has had no answer for ${Math.round(waitsMs)} ms, though nothing is broken`)
      }
    }
  }
}
