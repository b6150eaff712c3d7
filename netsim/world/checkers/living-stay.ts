/** Nobody is taken for dead who lives: once nothing has changed for a while, no edge drops a member for its silence. */
import type { EdgeChecker, Sight } from './edge-checker.ts'

export function livingStay (sight: Sight): EdgeChecker {
  const name = 'living-stay'
  const { edges, limits, fail } = sight
  const dropped = new Float64Array(edges.length)
  let changedMs = 0
  const onChange = (): void => { changedMs = sight.nowMs() }
  return {
    name,
    onUp: onChange,
    onDown: onChange,
    onFault: onChange,
    onLook: () => {
      const quietMs = sight.nowMs() - Math.max(changedMs, sight.calmSinceMs())
      for (const { index, peer, up, members } of edges) {
        if (!up) continue
        if (quietMs > limits.convergeMs && members.expired > dropped[index]!) {
          fail(name, `${peer} has dropped a member for its silence, and nothing has been broken for ${Math.round(quietMs)} ms`)
        }
        dropped[index] = members.expired
      }
    }
  }
}
