/**
 * The purge log of an edge: what it has taken in, as long as the horizon, and how far that is (`vector.ts`). A pure core: who drives it
 * writes each entry down, synced, before it answers for it. Three ages of a life (an issuing edge's, from its last purge on) keep
 * edges whose clocks differ from ever disagreeing about what is over: it is asked of others for one horizon, told for one and a half,
 * and remembered for three.
 */
import type { PeerName } from '../ids.ts'
import type { PurgeId, PurgeVector, Selector } from './purge.ts'
import type { SpreadSettings } from './settings.ts'
import type { SignedPurge } from './signed.ts'
import { encodeHead } from '../wire.ts'
import { purgeIdText } from './selector.ts'
import { has, lacks, lives, Progress } from './vector.ts'

export interface LogEntry {
  /** In the order of arrival. */
  readonly number: number
  readonly signed: SignedPurge
  /** The idempotency key under which the order was given here. */
  readonly orderKey?: string
}

/** A life whose purges are not all in the log any more: up to `floor` they cannot be had here. */
export interface Floor {
  readonly peer: PeerName
  readonly incarnation: number
  readonly floor: number
  /** When its last purge was ordered, wall clock, ms. */
  readonly lastMs: number
}

export interface Missing {
  readonly purges: readonly SignedPurge[]
  /** There are more than fitted. */
  readonly more: boolean
  /** Lives of which something is missing that is beyond the horizon. */
  readonly floors: readonly Floor[]
}

export interface Pruned {
  /** Numbers of entries that are gone from the log. */
  readonly numbers: readonly number[]
  /** Something before one of them never came, and now never will. */
  readonly lost: boolean
}

export type Standing = { readonly kind: 'news' | 'known' } | { readonly kind: 'refused', readonly why: string }

const statedHorizons = 1.5
const rememberedHorizons = 3
/** What is left out for its age is looked at anew this often, ms. */
const viewMs = 60_000

export interface PurgeLogInit {
  readonly self: PeerName
  readonly settings: Pick<SpreadSettings, 'horizonMs' | 'logEntriesMax' | 'logBytesMax' | 'livesMax' | 'beyondMax' | 'aheadMaxMs'>
  readonly entries?: readonly LogEntry[]
  readonly floors?: readonly Floor[]
  /** At least the highest number that was given before. */
  readonly number?: number
}

export class PurgeLog {
  readonly #init: PurgeLogInit
  readonly #progress: Progress
  /** By the text of their ids, in the order of arrival. */
  readonly #entries = new Map<string, LogEntry>()
  readonly #orders = new Map<string, LogEntry>()
  readonly #lives = new Map<PeerName, Map<number, { lastMs: number, floor: number }>>()
  readonly #views = new Map<number, { of: PurgeVector, atMs: number, view: PurgeVector }>()
  #bytes = 0
  #number = 0
  #own: { incarnation: number, sequence: number } | undefined

  constructor (init: PurgeLogInit) {
    this.#init = init
    this.#progress = new Progress(init.settings)
    this.#number = init.number ?? 0
    this.adopt(init.floors ?? [])
    for (const entry of init.entries ?? []) {
      this.#progress.add(entry.signed.purge.id)
      this.#keep(entry)
      this.#note(entry.signed.purge.id, entry.signed.purge.atMs)
    }
  }

  get size (): number { return this.#entries.size }
  get bytes (): number { return this.#bytes }
  /** The highest number that was given. */
  get number (): number { return this.#number }

  /** Of what has no entry: a number that no entry has. */
  nextNumber (): number { return ++this.#number }

  /** Everything that is remembered. */
  vector (): PurgeVector { return this.#progress.vector() }
  has (id: PurgeId): boolean { return this.#progress.has(id) }
  entry (id: PurgeId): LogEntry | undefined { return this.#entries.get(purgeIdText(id)) }
  entries (): IterableIterator<LogEntry> { return this.#entries.values() }
  /** @returns the order that was given here under this key */
  ordered (orderKey: string): LogEntry | undefined { return this.#orders.get(orderKey) }

  /** What this edge has: to be told to others. */
  stated (wallMs: number): PurgeVector { return this.#younger(statedHorizons, wallMs) }
  /** What others must have, for what they send to be as current as what is here. */
  required (wallMs: number): PurgeVector { return this.#younger(1, wallMs) }

  /** The id that the next order taken here has; the same until that is taken in. */
  nextId (wallMs: number): PurgeId {
    const { self } = this.#init
    const known = [...this.#lives.get(self)?.keys() ?? []]
    // One's own life is over where others know a later one: this log is an older copy, or the identity is used twice.
    if (this.#own === undefined || known.some((each) => each > this.#own!.incarnation)) {
      this.#own = { incarnation: Math.max(Math.trunc(wallMs), ...known.map((each) => each + 1)), sequence: 0 }
    }
    return { peer: self, incarnation: this.#own.incarnation, sequence: this.#own.sequence + 1 }
  }

  /** Whether it would be taken in, without doing so. */
  standing ({ purge: { id, atMs } }: Pick<SignedPurge, 'purge'>, wallMs: number): Standing {
    if (this.#progress.has(id)) return { kind: 'known' }
    const { horizonMs, aheadMaxMs } = this.#init.settings
    if (atMs < wallMs - horizonMs) return { kind: 'refused', why: `it was ordered ${hours(wallMs - atMs)} ago by the clock of this edge, beyond the horizon of ${hours(horizonMs)}` }
    if (atMs > wallMs + aheadMaxMs) return { kind: 'refused', why: `it was ordered ${hours(atMs - wallMs)} from now by the clock of this edge: a clock is wrong` }
    return { kind: 'news' }
  }

  /** Takes it in. What is `news` has yet to be written down. @returns the entry, when it is news */
  take (signed: SignedPurge, wallMs: number, orderKey?: string): { readonly standing: Standing, readonly entry?: LogEntry } {
    const standing = this.standing(signed, wallMs)
    if (standing.kind !== 'news') return { standing }
    const { id, atMs } = signed.purge
    if (this.#progress.add(id) === 'full') return { standing: { kind: 'refused', why: 'too many before it are missing, or too many edges have given orders' } }
    if (id.peer === this.#init.self && id.incarnation === this.#own?.incarnation) this.#own.sequence = Math.max(this.#own.sequence, id.sequence)
    const entry = { number: ++this.#number, signed, ...(orderKey !== undefined && { orderKey }) }
    this.#keep(entry)
    this.#note(id, Math.min(atMs, wallMs))
    return { standing, entry }
  }

  /** What whoever has come as far as `vector` lacks, at most `bytesMax` of it, but one at least. */
  missing (vector: PurgeVector, bytesMax: number, wallMs: number): Missing {
    const purges: SignedPurge[] = []
    let bytes = 0
    let more = false
    for (const { signed } of this.#entries.values()) {
      if (has(vector, signed.purge.id)) continue
      bytes += bytesOf(signed)
      if (purges.length > 0 && bytes > bytesMax) {
        more = true
        break
      }
      purges.push(signed)
    }
    const sinceMs = wallMs - statedHorizons * this.#init.settings.horizonMs
    const floors = this.floors().filter(({ peer, incarnation, floor, lastMs }) =>
      floor > 0 && lastMs >= sinceMs && lacks(vector, new Map([[peer, [{ incarnation, sequence: floor }]]])).size > 0)
    return { purges, more, floors }
  }

  /** Takes for known what is beyond the horizon: whoever calls this has marked everything that it stored before as stale. */
  adopt (floors: readonly Floor[]): void {
    for (const { peer, incarnation, floor, lastMs } of floors) {
      this.#progress.adopt(new Map([[peer, [{ incarnation, sequence: floor }]]]))
      // There was no room for it.
      if (floor > 0 && !this.#progress.has({ peer, incarnation, sequence: floor })) continue
      this.#note({ peer, incarnation, sequence: 0 }, lastMs, floor)
    }
  }

  /** For what is kept beside the entries. */
  floors (): Floor[] {
    return [...this.#lives].flatMap(([peer, lives]) => [...lives].map(([incarnation, { floor, lastMs }]) => ({ peer, incarnation, floor, lastMs })))
  }

  /** Lets go of what is beyond the horizon or the budget. */
  prune (wallMs: number): Pruned {
    const { self, settings: { horizonMs, logEntriesMax, logBytesMax } } = this.#init
    const numbers: number[] = []
    let lost = false
    for (const [text, entry] of this.#entries) {
      const { id, atMs } = entry.signed.purge
      const isOver = this.#entries.size > logEntriesMax || this.#bytes > logBytesMax
      if (!isOver && atMs >= wallMs - horizonMs) continue
      this.#entries.delete(text)
      this.#bytes -= bytesOf(entry.signed)
      if (entry.orderKey !== undefined) this.#orders.delete(entry.orderKey)
      numbers.push(entry.number)
      const through = this.#progress.vector().get(id.peer)?.find(({ incarnation }) => incarnation === id.incarnation)?.sequence ?? 0
      if (id.sequence > through) {
        lost = true
        this.#progress.adopt(new Map([[id.peer, [{ incarnation: id.incarnation, sequence: id.sequence }]]]))
      }
      this.#note(id, 0, id.sequence)
    }
    for (const [peer, known] of this.#lives) {
      const newest = Math.max(...known.keys())
      for (const [incarnation, { lastMs }] of known) {
        if (lastMs >= wallMs - rememberedHorizons * horizonMs || (peer === self && incarnation === newest)) continue
        known.delete(incarnation)
        this.#progress.forget(peer, incarnation)
      }
      if (known.size === 0) this.#lives.delete(peer)
    }
    return { numbers, lost }
  }

  #younger (horizons: number, wallMs: number): PurgeVector {
    const of = this.#progress.vector()
    const held = this.#views.get(horizons)
    if (held?.of === of && Math.abs(wallMs - held.atMs) < viewMs) return held.view
    const sinceMs = wallMs - horizons * this.#init.settings.horizonMs
    const view = lives(of, (peer, incarnation) => (this.#lives.get(peer)?.get(incarnation)?.lastMs ?? 0) >= sinceMs)
    this.#views.set(horizons, { of, atMs: wallMs, view })
    return view
  }

  #keep (entry: LogEntry): void {
    this.#entries.set(purgeIdText(entry.signed.purge.id), entry)
    this.#bytes += bytesOf(entry.signed)
    this.#number = Math.max(this.#number, entry.number)
    if (entry.orderKey !== undefined) this.#orders.set(entry.orderKey, entry)
  }

  #note ({ peer, incarnation }: PurgeId, lastMs: number, floor = 0): void {
    const known = this.#lives.get(peer) ?? new Map<number, { lastMs: number, floor: number }>()
    const life = known.get(incarnation)
    known.set(incarnation, { lastMs: Math.max(lastMs, life?.lastMs ?? 0), floor: Math.max(floor, life?.floor ?? 0) })
    this.#lives.set(peer, known)
    this.#views.clear()
  }
}

/** Whether both ask for the same. */
export function isSameOrder (one: { readonly selectors: readonly Selector[], readonly soft: boolean }, other: { readonly selectors: readonly Selector[], readonly soft: boolean }): boolean {
  const text = ({ selectors, soft }: typeof one): string => Buffer.from(encodeHead({ selectors, soft })).toString('base64')
  return text(one) === text(other)
}

function bytesOf ({ body, signature }: SignedPurge): number { return body.byteLength + signature.byteLength }

function hours (ms: number): string { return `${Math.round(ms / 360_000) / 10} h` }
