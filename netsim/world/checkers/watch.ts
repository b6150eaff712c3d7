/** Tells checkers what edges do: one short list for each hook, so that what nobody listens to costs nothing. */
import type { Region } from '../../../protocols/ids.ts'
import type { Announcement } from '../../../protocols/membership/announcement.ts'
import type { Entry, Message as RaftMessage, Snapshot } from '../../../protocols/raft/messages.ts'
import type { Ready, Role, Verdict } from '../../../protocols/raft/ready.ts'
import type { Disk } from '../disk.ts'
import type { Copy } from '../edge/copies.ts'
import type { Flight } from '../edge/flights.ts'
import type { Ask } from '../edge/messages.ts'
import type { SettingRequest } from '../workload/setting-request.ts'
import type { EdgeChecker } from './edge-checker.ts'

type Hooks = { readonly [K in keyof EdgeChecker as K extends `on${string}` ? K : never]-?: NonNullable<EdgeChecker[K]>[] }

export class Watch {
  /** A process is gone: its peer hears of it by the broken connection. Not a checker's. */
  onBroken: ((edge: number, peer: number) => void) | undefined
  readonly #hooks: Hooks = {
    onUp: [], onDown: [], onFault: [], onCalm: [], onEnd: [],
    onServed: [], onError: [], onFlight: [], onWait: [], onStored: [], onMerged: [], onOriginAsked: [], onAsked: [], onWritten: [], onSync: [], onRestored: [], onLook: [],
    onRaftStarted: [], onRaftRole: [], onRaftCommit: [], onRaftWritten: [], onRaftInstalled: [], onRaftApplied: [], onRaftSent: [], onRaftHeard: [], onRaftAltered: [],
    onSettingAsked: [], onSettingAnswered: []
  }

  add (checker: EdgeChecker): void {
    for (const [hook, list] of Object.entries(this.#hooks)) {
      const listener = checker[hook as keyof Hooks]
      if (listener !== undefined) (list as unknown[]).push(listener)
    }
  }

  served (edge: number, object: number, version: number, bytes: number, stale: boolean, tookMs: number): void {
    for (const hook of this.#hooks.onServed) hook(edge, object, version, bytes, stale, tookMs)
  }

  failed (edge: number, object: number): void { for (const hook of this.#hooks.onError) hook(edge, object) }
  flight (flight: Flight, phase: 'begins' | 'ends'): void { for (const hook of this.#hooks.onFlight) hook(flight, phase) }
  waits (flight: Flight, on: Flight): void { for (const hook of this.#hooks.onWait) hook(flight, on) }
  stored (edge: number): void { for (const hook of this.#hooks.onStored) hook(edge) }
  merged (edge: number, announcement: Announcement): void { for (const hook of this.#hooks.onMerged) hook(edge, announcement) }
  originAsked (edge: number, flight: Flight): void { for (const hook of this.#hooks.onOriginAsked) hook(edge, flight) }
  asked (edge: number, ask: Pick<Ask, 'verb' | 'last'>, takes: boolean): void { for (const hook of this.#hooks.onAsked) hook(edge, ask, takes) }
  broken (edge: number, peer: number): void { this.onBroken?.(edge, peer) }
  restored (edge: number, disk: Disk<Copy>): void { for (const hook of this.#hooks.onRestored) hook(edge, disk) }
  look (): void { for (const hook of this.#hooks.onLook) hook() }

  written (edge: number, object: number, copy: Copy | undefined): void { for (const hook of this.#hooks.onWritten) hook(edge, object, copy) }
  sync (edge: number, phase: 'begins' | 'ends'): void { for (const hook of this.#hooks.onSync) hook(edge, phase) }

  raftStarted (edge: number): void { for (const hook of this.#hooks.onRaftStarted) hook(edge) }
  raftRole (edge: number, role: Role, term: number): void { for (const hook of this.#hooks.onRaftRole) hook(edge, role, term) }
  raftCommit (edge: number, index: number): void { for (const hook of this.#hooks.onRaftCommit) hook(edge, index) }
  raftWritten (edge: number, ready: Ready): void { for (const hook of this.#hooks.onRaftWritten) hook(edge, ready) }
  raftInstalled (edge: number, snapshot: Snapshot): void { for (const hook of this.#hooks.onRaftInstalled) hook(edge, snapshot) }
  raftApplied (edge: number, entry: Entry): void { for (const hook of this.#hooks.onRaftApplied) hook(edge, entry) }
  raftSent (edge: number, message: RaftMessage): void { for (const hook of this.#hooks.onRaftSent) hook(edge, message) }
  raftHeard (edge: number, message: RaftMessage, verdict: Verdict): void { for (const hook of this.#hooks.onRaftHeard) hook(edge, message, verdict) }
  raftAltered (region: Region): void { for (const hook of this.#hooks.onRaftAltered) hook(region) }
  settingAsked (request: SettingRequest): void { for (const hook of this.#hooks.onSettingAsked) hook(request) }
  settingAnswered (request: SettingRequest): void { for (const hook of this.#hooks.onSettingAnswered) hook(request) }
}
