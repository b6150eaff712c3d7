/**
 * What the leader of a roll-out knows of the edges: which version each says that it runs, which one it refuses and why,
 * and how it served while it ran each version. Reports are counts for an interval; they come over a lossy mesh, so each
 * has a number within its edge's run, and one that is old or repeated is passed over.
 */
import { z } from 'zod'
import { printable } from '../text.ts'
import { addHealth, healthSchema, noHealth, type Health } from './health.ts'
import type { ConfigSettings } from './settings.ts'
import type { PeerName, Region } from '../ids.ts'

const version = z.int().min(0).max(2 ** 48)

/** What an edge reports to the group's leader; unknown fields are skipped. */
export const reportSchema = z.object({
  /** Start of the edge's process, and the report's number within it. */
  incarnation: z.number(),
  sequence: z.int().min(0),
  /** What it ran throughout the interval, of this group. */
  version,
  regionWide: version,
  /** A version that it was asked to run and does not, and one sentence why. */
  refused: z.object({ version, reason: z.string().max(1_000).transform(printable) }).optional(),
  health: healthSchema
})
export type EdgeReport = z.output<typeof reportSchema>

export interface Edge {
  readonly peer: PeerName
  readonly region: Region
  /** For sentences; the peer id where it is not known. */
  readonly name?: string | undefined
}

interface Slot {
  readonly slot: number
  readonly atMs: number
  readonly version: number
  readonly regionWide: number
  readonly health: Health
}

interface Known {
  readonly latest: EdgeReport
  readonly heardMs: number
  readonly slots: readonly Slot[]
}

export class Reports {
  readonly #settings: ConfigSettings
  readonly #edges = new Map<PeerName, Known>()

  constructor (settings: ConfigSettings) {
    this.#settings = settings
  }

  /** @returns whether it was news */
  add (peer: PeerName, report: EdgeReport, nowMs: number): boolean {
    const known = this.#edges.get(peer)
    if (known === undefined && this.#edges.size >= this.#settings.edgesMax) return false
    const { incarnation, sequence, version: runs, regionWide } = report
    const before = known?.latest
    if (before !== undefined && (incarnation < before.incarnation || (incarnation === before.incarnation && sequence <= before.sequence))) return false
    const slots = (known?.slots ?? []).filter(({ atMs }) => atMs > nowMs - this.#settings.beforeMs)
    const slot = Math.floor(nowMs / this.#settings.slotMs)
    const last = slots.at(-1)
    const joins = last?.slot === slot && last.version === runs && last.regionWide === regionWide
    const health = joins ? addHealth(last.health, report.health) : report.health
    this.#edges.set(peer, {
      latest: report,
      heardMs: nowMs,
      slots: [...joins ? slots.slice(0, -1) : slots, { slot, atMs: nowMs, version: runs, regionWide, health }]
    })
    return true
  }

  /** Forgets all but these. */
  retain (peers: ReadonlySet<PeerName>): void {
    for (const peer of this.#edges.keys()) if (!peers.has(peer)) this.#edges.delete(peer)
  }

  latest (peer: PeerName): EdgeReport | undefined { return this.#edges.get(peer)?.latest }
  heardMs (peer: PeerName): number | undefined { return this.#edges.get(peer)?.heardMs }

  /** How these edges served since `sinceMs` while they ran a version that `counts`. */
  health (peers: Iterable<PeerName>, sinceMs: number, counts: (runs: { readonly version: number, readonly regionWide: number }) => boolean): Health {
    let sum = noHealth
    for (const peer of peers) {
      for (const slot of this.#edges.get(peer)?.slots ?? []) {
        if (slot.atMs >= sinceMs && counts(slot)) sum = addHealth(sum, slot.health)
      }
    }
    return sum
  }
}
