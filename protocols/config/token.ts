/**
 * Causal tokens: how far each group's log has been seen, as a version vector. The answer to a write carries one, and
 * any edge that is given it acts on nothing older (DESIGN.md, Rules of agreement). A token is short text for a header,
 * each vector has exactly one, and as it comes from clients and peers it is checked before it is believed.
 *
 *     token = base64url( 1 | entries, 1 byte | { name length, 1 byte | name | counter, LEB128 }… by name )
 *
 * @see Parker and others 1983 (version vectors); Lamport 1978
 */
import { ColonyError } from '../errors.ts'

/** By group (`global`, a region, `purge:fra`): the highest counter seen. Absent is 0. */
export type Vector = Readonly<Record<string, number>>

export const tokenLimits = Object.freeze({
  /** Groups in one token: the global one and the regions that a client wrote to. Beyond it the token cannot be made. */
  entriesMax: 64,
  /** Characters of a token: what fits into a header beside others. */
  charsMax: 2_048,
  /** Highest counter; far above what a log reaches, and exact in a double. */
  counterMax: 2 ** 48
})

/** Text that is no causal token. */
export class TokenError extends ColonyError {
  constructor (message: string) {
    super('COLONY_CONFIG_TOKEN', message)
  }
}

const groupName = /^[A-Za-z0-9][A-Za-z0-9._:@-]{0,63}$/
const format = 1

export type Order = 'equal' | 'before' | 'after' | 'concurrent'

/** How `a` stands to `b`: before it when `b` has seen all that `a` has, and more. */
export function compareVectors (a: Vector, b: Vector): Order {
  const behind = Object.entries(b).some(([name, counter]) => counter > counterOf(a, name))
  const ahead = Object.entries(a).some(([name, counter]) => counter > counterOf(b, name))
  if (behind && ahead) return 'concurrent'
  return behind ? 'before' : ahead ? 'after' : 'equal'
}

/** What both have seen together. */
export function mergeVectors (a: Vector, b: Vector): Vector {
  const merged: Record<string, number> = { ...a }
  for (const [name, counter] of Object.entries(b)) merged[name] = Math.max(counter, counterOf(merged, name))
  return merged
}

export interface Lack {
  readonly group: string
  readonly has: number
  readonly needs: number
}

/** What is missing in `has` to honour `token`, by name; nothing when it may act. For the body of a 409 or 425. */
export function lacks (has: Vector, token: Vector): Lack[] {
  return Object.keys(token).sort()
    .map((group) => ({ group, has: counterOf(has, group), needs: counterOf(token, group) }))
    .filter((lack) => lack.needs > lack.has)
}

function counterOf (vector: Vector, name: string): number {
  return Object.hasOwn(vector, name) ? vector[name]! : 0
}

/** @throws TokenError for a vector that is out of bounds: too many groups for one token, or a name that is none */
export function encodeToken (vector: Vector): string {
  const entries = Object.entries(vector).filter(([, counter]) => counter !== 0).sort(([a], [b]) => a < b ? -1 : 1)
  if (entries.length > tokenLimits.entriesMax) throw new TokenError(`a token of ${entries.length} groups; at most ${tokenLimits.entriesMax} fit`)
  const bytes = [format, entries.length]
  for (const [name, counter] of entries) {
    if (!isVectorEntry(name, counter)) throw new TokenError(`${JSON.stringify(name)}: ${counter} cannot stand in a token`)
    bytes.push(name.length, ...Buffer.from(name, 'ascii'))
    let rest = counter
    for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push(rest % 128 + 128)
    bytes.push(rest)
  }
  const text = Buffer.from(bytes).toString('base64url')
  if (text.length > tokenLimits.charsMax) throw new TokenError(`a token of ${text.length} characters; at most ${tokenLimits.charsMax} fit into a header`)
  return text
}

/** @throws TokenError for whatever `encodeToken` would not have made */
export function decodeToken (text: string): Vector {
  if (text.length > tokenLimits.charsMax) throw new TokenError(`a token of ${text.length} characters; the longest is ${tokenLimits.charsMax}`)
  if (!/^[A-Za-z0-9_-]+$/.test(text)) throw new TokenError('a token of other characters than base64url has')
  const bytes = Buffer.from(text, 'base64url')
  if (bytes.length < 2 || bytes[0] !== format) throw new TokenError('a token of an unknown format')
  const vector: Record<string, number> = {}
  let at = 2
  for (let entry = 0; entry < bytes[1]!; entry++) {
    const end = at + 1 + (bytes[at] ?? 0)
    const name = bytes.toString('latin1', at + 1, end)
    let counter = 0
    let scale = 1
    let next = 128
    for (at = end; next >= 128; scale *= 128) {
      if (at >= bytes.length || scale > tokenLimits.counterMax) throw new TokenError('a token that is cut short, or a counter too large')
      next = bytes[at++]!
      counter += next % 128 * scale
    }
    if (!isVectorEntry(name, counter)) throw new TokenError('a token with a name or a counter out of bounds')
    vector[name] = counter
  }
  // One vector, one token: whatever was not in order, twice or padded is written another way.
  if (encodeToken(vector) !== text) throw new TokenError('a token that is not in its canonical form')
  return vector
}

/**
 * Whether a value, from anywhere, is a vector within the bounds.
 *
 * @param entriesMax the mark of a leaf has seen whatever was written there before, so it may know more groups than a token
 */
export function isVector (value: unknown, entriesMax: number = tokenLimits.entriesMax): value is Vector {
  return typeof value === 'object' && value !== null && !Array.isArray(value) &&
    Object.keys(value).length <= entriesMax &&
    Object.entries(value).every(([name, counter]) => isVectorEntry(name, counter))
}

function isVectorEntry (name: string, counter: unknown): boolean {
  return groupName.test(name) && Number.isSafeInteger(counter) && (counter as number) >= 1 && (counter as number) <= tokenLimits.counterMax
}
