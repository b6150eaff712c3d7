/**
 * How large each object of a workload is: log-normal, as files on the web are (Barford and Crovella
 * 1998; Downey 2001), a pure function of the seed and the object's number. So the origin, the clients
 * and the simulator agree about every length without a table.
 */
export interface SizesInit {
  readonly seed: number | string
  /** Half of all objects are smaller, bytes. */
  readonly medianBytes: number
  /** Standard deviation of the size's logarithm: 0 makes all alike; at 1 one object in 40 has 7 times the median; files on the web are at 1 to 2.5. */
  readonly sigma: number
  /** What would be larger is this large, bytes. Without a cap a few objects would be most of the bytes. */
  readonly bytesMax: number
}

/** No object is smaller: the line that says an object's number and version has room, bytes. */
export const bytesMin = 64

export class Sizes {
  readonly #init: SizesInit
  readonly #seed: number

  /** @throws RangeError */
  constructor (init: SizesInit) {
    const { medianBytes, sigma, bytesMax, seed } = init
    if (!(medianBytes >= bytesMin)) throw new RangeError(`medianBytes is ${medianBytes}: expected at least ${bytesMin}`)
    if (!(sigma >= 0)) throw new RangeError(`sigma is ${sigma}: expected 0 or more`)
    if (!(bytesMax >= medianBytes)) throw new RangeError(`bytesMax is ${bytesMax}: expected at least the median, ${medianBytes}`)
    this.#init = init
    this.#seed = hashText(`sizes/${seed}`)
  }

  /**
   * @param object its number, 0 to 2^32 - 1
   * @returns whole bytes, from `bytesMin` to `bytesMax`
   */
  of (object: number): number {
    const { medianBytes, sigma, bytesMax } = this.#init
    const first = mix(this.#seed ^ mix(object))
    const second = mix(first ^ 0x9e3779b9)
    // Standard normal by Box and Muller 1958; a half is added as there is no logarithm of 0.
    const normal = Math.sqrt(-2 * Math.log((first + 0.5) / 2 ** 32)) * Math.cos(2 * Math.PI * second / 2 ** 32)
    return Math.min(bytesMax, Math.max(bytesMin, Math.round(medianBytes * Math.exp(sigma * normal))))
  }
}

/** Every bit of the result depends on every bit of the argument (Appleby's fmix32 of MurmurHash3); a whole number below 2^32. */
export function mix (word: number): number {
  let hash = word | 0
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return (hash ^ (hash >>> 16)) >>> 0
}

/** FNV-1a, 32 bits. */
export function hashText (text: string): number {
  let hash = 0x811c9dc5
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193)
  return hash >>> 0
}
