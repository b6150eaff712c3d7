/**
 * `busy` is said in need: an edge that sends fills on to the next owner has about as much as its share itself. Rates are smoothed
 * and announcements some seconds old, so two windows in a row have to be without need.
 */
import { fairLimit, type EdgeChecker, type Sight } from './edge-checker.ts'

const windowSeconds = 10
/** Part of its limit that an edge has to have taken when it refuses. */
const needMin = 0.7
/** Part of what it is asked that it may refuse anyhow: a crowd of a moment is over when the window is. */
const refusedShareMax = 0.1

export function busyInNeed (sight: Sight): EdgeChecker {
  const name = 'busy-in-need'
  const { edges, settings: { locate }, fail } = sight
  const taken = new Float64Array(edges.length)
  const refused = new Float64Array(edges.length)
  const wasIdle = new Uint8Array(edges.length)
  const regions = [...Map.groupBy(edges, ({ region }) => region).values()]
  let seconds = 0
  return {
    name,
    onAsked: (edge, _ask, takes) => { (takes ? taken : refused)[edge]!++ },
    onLook: () => {
      if (++seconds % windowSeconds !== 0) return
      for (const region of regions) {
        const total = region.reduce((sum, { index }) => sum + taken[index]!, 0) / windowSeconds
        const weights = region.reduce((sum, edge) => sum + (edge.up ? edge.members.self().weight : 0), 0)
        for (const { index, peer, up, members } of region) {
          const isCalm = up && sight.nowMs() - Math.max(sight.calmSinceMs(), sight.upSinceMs(index)) > 2_000 * windowSeconds
          const rate = taken[index]! / windowSeconds
          const limit = Math.max(locate.busyFloorPerSecond, up ? fairLimit(locate.loadFactor, members.self().weight / weights, total) : 0)
          const isIdle = isCalm && refused[index]! > refusedShareMax * (taken[index]! + refused[index]!) && rate < needMin * limit
          if (isIdle && wasIdle[index] === 1) {
            fail(name, `${peer} has refused ${refused[index]} fills in ${windowSeconds} s; it takes ${rate.toFixed(1)} asks a second, and its share of ${Math.round(total)} allows ${Math.round(limit)}`)
          }
          wasIdle[index] = isIdle ? 1 : 0
        }
      }
      taken.fill(0)
      refused.fill(0)
    }
  }
}
