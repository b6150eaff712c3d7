/**
 * Membership views converge: some time after the last fault, start or stop, every edge sees just the edges that are up,
 * and all rings of a region have one hash.
 */
import type { Edge } from '../edge/edge.ts'
import type { EdgeChecker, Sight } from './edge-checker.ts'

/** Between two looks while nothing happens, ms. */
const lookMs = 5_000
/** In a large colony a look goes through millions of entries. */
const largeEdges = 300
const largeLookMs = 60_000

export function viewsConverge (sight: Sight): EdgeChecker {
  const name = 'views-converge'
  const { edges, limits, fail } = sight
  let changedMs = 0
  let lookAtMs = 0
  /** Lists that were right since the last change: a list that is the same array has the same members, and the same rings. */
  const right = new Map<string, unknown>()
  const onChange = (): void => {
    changedMs = sight.nowMs()
    lookAtMs = 0
    right.clear()
  }
  return {
    name,
    onUp: onChange,
    onDown: onChange,
    onFault: onChange,
    onLook: () => {
      const nowMs = sight.nowMs()
      const quietMs = nowMs - Math.max(changedMs, sight.calmSinceMs())
      if (quietMs < limits.convergeMs || nowMs < lookAtMs) return
      const up = edges.filter((edge) => edge.up)
      if (up.every((edge) => right.get(edge.peer) === edge.members.live())) return
      const wrong = difference(up)
      lookAtMs = nowMs + (edges.length > largeEdges ? largeLookMs : lookMs)
      for (const { peer, members } of up) right.set(peer, members.live())
      if (wrong !== undefined) fail(name, `${wrong} ${Math.round(quietMs)} ms after the last change`)
    }
  }
}

/** The first difference between the views of these edges and the truth, which is these edges. */
function difference (up: readonly Edge[]): string | undefined {
  const hashes = new Map<string, string | undefined>()
  const regions = new Set(up.map(({ region }) => region))
  for (const edge of up) {
    const live = edge.members.live()
    const seen = new Set(live.map(({ peer }) => peer))
    const missing = up.find(({ peer }) => !seen.has(peer))
    if (missing !== undefined) return `${edge.peer} does not see ${missing.peer}, and sees ${live.length} of ${up.length} edges,`
    if (live.length > up.length) return `${edge.peer} sees ${live.length} edges where ${up.length} are up,`
    for (const region of regions) {
      const hash = edge.ringHash(region)
      if (!hashes.has(region)) hashes.set(region, hash)
      else if (hashes.get(region) !== hash) return `${edge.peer} has another ring of ${region} than ${up[0]!.peer}`
    }
  }
  return undefined
}
