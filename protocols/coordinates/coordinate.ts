/**
 * Where an edge stands in a space in which distance is round trip: a network coordinate, as it is computed with and as it travels.
 * A position in a few dimensions stands for the network's core, a height for the way from there to the edge, which
 * every packet takes whatever its direction (Dabek, Cox, Kaashoek and Morris 2004, "Vivaldi: A Decentralized Network
 * Coordinate System", section 5.4). What comes from a peer is believed within bounds only.
 *
 *     on the wire: [one number for each dimension, height, error], whole hundredths of a ms, the error in percent
 */

/**
 * Of the position. Distances on a sphere need three: with two the simulated planet of the tests is estimated a third worse, a
 * fourth gains nothing.
 */
export const dimensions = 3

export interface Coordinate {
  /** ms, `dimensions` of them. */
  readonly position: readonly number[]
  /** ms, 0 or more. */
  readonly heightMs: number
  /** How wrong its owner finds its estimates, relative to what was measured: near 0 good, `errorMax` knows nothing. */
  readonly error: number
}

/** A coordinate as an announcement carries it: 10 to 20 bytes. */
export type WireCoordinate = readonly number[]

/** ms from the middle in each dimension, and of height: no route on Earth is as long. */
export const reachMaxMs = 1_000
/** The error of an edge that has measured nothing yet. */
export const errorMax = 1.5
/**
 * The least error that is believed: who claims none would move others at will. Higher: a colony settles more slowly, and a liar
 * counts for less.
 */
export const errorMin = 0.05

const unitsPerMs = 100
const unitsPerError = 100

export function encodeCoordinate ({ position, heightMs, error }: Coordinate): WireCoordinate {
  return [...position.map((each) => Math.round(each * unitsPerMs)), Math.round(heightMs * unitsPerMs), Math.round(error * unitsPerError)]
}

/** @returns undefined for what is no coordinate of this kind, or out of bounds: a hint that makes no sense is as good as none */
export function decodeCoordinate (value: unknown): Coordinate | undefined {
  if (!Array.isArray(value) || value.length !== dimensions + 2 || !value.every(Number.isSafeInteger)) return undefined
  const numbers = (value as number[]).map((each) => each / unitsPerMs)
  const position = numbers.slice(0, dimensions)
  const heightMs = numbers[dimensions]!
  const error = (value as number[])[dimensions + 1]! / unitsPerError
  if (position.some((each) => Math.abs(each) > reachMaxMs) || heightMs < 0 || heightMs > reachMaxMs || error < 0 || error > errorMax) return undefined
  return { position, heightMs, error: Math.max(errorMin, error) }
}

/** @returns the round trip between the two, ms */
export function estimateMs (one: Coordinate, other: Coordinate): number {
  return Math.hypot(...one.position.map((each, index) => each - other.position[index]!)) + one.heightMs + other.heightMs
}
