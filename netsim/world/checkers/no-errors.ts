/** A colony in which nothing is broken answers every request. */
import type { EdgeChecker, Sight } from './edge-checker.ts'

export function noErrors (sight: Sight): EdgeChecker {
  const name = 'no-errors'
  const { edges, limits, fail } = sight
  return {
    name,
    onError: (edge, object) => {
      const calmMs = sight.nowMs() - sight.calmSinceMs()
      if (calmMs > limits.requestMs) fail(name, `${edges[edge]!.peer} answered a request of object ${object} with an error, and nothing has been broken for ${Math.round(calmMs)} ms`)
    }
  }
}
