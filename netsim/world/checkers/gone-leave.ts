/** An edge that is dead is out of all views in time, as far as nothing else keeps them from hearing of it. */
import { digestIntervalMs, pulseIntervalMs, pulseReachMs, refreshIntervalMs } from '../../../protocols/membership/intervals.ts'
import { deafening, type EdgeChecker, type Sight } from './edge-checker.ts'

export function goneLeave (sight: Sight): EdgeChecker {
  const name = 'gone-leave'
  const { edges, limits, settings: { membership, model }, fail } = sight
  const downSinceMs = new Map<number, number>()
  const sizes = Map.groupBy(edges, ({ region }) => region)
  let disturbances = 0
  let undisturbedMs = 0
  // A proof of life may be on its way at the end, twice as long as a rumour takes; an announcement is sent with the next digest.
  const reachMs = pulseReachMs(membership, edges.length)
  const lastWordMs = model.pulses === 1 ? 2 * reachMs : digestIntervalMs(membership, sizes.size, edges.length)
  const expiryMs = (region: string): number => membership.expirySlackMs + (model.pulses === 1
    ? membership.silentRefreshes * pulseIntervalMs(membership, edges.length) + reachMs
    : membership.silentRefreshes * (refreshIntervalMs(membership, sizes.get(region)!.length) + digestIntervalMs(membership, sizes.size, edges.length)))
  return {
    name,
    onUp: (host) => { downSinceMs.delete(host) },
    onDown: (host) => { if (host < edges.length) downSinceMs.set(host, sight.nowMs()) },
    onFault: ({ kind }, phase) => {
      if (!deafening.has(kind)) return
      disturbances += phase === 'begins' ? 1 : -1
      undisturbedMs = sight.nowMs()
    },
    onLook: () => {
      if (disturbances > 0) return
      const nowMs = sight.nowMs()
      for (const [host, sinceMs] of downSinceMs) {
        const gone = edges[host]!
        const boundMs = expiryMs(gone.region) + lastWordMs + limits.goneSlackMs
        for (const edge of edges) {
          const disturbedMs = Math.max(undisturbedMs, sight.upSinceMs(edge.index))
          const lastsMs = nowMs - Math.max(sinceMs, disturbedMs)
          // Who was not there to hear is told by somebody's list, at the last moment, and waits as long again.
          if (lastsMs > boundMs + (disturbedMs > sinceMs ? expiryMs(gone.region) : 0) && sight.isWell(edge.index) && edge.members.member(gone.peer) !== undefined) {
            fail(name, `${edge.peer} still sees ${gone.peer}, which has been dead for ${Math.round(nowMs - sinceMs)} ms`)
          }
        }
      }
    }
  }
}
