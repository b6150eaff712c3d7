/**
 * One scope's roll-outs at this edge. As its leader it drives them: a driver for each term, ended with the lease. As any
 * edge it reports to the leader how it serves under the version that it runs, and learns by the answer how current its own state
 * is. A report that is lost is lost; the next one covers its time as well.
 */
import { z } from 'zod'
import type { Clock } from '../../protocols/clock.ts'
import { encodeCommand } from '../../protocols/config/commands.ts'
import { allowedOf } from '../../protocols/config/allowed.ts'
import { Driver, type Verdict } from '../../protocols/config/driver.ts'
import type { Scope } from '../../protocols/config/merge.ts'
import { reportSchema, type EdgeReport } from '../../protocols/config/reports.ts'
import type { ConfigSettings } from '../../protocols/config/settings.ts'
import { messageOf, WireError } from '../../protocols/errors.ts'
import type { PeerName, Region } from '../../protocols/ids.ts'
import type { Call } from '../../protocols/rpc.ts'
import { printable } from '../../protocols/text.ts'
import type { Logger } from '../log.ts'
import type { AgreedScope, Follower } from './follower.ts'
import { healthSince, type HealthCount, type Totals } from './health-count.ts'
import type { AgreedServiceSettings } from './settings.ts'

/** An edge that a scope's settings are for. */
export interface AgreedMember {
  readonly peer: PeerName
  readonly name: string
  readonly region: Region
}

export interface RolloutsInit {
  readonly scope: AgreedScope
  readonly self: PeerName
  readonly clock: Clock
  readonly logger: Logger
  readonly settings: AgreedServiceSettings & ConfigSettings
  readonly follower: Pick<Follower, 'of'>
  readonly health: HealthCount
  readonly call: Call
  /** Live members that the scope's settings are for, this edge included, those that leave left out. */
  readonly members: () => readonly AgreedMember[]
  /** The state here held all that had been agreed when this was asked. @param nowMs when it was asked */
  readonly onCurrent: (scope: Scope, nowMs: number) => void
}

/** What an edge was last heard to run. */
export interface EdgeRuns extends AgreedMember {
  readonly version: number
  readonly regionWide: number
  readonly refused?: { readonly version: number, readonly reason: string } | undefined
}

/** How a roll-out stands, as its leader knows. */
export interface RolloutView {
  readonly verdict: Verdict | undefined
  readonly edges: readonly EdgeRuns[]
}

const text = z.string().max(2_000).transform(printable)
const version = z.int().min(0)
const viewSchema = z.object({
  verdict: z.discriminatedUnion('kind', [
    z.object({ kind: z.literal('wait'), reason: text }),
    z.object({ kind: z.literal('pass'), note: text.optional() }),
    z.object({ kind: z.literal('fail'), reason: text })
  ]).optional(),
  edges: z.array(z.object({
    peer: text, name: text, region: text, version,
    regionWide: version,
    refused: z.object({ version, reason: text }).optional()
  })).max(10_000)
})

/** As it travels: a payload, as it is longer than a head may be in a large colony. */
export function encodeView (view: RolloutView | undefined): Uint8Array {
  return Buffer.from(view === undefined ? '' : JSON.stringify(view))
}

/** @returns undefined where that edge does not lead. @throws WireError */
export function decodeView (bytes: Uint8Array): RolloutView | undefined {
  if (bytes.byteLength === 0) return undefined
  try {
    return viewSchema.parse(JSON.parse(Buffer.from(bytes).toString())) as RolloutView
  } catch (error) {
    throw new WireError('a peer sent a view of a roll-out that cannot be read', { cause: error })
  }
}

export class Rollouts {
  readonly #init: RolloutsInit
  /** Tells this process from the one before it. */
  readonly #incarnation: number
  #driver: { readonly term: number, readonly driver: Driver } | undefined
  #latest = new Map<PeerName, EdgeReport>()
  #sequence = 0
  #since: { readonly version: number, readonly regionWide: number, readonly health: Totals } | undefined
  #reportedMs = -Infinity
  #reporting = false

  constructor (init: RolloutsInit) {
    this.#init = init
    this.#incarnation = init.clock.wallMs()
  }

  /** To be called about once a second, and when something was applied or followed. */
  tick (): void {
    this.#drive()
    const { settings, clock, scope: { machine } } = this.#init
    const intervalMs = machine.state.rollout === undefined ? settings.idleReportIntervalMs : settings.reportIntervalMs
    const { version, regionWide } = this.#runs()
    // What it runs, or refuses, now is news.
    const changed = this.#since !== undefined && (this.#since.version !== version || this.#since.regionWide !== regionWide)
    if (this.#reporting || (!changed && clock.nowMs() < this.#reportedMs + intervalMs)) return
    this.#reporting = true
    void this.#report().finally(() => { this.#reporting = false })
  }

  /** A refusal: told at once. */
  hurry (): void {
    this.#reportedMs = -Infinity
    this.tick()
  }

  /** @returns the leader's index, undefined where this edge does not lead. @throws ZodError for what is no report */
  take (peer: PeerName, report: unknown): number | undefined {
    const driver = this.#drive()
    if (driver === undefined) return undefined
    const read = reportSchema.parse(report)
    const { clock, scope: { machine } } = this.#init
    if (driver.report(peer, read, clock.nowMs())) this.#latest.set(peer, read)
    return machine.state.index
  }

  get scope (): Scope { return this.#init.scope.scope }

  /** As its leader says, where that can be asked. */
  async asked (timeoutMs: number, signal?: AbortSignal): Promise<RolloutView | undefined> {
    const own = this.view()
    const { call, self, scope: { scope, group } } = this.#init
    const leader = group()?.leader
    if (own !== undefined || leader === undefined || leader === self) return own
    try {
      const { payload } = await call(leader, { kind: 'rollout', scope }, { timeoutMs, ...(signal !== undefined && { signal }) })
      return decodeView(payload)
    } catch {
      signal?.throwIfAborted()
      return undefined
    }
  }

  /** @returns undefined where this edge does not lead */
  view (): RolloutView | undefined {
    const driver = this.#drive()
    if (driver === undefined) return undefined
    const edges = this.#members().flatMap((member): EdgeRuns[] => {
      const latest = this.#latest.get(member.peer)
      const { peer, name, region } = member
      return latest === undefined ? [] : [{ peer, name, region, version: latest.version, regionWide: latest.regionWide, refused: latest.refused }]
    })
    return { verdict: driver.verdict, edges }
  }

  /** @returns the driver while this edge leads. A lease that lapses may come back in the same term, and then goes on with what was learned. */
  #drive (): Driver | undefined {
    const { scope: { machine, group }, settings, self, clock, logger } = this.#init
    const leading = group()
    const term = leading?.leads()
    if (leading === undefined || term === undefined) return undefined
    if (this.#driver?.term !== term) {
      this.#driver = { term, driver: new Driver({ settings, self }, clock.nowMs()) }
      this.#latest.clear()
    }
    const { driver } = this.#driver
    const edges = this.#members()
    driver.members(edges)
    for (const peer of this.#latest.keys()) if (!edges.some((edge) => edge.peer === peer)) this.#latest.delete(peer)
    const command = driver.next(machine.state.rollout, clock.nowMs(), clock.wallMs())
    if (command === undefined) return driver
    // It is repeated after a while, and an entry that comes late is refused as stale.
    leading.propose(encodeCommand(command)).catch((error: unknown) => {
      logger.debug({ step: command.kind, reason: messageOf(error) }, 'a step of a roll-out was not agreed on')
    })
    return driver
  }

  /** Whom the version under way shuts out is not asked to run it, and no loss to it. */
  #members (): readonly AgreedMember[] {
    const { members, scope: { machine: { state } } } = this.#init
    return state.rollout === undefined ? members() : allowedOf(members(), state.version(state.rollout.version)?.document)
  }

  #runs (): { version: number, regionWide: number } {
    const { follower, scope: { scope } } = this.#init
    return follower.of(scope).run
  }

  async #report (): Promise<void> {
    const { scope: { scope, machine, group }, self, health, follower, clock, call, onCurrent } = this.#init
    const { version, regionWide } = this.#runs()
    const total = health.total
    const same = this.#since?.version === version && this.#since.regionWide === regionWide
    // Counts of a time in which it ran two versions would be laid at the wrong door.
    const counted = healthSince(total, same ? this.#since!.health : total)
    const askedMs = clock.nowMs()
    this.#reportedMs = askedMs
    const { refused } = follower.of(scope).kept.active
    const report = { incarnation: this.#incarnation, sequence: this.#sequence++, version, regionWide, refused, health: counted }
    const leader = group()?.leader
    if (!same) this.#since = { version, regionWide, health: total }
    if (leader === undefined) return
    try {
      const index = leader === self ? this.take(self, report) : numberOf((await call(leader, { kind: 'report', scope, report })).head.index)
      if (index === undefined) return
      if (same) this.#since = { version, regionWide, health: total }
      if (machine.state.index >= index) onCurrent(scope, askedMs)
    } catch {
      // Its counts go into the next one.
    }
  }
}

function numberOf (value: unknown): number | undefined {
  return typeof value === 'number' && Number.isSafeInteger(value) ? value : undefined
}
