/**
 * What the caller of a purge is told: who has applied it, and what is known of the rest. `applied`: every edge has. `pending`: some
 * have not, or not said so yet; where it is known when these will be fenced at the latest, that is told. `fenced`: that time has
 * passed, none of them serves what it stored without asking the origin. `here-only`: this edge does not hear a majority of regions, so
 * nothing can be promised of the others before it does. Pure.
 */
import type { PeerName, Region } from '../ids.ts'
import { mayOutvote, type View } from './fences.ts'
import type { Purge, PurgeId } from './purge.ts'
import type { SpreadSettings } from './settings.ts'

export const ReceiptState = { Applied: 'applied', Pending: 'pending', Fenced: 'fenced', HereOnly: 'here-only' } as const
export type ReceiptState = typeof ReceiptState[keyof typeof ReceiptState]

export interface Receipt {
  readonly id: PurgeId
  readonly state: ReceiptState
  readonly soft: boolean
  /** When the order was taken, wall clock of the edge that took it, ms. */
  readonly atMs: number
  /** Edges that it concerns: members when it was ordered, silent ones among them, that have not left since. */
  readonly edges: number
  /** Edges on which it counts and will after a restart, with the time at which that was known here, wall clock, ms; in that order. */
  readonly applied: ReadonlyArray<{ readonly peer: PeerName, readonly region: Region, readonly atMs: number }>
  readonly regions: ReadonlyArray<{ readonly region: Region, readonly edges: number, readonly applied: number }>
  /** Edges that have not applied it, as many as are shown, and why they would not. */
  readonly waiting: ReadonlyArray<{ readonly peer: PeerName, readonly region: Region, readonly why?: string }>
  /** Where it is `pending` and known: when the rest will be fenced, wall clock, ms. */
  readonly fencedByMs?: number
  /** Sentences that whoever ordered it should read. */
  readonly notes: readonly string[]
}

/** What is known of a purge. */
export interface Tally {
  readonly purge: Purge
  /** Whom it concerns. */
  readonly view: View
  /** By edge: when it was known, ms after the order. */
  readonly applied: ReadonlyMap<PeerName, number>
  readonly refused: ReadonlyMap<PeerName, string>
  /** Since when those without it cannot keep each other current any more, ms of the own clock. */
  readonly outvotedAtMs: number | undefined
}

/** @returns whether those without it are outvoted: no majority of regions can be heard from among them */
export function isOutvoted ({ view, applied }: Pick<Tally, 'view' | 'applied'>): boolean {
  return !mayOutvote(view, (peer) => !applied.has(peer))
}

export interface Moment {
  readonly nowMs: number
  readonly wallMs: number
  /** Whether this edge hears a majority of regions. */
  readonly isCurrent: boolean
  /** It has heard of nobody, and should have: whom the purge concerns is not known. */
  readonly isAlone: boolean
}

export function receiptOf (tally: Tally, { nowMs, wallMs, isCurrent, isAlone }: Moment, settings: Pick<SpreadSettings, 'leaseMs' | 'clockSlackMs' | 'waitingShownMax'>): Receipt {
  const { purge, view, applied, refused, outvotedAtMs } = tally
  const members = [...view].flatMap(([region, peers]) => [...peers].map((peer) => ({ peer, region })))
  const done = members.flatMap((each) => applied.has(each.peer) ? [{ ...each, atMs: Math.round(purge.atMs + applied.get(each.peer)!) }] : [])
  const waiting = members.filter(({ peer }) => !applied.has(peer)).map((each) => ({ ...each, ...(refused.has(each.peer) && { why: refused.get(each.peer)! }) }))
  const fencedAtMs = outvotedAtMs === undefined ? undefined : outvotedAtMs + settings.leaseMs + settings.clockSlackMs
  const state = isAlone ? ReceiptState.HereOnly : waiting.length === 0 ? ReceiptState.Applied
    : fencedAtMs !== undefined ? nowMs >= fencedAtMs ? ReceiptState.Fenced : ReceiptState.Pending
      : isCurrent ? ReceiptState.Pending : ReceiptState.HereOnly
  return {
    id: purge.id, state, soft: purge.soft, atMs: purge.atMs,
    edges: members.length,
    applied: done.sort((one, other) => one.atMs - other.atMs),
    regions: [...view].map(([region, peers]) => ({ region, edges: peers.size, applied: [...peers].filter((peer) => applied.has(peer)).length })),
    waiting: waiting.slice(0, settings.waitingShownMax),
    ...(state === ReceiptState.Pending && fencedAtMs !== undefined && { fencedByMs: Math.ceil(wallMs + fencedAtMs - nowMs) }),
    notes: notesOf(state, waiting.length, fencedAtMs !== undefined)
  }
}

function notesOf (state: ReceiptState, waiting: number, isFencing: boolean): string[] {
  const edges = waiting === 1 ? '1 edge has' : `${waiting} edges have`
  switch (state) {
    case ReceiptState.Applied: return []
    case ReceiptState.Pending: return [`${edges} not answered yet: the purge is handed on, and each of them gets it before it counts as current again${isFencing ? '' : '; until then it may serve what it has stored'}`]
    case ReceiptState.Fenced: return [`${edges} not applied it and cannot be current without it: what these have stored is served as the site's rule for fenced edges says`]
    case ReceiptState.HereOnly: return ['this edge does not hear a majority of regions: the purge counts where it is applied, others may serve what they have stored until they are reached']
  }
}

/** How much of a receipt a caller waits for. */
export const Wait = { All: 'all', Region: 'region', None: 'none' } as const
export type Wait = typeof Wait[keyof typeof Wait]

/** Whether there is nothing more to wait for: it is applied as far as asked, the rest is fenced, or nothing can be promised. */
export function isSettled (receipt: Receipt, wait: Wait, region: Region): boolean {
  if (wait === Wait.None || receipt.state !== ReceiptState.Pending) return true
  return wait === Wait.Region && receipt.regions.every((each) => each.region !== region || each.applied === each.edges)
}
