/** No edge stores more than its budget, after a restart neither; and what it counts is what it has. */
import type { EdgeChecker, Sight } from './edge-checker.ts'

/** Stores larger than this are believed their count. */
const countedMax = 10_000
/** One edge's store is counted so often. */
const secondsPerCount = 30

export function byteBudget ({ edges, fail }: Sight): EdgeChecker {
  const name = 'byte-budget'
  let looks = 0
  return {
    name,
    onStored: (edge) => {
      const { peer, cache: { copies: { bytes, bytesMax } } } = edges[edge]!
      if (bytes > bytesMax) fail(name, `${peer} stores ${bytes} bytes; its budget is ${bytesMax}`)
    },
    onLook: () => {
      if (++looks % secondsPerCount !== 0) return
      const { peer, cache: { copies } } = edges[looks / secondsPerCount % edges.length]!
      if (copies.size > countedMax) return
      let sum = 0
      for (const object of copies.objects()) sum += copies.bytesAt(copies.find(object))
      if (sum !== copies.bytes) fail(name, `${peer} counts ${copies.bytes} bytes and stores ${sum}`)
    }
  }
}
