/**
 * Directories tell the truth once it is quiet: the owner of a key names each edge of its region that has stored it, and
 * nobody else. Objects come and go meanwhile, so only what is wrong at two looks in a row counts, and did not change in between.
 */
import { deafening, type EdgeChecker, type Sight } from './edge-checker.ts'

/** Edges with more objects than this are left out: all of them are gone through. */
const objectsMax = 5_000
/** Between two looks that find nothing, ms: each goes through all that is stored. */
const restMs = 600_000

export function directoryTruth (sight: Sight): EdgeChecker {
  const name = 'directory-truth'
  const { edges, limits, objects, settings, fail } = sight
  const sizes = new Map([...Map.groupBy(edges, ({ region }) => region)].map(([region, all]) => [region, all.length]))
  const byPeer = new Map(edges.map((edge) => [edge.peer, edge]))
  let changedMs = 0
  let deafMs = -Infinity
  let lookAtMs = 0
  let suspects = new Map<string, string>()
  const onChange = (): void => {
    changedMs = sight.nowMs()
    suspects = new Map()
    lookAtMs = 0
  }
  const look = (): Map<string, string> => {
    const found = new Map<string, string>()
    for (const holder of edges) {
      const { copies } = holder.cache
      // Where a key may have more holders than are kept, the rest is not told again when one of those leaves.
      if (!holder.up || copies.size > objectsMax || (sizes.get(holder.region) ?? 0) > settings.directory.holdersPerKeyMax) continue
      for (const object of copies.objects()) {
        const key = objects.key(object)
        const owner = edges[holder.owner(key) ?? holder.index]!
        if (owner === holder || owner.holdings.known(key).includes(holder.peer)) continue
        found.set(`-/${holder.index}/${object}`, `${owner.peer} owns object ${object} and does not know that ${holder.peer} has it`)
      }
    }
    for (const owner of edges) {
      if (!owner.up || owner.holdings.entries > objectsMax) continue
      for (const key of owner.holdings.keys()) {
        if (owner.owner(key) !== owner.index) continue
        const object = objects.object(key)
        for (const peer of owner.holdings.known(key)) {
          if (byPeer.get(peer)!.cache.copies.find(object) === -1) found.set(`+/${byPeer.get(peer)!.index}/${object}`, `${owner.peer} believes that ${peer} has object ${object}; it has not`)
        }
      }
    }
    return found
  }
  return {
    name,
    onUp: onChange,
    onDown: onChange,
    onFault: ({ kind }) => {
      onChange()
      if (deafening.has(kind)) deafMs = sight.nowMs()
    },
    // What came or went meanwhile is another matter: it may have been told.
    onWritten: (edge, object, copy) => { if (suspects.size > 0) suspects.delete(`${copy === undefined ? '-' : '+'}/${edge}/${object}`) },
    onLook: () => {
      const nowMs = sight.nowMs()
      const quietMs = nowMs - Math.max(changedMs, sight.calmSinceMs())
      if (quietMs < limits.directoryQuietMs || nowMs < lookAtMs || nowMs - deafMs < limits.convergeMs + settings.directory.refreshIntervalMs + limits.directoryQuietMs) return
      const found = look()
      lookAtMs = nowMs + (found.size > 0 ? limits.directoryLookMs : restMs)
      for (const [subject, sentence] of found) if (suspects.has(subject)) fail(name, `${sentence}, nor did ${limits.directoryLookMs} ms of quiet change that`)
      suspects = found
    }
  }
}
