/**
 * Cheap uniform numbers out of a content key. A key is a SHA-256 in base64url, so its characters are
 * already uniform bits: placing it on a ring or ranking regions for it needs no further hash. Each use
 * takes a word of its own, so that the home region of a key says nothing about its place on a ring.
 */
import type { ContentKey } from './ids.ts'

/** Which word of the key serves what. What a region's edges hold is uneven in the words of ring and home, so filters have words of their own. */
export const KeyWord = { Ring: 0, Home: 1, FilterPlace: 2, FilterPrint: 3 } as const
export type KeyWord = typeof KeyWord[keyof typeof KeyWord]

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
/** The six bits that each base64url character stands for, by its ASCII code. */
const sextets = new Uint8Array(128)
for (let value = 0; value < alphabet.length; value++) sextets[alphabet.charCodeAt(value)] = value

/** @returns 32 bits of the key, unsigned: those of its characters `6 * word` to `6 * word + 5`, the last four dropped */
export function keyWord (key: ContentKey, word: KeyWord): number {
  const start = word * 6
  let bits = 0
  for (let at = start; at < start + 5; at++) bits = bits << 6 | sextet(key, at)
  return (bits << 2 | sextet(key, start + 5) >> 4) >>> 0
}

function sextet (key: ContentKey, at: number): number {
  return sextets[key.charCodeAt(at)] ?? 0
}
