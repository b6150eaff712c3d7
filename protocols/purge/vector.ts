/**
 * Version vectors of purges: how far an edge has come with each issuing edge, by its lives (Parker et al. 1983, "Detection of Mutual
 * Inconsistency in Distributed Systems"; the exceptions for what came out of turn are those of WinFS, Malkhi and Terry 2005). `Progress`
 * is an edge's own, the functions compare any two. A vector says less rather than more: where a bound cuts it, something is asked for twice.
 */
import { createHash } from 'node:crypto'
import type { PeerName } from '../ids.ts'
import { WireError } from '../errors.ts'
import { decodeHead, encodeHead } from '../wire.ts'
import type { PurgeId, PurgeMark, PurgeVector } from './purge.ts'
import type { SpreadSettings } from './settings.ts'

type Bounds = Pick<SpreadSettings, 'livesMax' | 'beyondMax'>

export function has (vector: PurgeVector, { peer, incarnation, sequence }: PurgeId): boolean {
  const mark = vector.get(peer)?.find((each) => each.incarnation === incarnation)
  return mark !== undefined && holds(mark, sequence)
}

/** Whether whoever is at `one` has all that `other` has. */
export function covers (one: PurgeVector, other: PurgeVector): boolean {
  for (const _lacking of lackings(one, other)) return false
  return true
}

/** What `one` lacks of `other`: the marks of `other` that it does not cover. */
export function lacks (one: PurgeVector, other: PurgeVector): PurgeVector {
  return vectorOf([...lackings(one, other)])
}

/** As far as either has come. */
export function merge (one: PurgeVector, other: PurgeVector, bounds: Bounds): PurgeVector {
  const progress = new Progress(bounds, one)
  progress.adopt(other)
  return progress.vector()
}

/** The lives that `wanted` says. */
export function lives (vector: PurgeVector, wanted: (peer: PeerName, incarnation: number) => boolean): PurgeVector {
  return vectorOf([...vector].flatMap(([peer, marks]) => marks.filter(({ incarnation }) => wanted(peer, incarnation)).map((mark) => [peer, mark] as const)))
}

/** An edge's own: which purges it has taken in. */
export class Progress {
  readonly #bounds: Bounds
  readonly #marks = new Map<PeerName, Map<number, { sequence: number, beyond: Set<number> }>>()
  #lives = 0
  #vector: PurgeVector | undefined

  constructor (bounds: Bounds, begin: PurgeVector = new Map()) {
    this.#bounds = bounds
    this.adopt(begin)
  }

  /** The same object until something changes. */
  vector (): PurgeVector {
    this.#vector ??= vectorOf([...this.#marks].flatMap(([peer, lives]) => [...lives].map(([incarnation, { sequence, beyond }]) =>
      [peer, { incarnation, sequence, ...(beyond.size > 0 && { beyond: [...beyond].sort(ascending) }) }] as const)))
    return this.#vector
  }

  has (id: PurgeId): boolean {
    const life = this.#marks.get(id.peer)?.get(id.incarnation)
    return life !== undefined && (id.sequence <= life.sequence || life.beyond.has(id.sequence))
  }

  /** @returns `full` where the bounds leave no room to remember it: then it has not been taken in */
  add ({ peer, incarnation, sequence }: PurgeId): 'news' | 'known' | 'full' {
    if (this.has({ peer, incarnation, sequence })) return 'known'
    const life = this.#life(peer, incarnation)
    if (life === undefined || (sequence > life.sequence + 1 && life.beyond.size >= this.#bounds.beyondMax)) return 'full'
    life.beyond.add(sequence)
    this.#settle(life)
    return 'news'
  }

  /** Takes all of it for known. */
  adopt (vector: PurgeVector): void {
    for (const [peer, marks] of vector) {
      for (const { incarnation, sequence, beyond = [] } of marks) {
        if (sequence === 0 && beyond.length === 0) continue
        const life = this.#life(peer, incarnation)
        if (life === undefined) continue
        life.sequence = Math.max(life.sequence, sequence)
        for (const each of beyond) if (life.beyond.size < this.#bounds.beyondMax) life.beyond.add(each)
        this.#settle(life)
      }
    }
  }

  forget (peer: PeerName, incarnation: number): void {
    const known = this.#marks.get(peer)
    if (known?.delete(incarnation) !== true) return
    this.#lives--
    if (known.size === 0) this.#marks.delete(peer)
    this.#vector = undefined
  }

  #life (peer: PeerName, incarnation: number): { sequence: number, beyond: Set<number> } | undefined {
    const known = this.#marks.get(peer)?.get(incarnation)
    if (known !== undefined || this.#lives >= this.#bounds.livesMax) return known
    const life = { sequence: 0, beyond: new Set<number>() }
    this.#marks.set(peer, (this.#marks.get(peer) ?? new Map()).set(incarnation, life))
    this.#lives++
    return life
  }

  #settle (life: { sequence: number, beyond: Set<number> }): void {
    while (life.beyond.has(life.sequence + 1)) life.sequence++
    for (const each of life.beyond) if (each <= life.sequence) life.beyond.delete(each)
    this.#vector = undefined
  }
}

/** Longest name of a peer in a vector. */
const peerCharsMax = 128

export function encodeVector (vector: PurgeVector): Uint8Array {
  return encodeHead({ v: [...vector].map(([peer, marks]) => [peer, ...marks.map(({ incarnation, sequence, beyond = [] }) => [incarnation, sequence, ...beyond])]) })
}

/** Equal for equal vectors, and differs for others: 128 bits of SHA-256. */
export function vectorHash (vector: PurgeVector): string {
  return createHash('sha256').update(encodeVector(vector)).digest('base64url').slice(0, 22)
}

/** @throws WireError for anything that `encodeVector` would not have written */
export function decodeVector (bytes: Uint8Array, { livesMax, beyondMax }: Bounds): PurgeVector {
  // Names are the largest part; the rest are numbers of at most 9 bytes.
  if (bytes.byteLength > 16 + livesMax * (peerCharsMax + 32) + livesMax * 9) throw new WireError(`a peer sent a purge vector of ${bytes.byteLength} bytes`)
  const { v } = decodeHead(bytes)
  if (!Array.isArray(v)) throw new WireError('a peer sent a purge vector that is no list')
  const vector = new Map<PeerName, PurgeMark[]>()
  let [last, count] = ['', 0]
  for (const entry of v as unknown[]) {
    const [peer, ...marks] = Array.isArray(entry) ? entry as unknown[] : []
    if (typeof peer !== 'string' || peer.length > peerCharsMax || peer <= last || marks.length === 0) throw new WireError('a peer sent a purge vector whose peers are not in order')
    count += marks.length
    if (count > livesMax) throw new WireError(`a peer sent a purge vector of more than ${livesMax} lives`)
    vector.set(peer, marksOf(marks, beyondMax))
    last = peer
  }
  return vector
}

function marksOf (marks: readonly unknown[], beyondMax: number): PurgeMark[] {
  let last = -1
  return marks.map((mark) => {
    const [incarnation, sequence, ...beyond] = Array.isArray(mark) && mark.every((each) => Number.isSafeInteger(each)) ? mark as number[] : []
    if (incarnation === undefined || sequence === undefined || incarnation <= last || sequence < 0) throw new WireError('a peer sent a purge vector whose lives are not in order')
    if (beyond.length > beyondMax || beyond.some((each, index) => each <= (beyond[index - 1] ?? sequence + 1))) throw new WireError('a peer sent a purge vector with more out of turn than there may be, or not in order')
    last = incarnation
    return { incarnation, sequence, ...(beyond.length > 0 && { beyond }) }
  })
}

function * lackings (one: PurgeVector, other: PurgeVector): Generator<readonly [PeerName, PurgeMark]> {
  for (const [peer, marks] of other) {
    const own = one.get(peer)
    if (own === marks) continue
    for (const mark of marks) {
      const known = own?.find(({ incarnation }) => incarnation === mark.incarnation)
      const isCovered = mark.sequence <= (known?.sequence ?? 0) && (mark.beyond ?? []).every((each) => known !== undefined && holds(known, each))
      if (!isCovered) yield [peer, mark]
    }
  }
}

function holds (mark: PurgeMark, sequence: number): boolean { return sequence <= mark.sequence || mark.beyond?.includes(sequence) === true }

/** In the one order that its encoding has. */
function vectorOf (marks: ReadonlyArray<readonly [PeerName, PurgeMark]>): PurgeVector {
  const vector = new Map<PeerName, PurgeMark[]>()
  for (const [peer, mark] of marks.toSorted(([one, a], [other, b]) => one < other ? -1 : one > other ? 1 : a.incarnation - b.incarnation)) {
    if (vector.get(peer)?.push(mark) === undefined) vector.set(peer, [mark])
  }
  return vector
}

function ascending (one: number, other: number): number { return one - other }
