/** In an edge's view the news of a member never go back: (incarnation, sequence) only rises, until the edge itself starts anew. */
import type { EdgeChecker, Sight } from './edge-checker.ts'

export function versionsRise ({ edges, fail }: Sight): EdgeChecker {
  const name = 'versions-rise'
  const incarnations = edges.map(() => new Float64Array(edges.length))
  const sequences = edges.map(() => new Float64Array(edges.length))
  const places = new Map(edges.map(({ peer, index }) => [peer, index]))
  return {
    name,
    onUp: (host) => {
      incarnations[host]?.fill(0)
      sequences[host]?.fill(0)
    },
    onMerged: (edge, { peer, incarnation, sequence }) => {
      const at = places.get(peer)!
      const heldIncarnation = incarnations[edge]![at]!
      const heldSequence = sequences[edge]![at]!
      if (incarnation < heldIncarnation || (incarnation === heldIncarnation && sequence <= heldSequence)) {
        fail(name, `${edges[edge]!.peer} went back to (${incarnation}, ${sequence}) of ${peer}; it had (${heldIncarnation}, ${heldSequence})`)
      }
      incarnations[edge]![at] = incarnation
      sequences[edge]![at] = sequence
    }
  }
}
