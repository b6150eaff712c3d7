/**
 * Holders of like distance and load are asked alike: over all keys of a directory each of them comes first about as often as
 * another, so that no holder answers for all that it shares with others.
 */
import type { EdgeChecker, Sight } from './edge-checker.ts'

/** One edge's directory is gone through so often. */
const secondsPerLook = 20
/** Fewer first places than this are left to chance. */
const placesMin = 40
/** Part of the first places that a holder has to have of what chance would give it. */
const shareMin = 0.4
/** Directories larger than this are left out. */
const keysMax = 5_000
/** Requests a second up to which all are equally idle, as protocols/directory/ranking.ts has it. */
const idleLoad = 64

export function holdersSpread (sight: Sight): EdgeChecker {
  const name = 'holders-spread'
  const { edges, fail } = sight
  let looks = 0
  return {
    name,
    onLook: () => {
      if (++looks % secondsPerLook !== 0) return
      const { up, peer, region, holdings, members, index } = edges[looks / secondsPerLook % edges.length]!
      if (!up || holdings.entries > keysMax) return
      const fellows = edges.filter((edge) => edge.region === region && edge.index !== index)
      if (fellows.some((edge) => edges[index]!.rttMs(edge.index) === undefined || (members.member(edge.peer)?.load ?? Infinity) >= idleLoad)) return
      const expected = new Map<string, number>()
      const first = new Map<string, number>()
      for (const key of holdings.keys()) {
        const holders = holdings.holders(key)
        if (holders.length < 2) continue
        for (const holder of holders) expected.set(holder, (expected.get(holder) ?? 0) + 1 / holders.length)
        first.set(holders[0]!, (first.get(holders[0]!) ?? 0) + 1)
      }
      for (const [holder, places] of expected) {
        const has = first.get(holder) ?? 0
        if (places >= placesMin && has < shareMin * places) {
          fail(name, `of ${Math.round(places)} keys' first places that would be ${holder}'s share, ${peer} gives it ${has}`)
        }
      }
    }
  }
}
