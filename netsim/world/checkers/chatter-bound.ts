/** What directories cost stays bounded: a report for each pair of edges of a region every report interval, and its answer. */
import type { EdgeChecker, Sight } from './edge-checker.ts'

const windowSeconds = 10
/** Pages of full reports and of hand-overs come on top of what changes. */
const slack = 1.5

export function chatterBound ({ edges, totals, settings: { directory }, fail }: Sight): EdgeChecker {
  const name = 'chatter-bound'
  const pairs = [...Map.groupBy(edges, ({ region }) => region).values()].reduce((sum, { length }) => sum + length * (length - 1), 0)
  const most = slack * pairs * 2 * (1_000 * windowSeconds / directory.reportIntervalMs)
  let seconds = 0
  let before = 0
  return {
    name,
    onLook: () => {
      if (++seconds % windowSeconds !== 0) return
      const now = totals.report().directoryMessages!
      if (now - before > most) fail(name, `${now - before} messages of directories in ${windowSeconds} s; ${pairs} pairs of edges may send ${most}`)
      before = now
    }
  }
}
