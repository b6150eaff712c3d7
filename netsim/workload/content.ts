/**
 * The bytes of a workload's objects: they follow from the seed, the object's number and its version, so
 * an origin holds none and a client can tell every byte of any part. A first line says number and version
 * in plain text; behind it each version of each object reads a ring of random bytes from a place of its
 * own. Both sides therefore only point into the ring and compare memory, which costs next to nothing
 * where a cipher's stream would cost more than all else of a small request.
 */
import { createCipheriv, createHash } from 'node:crypto'
import { bytesMin, hashText, mix, Sizes, type SizesInit } from './sizes.ts'

/** A prime: no block, chunk or page of a store or protocol is a divisor, so what is shifted by whole ones shows. */
const ringBytes = 1_048_583

/** Longest first line; no object is shorter. */
const lineBytes = bytesMin

export class Content {
  readonly sizes: Sizes
  readonly #ring: Buffer
  readonly #seed: number

  constructor (init: SizesInit) {
    this.sizes = new Sizes(init)
    this.#seed = hashText(`content/${init.seed}`)
    const key = createHash('sha256').update(`ring/${init.seed}`).digest().subarray(0, 16)
    this.#ring = createCipheriv('aes-128-ctr', key, Buffer.alloc(16)).update(Buffer.alloc(ringBytes))
  }

  /**
   * @param version from 1
   * @param end exclusive, at most the object's length
   * @returns views of memory that others read too: not to be written to
   */
  * read (object: number, version: number, start: number, end: number): Generator<Buffer> {
    let at = start
    if (at < lineBytes) {
      yield this.#line(object, version).subarray(at, Math.min(end, lineBytes))
      at = lineBytes
    }
    const place = this.#place(object, version)
    while (at < end) {
      const from = (place + at) % ringBytes
      const part = this.#ring.subarray(from, Math.min(ringBytes, from + end - at))
      yield part
      at += part.length
    }
  }

  /**
   * @param start where in the body the bytes stand
   * @returns how many of them are not the object's, where they lie beyond its end too
   */
  wrongBytes (object: number, version: number, start: number, bytes: Buffer): number {
    const within = Math.max(0, Math.min(bytes.length, this.sizes.of(object) - start))
    let wrong = bytes.length - within
    let at = 0
    for (const part of this.read(object, version, start, start + within)) {
      // The whole part at once first: nearly always that is all there is to do.
      if (part.compare(bytes, at, at + part.length) !== 0) {
        for (let index = 0; index < part.length; index++) if (part[index] !== bytes[at + index]) wrong++
      }
      at += part.length
    }
    return wrong
  }

  #line (object: number, version: number): Buffer {
    return Buffer.from(`object ${object} version ${version} `.padEnd(lineBytes - 1, '.') + '\n', 'latin1')
  }

  #place (object: number, version: number): number {
    return mix(this.#seed ^ mix(object) ^ mix(version + 0x51ed270b)) % ringBytes
  }
}

/** Path of an object at the origin, and so at every edge. */
export const pathOf = (object: number): string => `/o/${object}`

/** @returns undefined for a path that is no object's */
export function objectOf (path: string): number | undefined {
  const object = /^\/o\/(\d{1,10})$/.exec(path)?.[1]
  return object === undefined || Number(object) >= 2 ** 32 ? undefined : Number(object)
}

/** Strong: it names the version. */
export const etagOf = (object: number, version: number): string => `"${object}-${version}"`

/** @returns undefined for a tag that is not this object's */
export function versionOf (object: number, etag: string | undefined): number | undefined {
  const [, named, version] = /^"(\d+)-(\d{1,9})"$/.exec(etag ?? '') ?? []
  return named === String(object) ? Number(version) : undefined
}
