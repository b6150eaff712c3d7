/**
 * Links hold the colony together: once nothing has changed for a while, each edge is linked with its whole region or, where that
 * is large, with some on each of its rings; and with some edges of other regions, in each of them while those are few.
 */
import type { EdgeChecker, Sight } from './edge-checker.ts'

/** Between two looks while nothing happens, ms. */
const lookMs = 30_000

export function linksSpan (sight: Sight): EdgeChecker {
  const name = 'links-span'
  const { edges, limits, settings: { membership }, fail } = sight
  let changedMs = 0
  let lookAtMs = 0
  const onChange = (): void => { changedMs = sight.nowMs() }
  return {
    name,
    onUp: onChange,
    onDown: onChange,
    onFault: onChange,
    onLook: () => {
      const nowMs = sight.nowMs()
      if (nowMs - Math.max(changedMs, sight.calmSinceMs()) < limits.convergeMs || nowMs < lookAtMs) return
      lookAtMs = nowMs + lookMs
      const regions = Map.groupBy(edges.filter(({ up }) => up), ({ region }) => region)
      for (const { peer, region, up, membership: { links } } of edges) {
        if (!up) continue
        const linked = [...links].map((index) => edges[index]!)
        const fellows = regions.get(region)!.length - 1
        // Two neighbours on each ring; the same ones on some of them.
        const own = fellows <= membership.regionLinksMax ? fellows : membership.ringCount + 1
        const ownLinks = linked.filter((other) => other.region === region).length
        if (ownLinks < own) fail(name, `${peer} is linked with ${ownLinks} edges of its region; ${own} of ${fellows} are expected`)
        // Every region gets its first link before any gets its second.
        const each = Math.min(membership.otherRegionLinks, Math.floor(membership.globalLinksMax / Math.max(1, regions.size - 1)))
        for (const [other, members] of regions) {
          if (other === region) continue
          const wanted = Math.min(each, members.length)
          const has = linked.filter((edge) => edge.region === other).length
          if (has < wanted) fail(name, `${peer} is linked with ${has} edges of ${other}; ${wanted} are expected`)
        }
      }
    }
  }
}
