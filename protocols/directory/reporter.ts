/**
 * The holder's side: tells the owners of keys what this edge holds. Pure: times are parameters, and what is to be
 * sent is taken from `reports`. Changes go to the owner's lane (lane.ts). Where owners changed, or one has to be
 * told everything, all holdings are walked in slices; one walk serves all owners that wait for one. While it goes on, keys
 * belong to the owner of the new ring, and changes are told to both rings' owners, as the walk may or may not have
 * passed them. Rings that come meanwhile wait for its end, so there are never more than two.
 *
 * A previous owner keeps what moved away for `formerKeepMs`, then is told to drop it: so its directory, too, is
 * what this edge told it, and nothing else.
 */
import { Lane, Phase } from './lane.ts'
import type { Report } from './messages.ts'
import type { DirectorySettings } from './settings.ts'
import type { ContentKey, PeerName } from '../ids.ts'

/** Who owns what in the region, at one moment: it never changes. A `Ring` is one. */
export interface OwnerView { readonly owner: (key: ContentKey) => PeerName | undefined }

export interface Holdings {
  /** All keys that this edge holds, each once: it is counted by them. What comes or goes while it is walked may be among them or not. */
  readonly held: () => Iterable<ContentKey>
  readonly holds: (key: ContentKey) => boolean
}

export interface ReporterInit extends Holdings {
  readonly self: PeerName
  readonly settings: DirectorySettings
  /** Uniform in [0, 1). */
  readonly random: () => number
}

/** Keys that moved away from an owner. */
interface Former { readonly atMs: number, readonly keys: ReadonlyMap<Lane, readonly ContentKey[]> }

const nobody: OwnerView = { owner: () => undefined }

export class Reporter {
  /** Full reports that began. */
  fulls = 0

  readonly #init: ReporterInit
  readonly #lanes = new Map<PeerName, Lane>()
  #ring = nobody
  /** The ring before, while keys are told to their new owners. */
  #before = nobody
  #newest = nobody
  /** Owners that were ever sent a report. */
  readonly #told = new Set<PeerName>()
  #newestAtMs = Infinity
  #walk: Iterator<undefined> | undefined
  readonly #former: Former[] = []
  #auditAtMs = Infinity
  /** As of the last `step`: a walk lasts for many. */
  #nowMs = 0

  constructor (init: ReporterInit) {
    this.#init = init
  }

  /** @param peers of the own region, whether or not they own anything */
  membersChanged (peers: Iterable<PeerName>, nowMs: number): void {
    const members = new Set(peers)
    members.delete(this.#init.self)
    for (const peer of this.#lanes.keys()) if (!members.has(peer)) this.#lanes.delete(peer)
    const { settings, random, holds } = this.#init
    for (const peer of members) {
      if (this.#lanes.has(peer)) continue
      const lane = new Lane({ peer, settings, random, belongs: (key) => holds(key) && this.#ring.owner(key) === peer, isUntold: () => !this.#told.has(peer) })
      // With the ring that it comes with.
      lane.fullAtMs = nowMs + settings.settleMs
      this.#lanes.set(peer, lane)
    }
  }

  ringChanged (ring: OwnerView, nowMs: number): void {
    this.#newest = ring
    this.#newestAtMs = Math.min(this.#newestAtMs, nowMs + this.#init.settings.settleMs)
  }

  /** `key` came or went: which of both is looked up when it is told. @returns when to call `step`, ms */
  changed (key: ContentKey, nowMs: number): number {
    const lanes = [this.#ring, this.#before].map((ring) => this.#laneOf(ring, key))
    for (const lane of new Set(lanes)) lane?.mark(key, nowMs)
    return Math.min(...lanes.map((lane) => lane?.dueAtMs() ?? Infinity))
  }

  /** Does what is due, one slice of a walk at most. */
  step (nowMs: number): void {
    this.#nowMs = nowMs
    this.#walk ??= this.#nextWalk(nowMs)
    for (let left = this.#init.settings.walkKeysPerSlice; left > 0 && this.#walk !== undefined && !this.#paused(); left--) {
      if (this.#walk.next().done === true) this.#walk = undefined
    }
  }

  /** What is to be sent now; each is to be given back to its lane's `answered` or `failed`. */
  * reports (nowMs: number): Generator<readonly [Lane, Report]> {
    for (const lane of this.#lanes.values()) {
      const report = lane.next(nowMs)
      if (report === undefined) continue
      this.#told.add(lane.peer)
      yield [lane, report]
    }
  }

  /** When to call `step` and `reports`, ms; in the past for at once. */
  nextDeadline (): number {
    let deadlineMs = Math.min(this.#newestAtMs, this.#former[0]?.atMs ?? Infinity, this.#auditAtMs)
    if (this.#walk !== undefined) deadlineMs = this.#paused() ? Infinity : 0
    for (const lane of this.#lanes.values()) {
      deadlineMs = Math.min(deadlineMs, lane.dueAtMs(), this.#walk === undefined && waits(lane) ? lane.fullAtMs : Infinity)
    }
    return deadlineMs
  }

  /** Until the owners that answer have taken what they were told: keys not told yet are not gathered without bound. */
  #paused (): boolean {
    for (const lane of this.#lanes.values()) if (lane.full) return true
    return false
  }

  #nextWalk (nowMs: number): Iterator<undefined> | undefined {
    const full = [...this.#lanes.values()].filter((lane) => waits(lane) && lane.fullAtMs <= nowMs)
    if (this.#newestAtMs <= nowMs || this.#auditAtMs <= nowMs || full.length > 0) return this.#tell(new Set(full), nowMs)
    if (this.#former[0] !== undefined && this.#former[0].atMs <= nowMs) return this.#release(this.#former.shift() as Former)
    return undefined
  }

  /** Walks all holdings: to the lanes in `full` everything is told, to the others what became theirs. */
  #tell (full: ReadonlySet<Lane>, nowMs: number): Iterator<undefined> {
    this.#before = this.#ring
    this.#ring = this.#newest
    this.#newestAtMs = Infinity
    this.#auditAtMs = nowMs + this.#init.settings.auditIntervalMs
    this.fulls += full.size
    for (const lane of this.#lanes.values()) {
      if (full.has(lane)) lane.beginFull(nowMs)
      lane.beginCount()
    }
    return this.#tellAll(full)
  }

  * #tellAll (full: ReadonlySet<Lane>): Generator<undefined, undefined> {
    const former = new Map<Lane, ContentKey[]>()
    const sameRing = this.#before === this.#ring
    const audits = sameRing && this.#former.length === 0
    for (const key of this.#init.held()) {
      yield
      const lane = this.#laneOf(this.#ring, key)
      if (lane !== undefined) {
        lane.walked++
        if (full.has(lane)) lane.mark(key, this.#nowMs)
      }
      const before = sameRing ? lane : this.#laneOf(this.#before, key)
      if (before === lane) continue
      if (lane !== undefined && !full.has(lane)) lane.mark(key, this.#nowMs)
      if (before === undefined || full.has(before)) continue
      const moved = former.get(before)
      if (moved === undefined) former.set(before, [key])
      else moved.push(key)
    }
    for (const lane of full) lane.endFull()
    if (former.size > 0) this.#former.push({ atMs: this.#nowMs + this.#init.settings.formerKeepMs, keys: former })
    this.#before = this.#ring
    if (audits) this.#audit()
  }

  * #release ({ keys }: Former): Generator<undefined, undefined> {
    for (const [lane, moved] of keys) {
      for (const key of moved) {
        lane.mark(key, this.#nowMs)
        yield
      }
    }
  }

  /** An owner whose count differs by more than changed meanwhile has another picture, whatever the reason. One that had no room may have it now. */
  #audit (): void {
    for (const lane of this.#lanes.values()) {
      if (lane.phase !== Phase.Live) continue
      if (lane.count === undefined || Math.abs(lane.walked - lane.count) > lane.changed) lane.restart(this.#nowMs)
    }
  }

  #laneOf (ring: OwnerView, key: ContentKey): Lane | undefined {
    const peer = ring.owner(key)
    return peer === undefined ? undefined : this.#lanes.get(peer)
  }
}

/** Of one that does not answer it is not known whether it can be told. */
function waits (lane: Lane): boolean {
  return lane.phase === Phase.Waiting && lane.answers
}
