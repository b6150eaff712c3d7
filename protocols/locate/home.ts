/**
 * In which region a key is at home, and in which order the other regions stand behind it: rendezvous
 * hashing. Every edge ranks alike, whatever the order of its list, and a region that goes leaves the
 * order of the rest as it was. A fill waits only on a region ranked before its own, which is what keeps
 * regions from waiting on each other in a circle. Runs on a miss, so a region costs a few
 * multiplications and no digest.
 *
 * @see Thaler and Ravishankar 1998 (highest random weight)
 */
import type { ContentKey, Region } from '../ids.ts'
import { KeyWord, keyWord } from '../key-word.ts'

/** All of `regions`, the home of `key` first. Equal scores (one in 2^32) stand in the order of their names. */
export function rankRegions (key: ContentKey, regions: readonly Region[]): Region[] {
  const word = keyWord(key, KeyWord.Home)
  return regions
    .map((region) => ({ region, score: mix(word ^ regionHash(region)) }))
    .sort((a, b) => b.score - a.score || (a.region < b.region ? -1 : 1))
    .map(({ region }) => region)
}

/** The first of `rankRegions`, without the others; undefined without regions. */
export function homeRegion (key: ContentKey, regions: readonly Region[]): Region | undefined {
  const sorted = regions.toSorted()
  return sorted[homePlace(keyWord(key, KeyWord.Home), sorted.map(regionHash))]
}

/**
 * The same by the key's word for homes and the regions' hashes, for whoever asks for millions of keys.
 *
 * @param hashes of regions in the order of their names, as of equal scores the first one wins
 * @returns the place of the home among them; -1 without regions
 */
export function homePlace (word: number, hashes: ArrayLike<number>): number {
  let home = -1
  let highest = -1
  for (let at = 0; at < hashes.length; at++) {
    const score = mix(word ^ hashes[at]!)
    if (score <= highest) continue
    highest = score
    home = at
  }
  return home
}

/** FNV-1a over the name's code units, mixed: names are few, short and the operator's own. */
export function regionHash (region: Region): number {
  let hash = 0x811c9dc5
  for (let at = 0; at < region.length; at++) hash = Math.imul(hash ^ region.charCodeAt(at), 0x01000193)
  return mix(hash)
}

/** The finaliser of MurmurHash3 (Appleby): each bit of the input flips each bit of the result half the time. */
function mix (bits: number): number {
  let hash = bits ^ bits >>> 16
  hash = Math.imul(hash, 0x85ebca6b)
  hash = Math.imul(hash ^ hash >>> 13, 0xc2b2ae35)
  return (hash ^ hash >>> 16) >>> 0
}
