/**
 * What the origin has: objects by number, each with a key, a length, a freshness lifetime and a history of versions.
 * All of it follows from the number and the seed, so ten million objects need no table, and a checker can tell for
 * every answer whether the origin ever gave it.
 */
import { hashText, mix, Sizes } from '../../workload/sizes.ts'
import type { ContentKey } from '../../../protocols/ids.ts'
import type { KeyWord } from '../../../protocols/key-word.ts'

export interface ObjectsInit {
  readonly seed: number | string
  readonly count: number
  readonly medianBytes: number
  readonly sigma: number
  readonly bytesMax: number
  /** Freshness lifetimes lie between these, evenly in the logarithm, ms. */
  readonly lifetimeMs: readonly [low: number, high: number]
  /** Mean time between two changes of an object, ms; each object has its own, a quarter to four times of this. Infinity: none. */
  readonly changeMs: number
}

const alphabet = Buffer.from('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_', 'latin1')
const keyChars = 43
/** The last characters of a key say the object's number. */
const numberChars = 6
const longest = 2 ** 46

export class Objects {
  readonly count: number
  readonly #init: ObjectsInit
  readonly #sizes: Sizes
  readonly #seed: number
  readonly #scratch = Buffer.alloc(keyChars)

  constructor (init: ObjectsInit) {
    this.count = init.count
    this.#init = init
    this.#sizes = new Sizes(init)
    this.#seed = hashText(`objects/${init.seed}`)
  }

  /** A key of the right shape with uniform words. Not a digest: that would cost more than the rest of a request. */
  key (object: number): ContentKey {
    const scratch = this.#scratch
    let word = 0
    for (let at = 0; at < keyChars - numberChars; at++) {
      word = at % 5 === 0 ? this.#bits(object, at) : word >>> 6
      scratch[at] = alphabet[word & 63]!
    }
    let rest = object
    for (let at = keyChars - 1; at >= keyChars - numberChars; at--) {
      scratch[at] = alphabet[rest & 63]!
      rest = Math.floor(rest / 64)
    }
    return scratch.toString('latin1') as ContentKey
  }

  /** `keyWord` of the object's key, without the key. */
  word (object: number, word: KeyWord): number {
    let bits = 0
    for (let at = word * 6; at < word * 6 + 5; at++) bits = bits << 6 | this.#sextet(object, at)
    return (bits << 2 | this.#sextet(object, word * 6 + 5) >> 4) >>> 0
  }

  /** The object of a key that `key` made. */
  object (key: ContentKey): number {
    let object = 0
    for (let at = keyChars - numberChars; at < keyChars; at++) object = object * 64 + alphabet.indexOf(key.charCodeAt(at))
    return object
  }

  /** Versions differ in length, so that bytes of two can be told apart. */
  bytes (object: number, version: number): number {
    return this.#sizes.of(object) + version % 61
  }

  lifetimeMs (object: number): number {
    const [low, high] = this.#init.lifetimeMs
    const least = Math.max(1, low)
    return least >= high ? low : Math.round(least * (high / least) ** (mix(object ^ this.#seed ^ 0x51ed270b) / 2 ** 32))
  }

  /** What the origin has at that time; 0 or more, rising. */
  version (object: number, atMs: number): number {
    const changeMs = this.#changeMs(object)
    return changeMs === Infinity ? 0 : Math.floor((atMs + this.#phaseMs(object, changeMs)) / changeMs)
  }

  /** When the origin stops having that version, ms; Infinity for the only one. */
  endMs (object: number, version: number): number {
    const changeMs = this.#changeMs(object)
    return changeMs === Infinity ? Infinity : (version + 1) * changeMs - this.#phaseMs(object, changeMs)
  }

  #sextet (object: number, at: number): number {
    const first = at - at % 5
    return this.#bits(object, first) >>> 6 * (at - first) & 63
  }

  /** For the five characters from there on. */
  #bits (object: number, at: number): number { return mix(this.#seed ^ mix(object ^ Math.imul(at + 1, 0x9e3779b1))) }

  #changeMs (object: number): number {
    const { changeMs } = this.#init
    if (!(changeMs < longest)) return Infinity
    return Math.max(1, Math.round(changeMs * 2 ** (mix(object ^ this.#seed ^ 0x2545f491) / 2 ** 30 - 2)))
  }

  #phaseMs (object: number, changeMs: number): number {
    return mix(object ^ this.#seed ^ 0x7feb352d) % changeMs
  }
}
