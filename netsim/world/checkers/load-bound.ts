/**
 * No owner takes much more than its share: what it is asked to fill above that, another owner gets. Counted is all that an edge takes,
 * as its gate counts: the one that fills most may be the one that is asked `have` least. What it may not refuse (`have`, the
 * last owner's fills) bounds it as well, since that alone may be more than its share. Rates are smoothed and announcements
 * some seconds old, so two windows in a row have to be above.
 */
import { Verb } from '../../../protocols/fetch/messages.ts'
import { fairLimit, type EdgeChecker, type Sight } from './edge-checker.ts'

const windowSeconds = 10

export function loadBound ({ edges, settings: { locate }, limits, fail }: Sight): EdgeChecker {
  const name = 'load-bound'
  const taken = new Float64Array(edges.length)
  const forced = new Float64Array(edges.length)
  const wasAbove = new Uint8Array(edges.length)
  const regions = [...Map.groupBy(edges, ({ region }) => region).values()]
  let seconds = 0
  return {
    name,
    onAsked: (edge, { verb, last }, takes) => {
      if (!takes) return
      taken[edge]!++
      if (verb !== Verb.Fill || last) forced[edge]!++
    },
    onLook: () => {
      if (++seconds % windowSeconds !== 0) return
      for (const region of regions) {
        const up = region.filter((edge) => edge.up)
        const total = up.reduce((sum, { index }) => sum + taken[index]!, 0) / windowSeconds
        const weights = up.reduce((sum, edge) => sum + edge.members.self().weight, 0)
        for (const edge of up) {
          const rate = taken[edge.index]! / windowSeconds
          const limit = fairLimit(locate.loadFactor, edge.members.self().weight / weights, total)
          const isAbove = up.length > 1 && rate > limits.loadSlack * Math.max(limit, locate.busyFloorPerSecond, forced[edge.index]! / windowSeconds)
          if (isAbove && wasAbove[edge.index] === 1) {
            fail(name, `${edge.peer} has taken ${Math.round(rate)} asks a second for ${2 * windowSeconds} s; its share of ${Math.round(total)} allows ${Math.round(limit)}`)
          }
          wasAbove[edge.index] = isAbove ? 1 : 0
        }
      }
      taken.fill(0)
      forced.fill(0)
    }
  }
}
