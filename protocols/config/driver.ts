/**
 * The leader's part of a roll-out: it chooses whom the next step reaches, waits until those edges run the version and
 * have served enough to be judged, and then proposes the next step, the end, or the return to the last good version
 * with one sentence why. Everything that must outlive a leader is in the log with the steps; what is here, a new leader
 * gathers anew from the reports and judges the step under way once more.
 */
import { judge, noHealth, type HealthBounds } from './health.ts'
import { Reports, type Edge, type EdgeReport } from './reports.ts'
import { beginStep, desiredOf, isReached, type Rollout, type Step, type Targets } from './rollout.ts'
import type { Command, CommandOf } from './commands.ts'
import type { ConfigSettings } from './settings.ts'
import type { PeerName, Region } from '../ids.ts'

export type Verdict =
  | { readonly kind: 'wait', readonly reason: string }
  | { readonly kind: 'pass', readonly note?: string }
  | { readonly kind: 'fail', readonly reason: string }

/** The step under way, as one leader has seen it. */
interface StepView {
  readonly key: string
  readonly sinceMs: number
  /** Requests count from here: later than `sinceMs` after trouble everywhere. */
  countMs: number
  /** When all its edges ran the version. */
  settledMs: number | undefined
  trouble: string | undefined
}

export interface DriverInit {
  readonly settings: ConfigSettings
  /** This edge: it leads, so it is not the first to be tried on. */
  readonly self: PeerName
}

export class Driver {
  readonly #settings: ConfigSettings
  readonly #self: PeerName
  readonly #reports: Reports
  readonly #listeningSinceMs: number
  #edges: ReadonlyMap<PeerName, Edge> = new Map()
  #step: StepView | undefined
  /** Edges of the step that were members since this leader knows of it. */
  #expected = new Map<PeerName, Edge>()
  #proposed: { readonly key: string, readonly atMs: number } | undefined
  #verdict: Verdict | undefined

  /** One for each term: a leader that was paused must not go on where it stopped. */
  constructor ({ settings, self }: DriverInit, nowMs: number) {
    this.#settings = settings
    this.#self = self
    this.#reports = new Reports(settings)
    this.#listeningSinceMs = nowMs
  }

  /** The members that the group's settings are for, those that are to leave left out. */
  members (edges: readonly Edge[]): void {
    this.#edges = new Map(edges.map((edge) => [edge.peer, edge]))
    this.#reports.retain(new Set([...this.#edges.keys(), ...this.#expected.keys()]))
  }

  /** @returns whether it was news */
  report (peer: PeerName, report: EdgeReport, nowMs: number): boolean {
    return this.#edges.has(peer) && this.#reports.add(peer, report, nowMs)
  }

  /** How the step under way is doing; for people. */
  get verdict (): Verdict | undefined { return this.#verdict }

  /**
   * To be asked when something was applied or reported, and once a second while a roll-out runs.
   *
   * @returns what to propose; the same again after a while when it was not applied
   */
  next (rollout: Rollout | undefined, nowMs: number, wallMs: number): Command | undefined {
    if (rollout === undefined) {
      this.#step = this.#verdict = this.#proposed = undefined
      this.#expected.clear()
      return undefined
    }
    const command = this.#decide(rollout, nowMs, wallMs)
    if (command === undefined) return undefined
    const key = `${rollout.version} ${rollout.at} ${command.kind}`
    if (this.#proposed?.key === key && nowMs < this.#proposed.atMs + this.#settings.proposeAgainMs) return undefined
    this.#proposed = { key, atMs: nowMs }
    return command
  }

  #decide (rollout: Rollout, nowMs: number, wallMs: number): Command | undefined {
    if (rollout.at === -1) {
      if (nowMs < this.#listeningSinceMs + this.#settings.listenMs) {
        this.#verdict = { kind: 'wait', reason: 'the leader listens how the edges do before anything changes' }
        return undefined
      }
      return this.#begin(rollout, nowMs, wallMs)
    }
    const verdict = this.#verdict = this.#judge(rollout, nowMs)
    if (verdict.kind === 'wait') return undefined
    const { version, at, steps } = rollout
    if (verdict.kind === 'fail') return { kind: 'abort', version, reason: verdict.reason, author: 'colony', wallMs }
    const note = verdict.note
    return at + 1 < steps.length ? this.#begin(rollout, nowMs, wallMs, note) : { kind: 'finish', version, step: at, wallMs, ...(note !== undefined && { note }) }
  }

  #begin (rollout: Rollout, nowMs: number, wallMs: number, note?: string): CommandOf<'step'> | undefined {
    const step = rollout.steps[rollout.at + 1]!
    const targets = this.#choose(rollout, step)
    if (typeof targets === 'string') {
      this.#verdict = { kind: 'wait', reason: targets }
      return undefined
    }
    const after = beginStep(rollout, targets)
    const reached = [...this.#edges.values()].filter((edge) => isReached(after, edge)).map(({ peer }) => peer)
    const before = this.#reports.health(reached, nowMs - this.#settings.beforeMs, ({ regionWide, version }) => {
      return (step.act === 'switch' ? regionWide : version) === rollout.base
    })
    return { kind: 'step', version: rollout.version, step: after.at, ...targets, before, wallMs, ...(note !== undefined && { note }) }
  }

  /** Whom a step reaches, or what it waits for. */
  #choose (rollout: Rollout, { act, reach, count = 1, names }: Step): Targets | string {
    const edges = [...this.#edges.values()].sort((a, b) => a.peer < b.peer ? -1 : 1)
    const none = { edges: [], regions: [] }
    if (reach === 'all') return none
    // A switch follows the run of the same stage.
    if (act === 'switch') return { ...none, regions: rollout.regions }
    if (reach === 'edges') {
      if (names !== undefined) {
        const named = edges.filter(({ peer, name }) => names.includes(peer) || (name !== undefined && names.includes(name)))
        return named.length > 0 ? { ...none, edges: named.map(({ peer }) => peer) } : `none of ${names.join(', ')} is a member`
      }
      const free = edges.filter(({ peer }) => !rollout.edges.includes(peer))
      const others = free.filter(({ peer }) => peer !== this.#self)
      return free.length === 0 ? none : { ...none, edges: this.#ordinary(others.length > 0 ? others : free).slice(0, count).map(({ peer }) => peer) }
    }
    const regions = [...Map.groupBy(edges, ({ region }) => region)].filter(([region]) => !rollout.regions.includes(region))
    if (names !== undefined) {
      const named = regions.map(([region]) => region).filter((region) => names.includes(region))
      return named.length > 0 ? { ...none, regions: named } : `none of ${names.join(', ')} has members`
    }
    const touched = (inRegion: readonly Edge[]): number => inRegion.filter(({ peer }) => rollout.edges.includes(peer)).length
    // Where edges run it already, and of those the smallest: as few as possible are at stake.
    regions.sort(([, a], [, b]) => touched(b) - touched(a) || a.length - b.length)
    return { ...none, regions: regions.slice(0, count).map(([region]) => region) }
  }

  /** Those of middling traffic first: enough to judge by, and not the one that matters most. */
  #ordinary (edges: readonly Edge[]): Edge[] {
    const sorted = edges.map((edge) => ({ edge, requests: this.#reports.health([edge.peer], 0, () => true).requests }))
      .sort((a, b) => a.requests - b.requests)
    const middle = (sorted.length - 1) / 2
    return sorted.map(({ edge }, index) => ({ edge, away: Math.abs(index - middle) })).sort((a, b) => a.away - b.away).map(({ edge }) => edge)
  }

  #judge (rollout: Rollout, nowMs: number): Verdict {
    const { version, at } = rollout
    const key = `${version} ${at}`
    const fresh = this.#step?.key !== key
    const step: StepView = fresh ? this.#step = { key, sinceMs: nowMs, countMs: nowMs, settledMs: undefined, trouble: undefined } : this.#step!
    if (fresh) this.#expected = new Map()
    const wants = (edge: Edge): boolean => desiredOf(rollout, rollout.base, edge).version === version
    for (const edge of this.#edges.values()) if (wants(edge)) this.#expected.set(edge.peer, edge)
    // Named in the log, and gone before this leader came: it failed all the same.
    for (const peer of rollout.edges) if (!this.#expected.has(peer)) this.#expected.set(peer, { peer, region: '' })
    const expected = [...this.#expected.values()]

    const failures: string[] = []
    const running: PeerName[] = []
    for (const edge of expected) {
      const state = this.#stateOf(edge, rollout, step.sinceMs, nowMs)
      if (state === 'runs') running.push(edge.peer)
      else if (state !== 'pending') failures.push(state)
    }
    const failedShare = expected.length === 0 ? 0 : failures.length / expected.length
    if (failedShare > this.#settings.failedShareMax) {
      const others = failures.length > 1 ? `; ${failures.length} of ${expected.length} edges failed` : ''
      return { kind: 'fail', reason: `${failures[0]}${others}` }
    }
    const pending = expected.length - failures.length - running.length
    if (pending > 0) return { kind: 'wait', reason: `${pending} of ${expected.length} edges do not run version ${version} yet` }
    step.settledMs ??= nowMs
    const failed = failures.length === 0 ? undefined : `${failures.length} of ${expected.length} edges stay on an older version: ${failures[0]}`

    return this.#judgeHealth(rollout, step, running, nowMs, failed)
  }

  /** Of the edges that the step reached, against themselves before and those without the change. */
  #judgeHealth (rollout: Rollout, step: StepView, running: readonly PeerName[], nowMs: number, failed: string | undefined): Verdict {
    const { version, base, moved, at, steps } = rollout
    const switches = steps[at]!.act === 'switch'
    const reached = running.filter((peer) => isReached(rollout, this.#expected.get(peer)!))
    if (reached.length === 0) return pass(failed)
    const bounds: HealthBounds = { ...this.#settings, ...rollout.bounds }
    const untouchedPeers = [...this.#edges.values()].filter((edge) => !this.#expected.has(edge.peer)).map(({ peer }) => peer)
    const now = this.#reports.health(reached, step.countMs, (slot) => slot.version === version && (!switches || slot.regionWide === version))
    const untouched = this.#reports.health(untouchedPeers, step.countMs, (slot) => slot.version === base)
    const before = rollout.before ?? noHealth
    const judgement = judge({ now, before, untouched }, bounds, switches ? moved : 0)
    const late = nowMs >= step.sinceMs + this.#settings.quietMs
    const place = placeOf(reached, this.#expected)
    if (judgement.kind === 'worse') {
      if (!judgement.everywhere) return { kind: 'fail', reason: `on ${place} ${judgement.reason}` }
      // Trouble that is over must not count against the version: from here on it is counted anew.
      step.trouble = `on ${place} ${judgement.reason}`
      step.countMs = step.settledMs = nowMs + 1
    }
    if (judgement.kind === 'fine') {
      step.trouble = undefined
      const leftMs = step.settledMs! + this.#settings.stageMs - nowMs
      return leftMs > 0 ? { kind: 'wait', reason: `fine so far; ${Math.ceil(leftMs / 1000)} s to go` } : pass(failed)
    }
    if (judgement.kind === 'worse' || step.trouble !== undefined) {
      return late
        ? { kind: 'fail', reason: `${step.trouble}; the edges without the change are no better, so it may not be the cause` }
        : { kind: 'wait', reason: `${step.trouble}; it waits, as the edges without the change are no better` }
    }
    const { reason } = judgement
    if (judgement.kind === 'doubtful') {
      return late
        ? { kind: 'fail', reason: `on ${place} ${reason}; more requests did not clear it up` }
        : { kind: 'wait', reason: `on ${place} ${reason}; it waits for more requests to be sure` }
    }
    if (!late) return { kind: 'wait', reason }
    if (before.requests >= bounds.requestsMin && now.requests < bounds.requestsMin) {
      return { kind: 'fail', reason: `${place} had ${now.requests} requests under version ${version}, and ${before.requests} in as long before; they stay away` }
    }
    return pass(`too quiet to judge on ${place}: ${reason}`, failed)
  }

  #stateOf (edge: Edge, rollout: Rollout, sinceMs: number, nowMs: number): 'runs' | 'pending' | string {
    const shown = `edge ${edge.name ?? edge.peer}`
    if (!this.#edges.has(edge.peer)) return `${shown} left or was lost while it was to run version ${rollout.version}`
    const latest = this.#reports.latest(edge.peer)
    if (latest?.refused?.version === rollout.version) return `${shown} cannot run version ${rollout.version}: ${latest.refused.reason}`
    const heardMs = Math.max(sinceMs, this.#reports.heardMs(edge.peer) ?? 0)
    if (nowMs - heardMs > this.#settings.silentMs) return `${shown} was not heard from for ${Math.round((nowMs - heardMs) / 1000)} s since it was to run version ${rollout.version}`
    const { regionWide } = desiredOf(rollout, rollout.base, edge)
    const runs = latest?.version === rollout.version && latest.regionWide === regionWide
    if (runs) return 'runs'
    return nowMs - sinceMs > this.#settings.silentMs ? `${shown} still runs version ${latest?.version ?? 0} after ${Math.round((nowMs - sinceMs) / 1000)} s, not ${rollout.version}` : 'pending'
  }
}

function pass (...notes: readonly (string | undefined)[]): Verdict {
  const note = notes.filter((each) => each !== undefined).join('; ')
  return note === '' ? { kind: 'pass' } : { kind: 'pass', note }
}

/** The edges of a step as they fit into a sentence. */
function placeOf (peers: readonly PeerName[], edges: ReadonlyMap<PeerName, Edge>): string {
  const names = peers.slice(0, 3).map((peer) => edges.get(peer)?.name ?? peer)
  if (peers.length <= 3) return names.length === 0 ? 'no edge' : names.join(', ')
  const regions: Region[] = [...new Set(peers.map((peer) => edges.get(peer)!.region))]
  return regions.length === 1 ? `${peers.length} edges of ${regions[0]}` : `${peers.length} edges of ${regions.length} regions`
}
