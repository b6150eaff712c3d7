/**
 * What the lab's origin has: at `/BYTES/SECONDS/NAME` so many bytes that follow from the name, to be kept
 * for so many seconds. Whoever knows the address knows the bytes, so any answer of any edge can be checked.
 */
import { generatedBytes } from '../origin-content.ts'

export interface Content {
  readonly bytes: Buffer
  readonly maxAgeSeconds: number
}

export const contentDefaults = Object.freeze({
  /** Largest object, bytes: it is made in memory. */
  bytesMax: 64 * 1024 ** 2
})

export function contentPath (bytes: number, maxAgeSeconds: number, name: string): string {
  return `/${bytes}/${maxAgeSeconds}/${name}`
}

/** @returns undefined for what is no address of content */
export function contentOf (path: string): Content | undefined {
  const [, length, age] = /^\/(\d{1,9})\/(\d{1,9})\/[A-Za-z0-9._-]{1,100}$/.exec(path) ?? []
  if (length === undefined || Number(length) > contentDefaults.bytesMax) return undefined
  return { bytes: Buffer.concat([...generatedBytes(path, 0, Number(length))]), maxAgeSeconds: Number(age) }
}
