/**
 * Directories tell the truth once it is quiet: the owner of a key names each edge of its region that has stored it, and
 * nobody else. Objects come and go meanwhile, so only what is wrong at two looks in a row counts, and did not change in between.
 * In a region of more edges than a directory keeps holders, keys that may have had too many are left out: those who found no room
 * are not told again when one of the others leaves.
 */
import type { Edge } from '../edge/edge.ts'
import { deafening, type EdgeChecker, type Sight } from './edge-checker.ts'

/** Edges with more objects than this are left out: all of them are gone through. */
const objectsMax = 5_000
/** Between two looks that find nothing, ms: each goes through all that is stored. */
const restMs = 600_000

export function directoryTruth (sight: Sight): EdgeChecker {
  const name = 'directory-truth'
  const { edges, limits, objects, settings, fail } = sight
  const crowds = crowdsOf(sight)
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
      if (!holder.up || copies.size > objectsMax) continue
      for (const object of copies.objects()) {
        if (crowds.has(holder, object)) continue
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
    onWritten: (edge, object, copy) => {
      if (copy !== undefined) crowds.add(edges[edge]!, object)
      // What came or went meanwhile is another matter: it may have been told.
      if (suspects.size > 0) suspects.delete(`${copy === undefined ? '-' : '+'}/${edge}/${object}`)
    },
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

/**
 * Objects that so many edges of a large region ever stored that a directory may have had no room for one of them: a holder has up to two
 * entries, of this session and of the one before. What it costs is bounded by that many numbers an object and large region.
 */
function crowdsOf ({ edges, settings: { directory: { holdersPerKeyMax } } }: Sight): { readonly add: (edge: Edge, object: number) => void, readonly has: (edge: Edge, object: number) => boolean } {
  const regions = Map.groupBy(edges, ({ region }) => region)
  const takers = new Map([...regions].filter(([, { length }]) => length > holdersPerKeyMax).map(([region]) => [region, new Map<number, number[]>()]))
  const isCrowd = (known: readonly number[] | undefined): boolean => known !== undefined && known.length > holdersPerKeyMax / 2
  return {
    add: ({ region, index }, object) => {
      const objects = takers.get(region)
      const known = objects?.get(object)
      if (known === undefined) objects?.set(object, [index])
      else if (!isCrowd(known) && !known.includes(index)) known.push(index)
    },
    has: ({ region }, object) => isCrowd(takers.get(region)?.get(object))
  }
}
