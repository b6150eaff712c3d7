/**
 * Roll-outs as they go: a small colony that reports, leaders that decide, a log between them. What the edges serve is
 * drawn from a seeded generator, so a run repeats.
 */
import { describe, expect, it } from 'vitest'
import { follow, noActive, ran, refuse, type ActiveState } from '../../../protocols/config/active.ts'
import { Driver } from '../../../protocols/config/driver.ts'
import { latencyBucket, latencyBuckets, type Health } from '../../../protocols/config/health.ts'
import { configDefaults, type ConfigSettings } from '../../../protocols/config/settings.ts'
import type { Edge, EdgeReport } from '../../../protocols/config/reports.ts'
import { Group, shop } from './support.ts'

/** Shares of errors and hits, and a typical time to the first byte. */
interface Serving { readonly errors: number, readonly hits: number, readonly ms: number, readonly requests: number }
const normal: Serving = { errors: 0.002, hits: 0.9, ms: 6, requests: 50 }

interface ColonyInit {
  readonly settings?: Partial<ConfigSettings>
  readonly edgesPerRegion?: number
  readonly seed?: number
  /** How an edge serves under a version at a time. */
  readonly serves?: (edge: Edge, version: number, nowMs: number, random: () => number) => Serving
  /** Why an edge cannot run a version. */
  readonly refuses?: (edge: Edge, version: number) => string | undefined
}

const good = { sites: { shop } }
const bad = { sites: { shop: { ...shop, ttl: { default: 1 } } } }

class Colony {
  readonly group = new Group('global')
  readonly edges: readonly Edge[]
  readonly settings: ConfigSettings
  nowMs = 1_000_000
  driver: Driver
  readonly #init: ColonyInit
  readonly #active = new Map<string, ActiveState>()
  readonly #down = new Set<string>()
  readonly #lost = new Set<string>()
  #state: number
  #sequence = 0

  constructor (init: ColonyInit = {}) {
    this.#init = init
    this.#state = (init.seed ?? 1) >>> 0
    this.settings = { ...configDefaults, ...init.settings }
    this.edges = ['fra', 'par', 'ams'].flatMap((region) => Array.from({ length: init.edgesPerRegion ?? 3 }, (_, index) => ({ peer: `${region}${index + 1}`, region, name: `${region}-${index + 1}` })))
    this.driver = this.#elect()
    this.group.put(good)
    this.run(120_000)
  }

  /** mulberry32. */
  random = (): number => {
    this.#state = this.#state + 0x6d2b79f5 >>> 0
    let bits = Math.imul(this.#state ^ this.#state >>> 15, 1 | this.#state)
    bits = bits + Math.imul(bits ^ bits >>> 7, 61 | bits) ^ bits
    return ((bits ^ bits >>> 14) >>> 0) / 2 ** 32
  }

  #elect (): Driver {
    return new Driver({ settings: this.settings, self: 'fra1' }, this.nowMs)
  }

  /** Another leader: what the former one knew of the edges is gone. */
  elect (): void {
    this.driver = this.#elect()
  }

  /** It reports no more; `lost`: and is no member any more. */
  stop (peer: string, lost = false): void {
    this.#down.add(peer)
    if (lost) this.#lost.add(peer)
  }

  run (ms: number): this {
    for (const end = this.nowMs + ms; this.nowMs < end; this.nowMs += 1_000) {
      if (this.nowMs % 5_000 === 0) for (const edge of this.edges) this.#report(edge)
      this.driver.members(this.edges.filter(({ peer }) => !this.#lost.has(peer)))
      const command = this.driver.next(this.group.state.rollout, this.nowMs, this.nowMs)
      if (command !== undefined) this.group.commit(command)
      for (const edge of this.edges) this.#follow(edge)
    }
    return this
  }

  /** Until the roll-out has ended. */
  finish (hoursMax = 2): this {
    for (let minutes = 0; minutes < hoursMax * 60 && this.group.state.rollout !== undefined; minutes++) this.run(60_000)
    return this
  }

  roll (document: object, plan = 'edge,region,all', more: object = {}): this {
    expect(this.group.put(document, { plan, ...more })).toMatchObject({ kind: 'done' })
    return this
  }

  active (peer: string): number {
    return this.#active.get(peer)?.version ?? 0
  }

  get last (): { outcome: string, notes: readonly string[] } {
    const { outcome, notes } = this.group.state.history().at(-1)!
    return { outcome, notes }
  }

  #follow (edge: Edge): void {
    const desired = this.group.state.desired(edge)
    const state = this.#active.get(edge.peer) ?? noActive
    const move = follow(state, desired, this.settings)
    if (move.kind === 'stay') return
    const reason = this.#init.refuses?.(edge, desired.version)
    this.#active.set(edge.peer, reason === undefined ? ran(desired) : refuse(move.state, desired.version, reason))
  }

  #report (edge: Edge): void {
    if (this.#down.has(edge.peer)) return
    const { version, regionWide, refused } = this.#active.get(edge.peer) ?? noActive
    const serving = this.#init.serves?.(edge, version, this.nowMs, this.random) ?? normal
    const report: EdgeReport = { incarnation: 1, sequence: ++this.#sequence, version, regionWide, health: this.#draw(serving), ...(refused !== undefined && { refused }) }
    this.driver.report(edge.peer, report, this.nowMs)
  }

  #draw ({ errors, hits, ms, requests }: Serving): Health {
    const latency = new Array<number>(latencyBuckets).fill(0)
    let [errorCount, hitCount, originCount] = [0, 0, 0]
    for (let each = 0; each < requests; each++) {
      if (this.random() < errors) errorCount++
      if (this.random() < hits) hitCount++
      else originCount++
      latency[latencyBucket(ms * -Math.log(1 - this.random()))]!++
    }
    return { requests, errors: errorCount, hits: hitCount, origin: originCount, latency }
  }
}

describe('a staged roll-out', () => {
  it('goes to one edge, then its region, then all, and makes the version the good one', () => {
    const colony = new Colony().roll(bad)
    const reached = new Set<number>()
    while (colony.group.state.rollout !== undefined) {
      colony.run(1_000)
      reached.add(colony.edges.filter(({ peer }) => colony.active(peer) === 2).length)
    }
    expect([...reached]).toEqual([1, 3, 9])
    expect(colony.last).toEqual({ outcome: 'good', notes: [] })
    expect(colony.group.state.base).toBe(2)
  })

  it('tries the first step on an edge that does not lead, and stays at each step for its time', () => {
    // The leader's own traffic is the one that a first edge would be chosen for.
    const colony = new Colony({ serves: (edge) => ({ ...normal, requests: edge.peer === 'fra1' ? 50 : edge.peer < 'fra1' || edge.peer === 'fra2' ? 40 : 60 }) }).roll(bad).run(30_000)
    expect(colony.group.state.rollout!.edges).toHaveLength(1)
    expect(colony.group.state.rollout!.edges).not.toContain('fra1')
    expect(colony.group.state.rollout!.at).toBe(0)
    colony.run(20_000)
    expect(colony.driver.verdict).toMatchObject({ kind: 'wait' })
    expect(colony.group.state.rollout!.at).toBe(0)
  })

  it('aborts a version that fails at the first edge, says why, and all edges run the last good one again', () => {
    const colony = new Colony({ serves: (_edge, version) => version === 2 ? { ...normal, errors: 0.12 } : normal }).roll(bad)
    let most = 0
    while (colony.group.state.rollout !== undefined) {
      colony.run(1_000)
      most = Math.max(most, colony.edges.filter(({ peer }) => colony.active(peer) === 2).length)
    }
    expect(most).toBe(1)
    expect(colony.last).toEqual({ outcome: 'aborted', notes: [expect.stringMatching(/^on [a-z]+-\d the error rate is [\d.]+ % of \d+ requests, it was [\d.]+ % of \d+ requests before and it is [\d.]+ % of \d+ requests on the edges without the change; the bound is \+1\.0 %$/)] })
    colony.run(10_000)
    expect(colony.edges.map(({ peer }) => colony.active(peer))).toEqual(new Array(9).fill(1))
    expect(colony.group.state.base).toBe(1)
  })

  it.each<[string, Partial<Serving>, RegExp]>([
    ['loses its hits', { hits: 0.5 }, /the hit ratio is/],
    ['is slow', { ms: 60 }, /the 90th percentile of the time to the first byte is \d+ ms/],
    ['is not asked any more', { requests: 0 }, /had 0 requests under version 2, and \d+ in as long before; they stay away$/]
  ])('aborts a version under which an edge %s', (_what, change, why) => {
    const colony = new Colony({ serves: (_edge, version) => version === 2 ? { ...normal, ...change } : normal }).roll(bad).finish()
    expect(colony.last).toEqual({ outcome: 'aborted', notes: [expect.stringMatching(why)] })
    expect(colony.group.state.history().at(-1)!.number).toBe(2)
  })

  it('does not abort for noise: bursts of errors, slow moments and edges that differ', () => {
    for (let seed = 1; seed <= 10; seed++) {
      const colony = new Colony({
        seed,
        serves: (edge, _version, _nowMs, random) => ({
          errors: random() < 0.1 ? 0.04 : 0.004,
          hits: edge.peer.endsWith('1') ? 0.75 : 0.85 + random() * 0.1,
          ms: (edge.region === 'par' ? 20 : 5) * (0.5 + random() * 1.5),
          requests: Math.floor(10 + random() * 60)
        })
      }).roll(bad).finish()
      expect(colony.last, `seed ${seed}`).toEqual({ outcome: 'good', notes: [] })
    }
  })

  it('finds a bad version under the same noise at the first edge', () => {
    for (let seed = 1; seed <= 10; seed++) {
      const colony = new Colony({
        seed,
        serves: (_edge, version, _nowMs, random) => ({ ...normal, errors: (random() < 0.1 ? 0.04 : 0.004) + (version === 2 ? 0.08 : 0), requests: Math.floor(10 + random() * 60) })
      }).roll(bad)
      let most = 0
      while (colony.group.state.rollout !== undefined) {
        colony.run(1_000)
        most = Math.max(most, colony.edges.filter(({ peer }) => colony.active(peer) === 2).length)
      }
      expect([colony.last.outcome, most], `seed ${seed}`).toEqual(['aborted', 1])
    }
  })

  it('waits while all edges are in trouble, and goes on when that is over', () => {
    const colony = new Colony({ serves: (_edge, _version, nowMs) => nowMs > 1_150_000 && nowMs < 1_300_000 ? { ...normal, errors: 0.3 } : normal }).roll(bad)
    colony.run(120_000)
    expect(colony.driver.verdict).toEqual({ kind: 'wait', reason: expect.stringContaining('; it waits, as the edges without the change are no better') })
    expect(colony.group.state.rollout!.at).toBe(0)
    expect(colony.finish().last.outcome).toBe('good')
  })

  it('returns when the trouble everywhere does not end', () => {
    const colony = new Colony({ serves: (_edge, _version, nowMs) => nowMs > 1_150_000 ? { ...normal, errors: 0.3 } : normal }).roll(bad).finish()
    expect(colony.last).toEqual({ outcome: 'aborted', notes: [expect.stringContaining('; the edges without the change are no better, so it may not be the cause')] })
  })

  it('goes on by night, when nobody asks, and notes that nothing was judged', () => {
    const colony = new Colony({ serves: () => ({ ...normal, requests: 1 }), settings: { beforeMs: 600_000 } }).roll(bad, 'edge,all')
    expect(colony.finish().last).toEqual({ outcome: 'good', notes: [expect.stringMatching(/^too quiet to judge on \w+-\d: \d+ of 500 requests so far$/)] })
  })

  it('carries on under another leader, and judges the step under way once more', () => {
    const colony = new Colony().roll(bad)
    for (let minutes = 0; colony.group.state.rollout?.at !== 1; minutes++) colony.run(1_000)
    colony.run(30_000).elect()
    expect(colony.group.state.rollout!.at).toBe(1)
    colony.run(50_000)
    expect(colony.group.state.rollout!.at).toBe(1)
    expect(colony.finish().last).toEqual({ outcome: 'good', notes: [] })
  })

  it('is aborted by a new leader by what the log says of the time before', () => {
    const colony = new Colony({ serves: (_edge, version) => version === 2 ? { ...normal, errors: 0.1 } : normal, settings: { stageMs: 600_000 } }).roll(bad, 'edge,all')
    while (colony.group.state.rollout?.at !== 0) colony.run(1_000)
    colony.elect()
    expect(colony.finish().last).toEqual({ outcome: 'aborted', notes: [expect.stringContaining('of 1200 requests before')] })
  })

  it('may be given its own bounds and its own way', () => {
    const colony = new Colony({ serves: (_edge, version) => version === 2 ? { ...normal, errors: 0.05 } : normal }).roll(bad, 'edges:par-1+par-2,regions:ams,all', { bounds: { errorRateRiseMax: 0.2 } })
    while (colony.group.state.rollout?.at !== 1) colony.run(1_000)
    expect(colony.group.state.rollout).toMatchObject({ edges: ['par1', 'par2'], regions: ['ams'] })
    expect(colony.finish().last.outcome).toBe('good')
  })

  it('proposes a step that was not applied once more after a while, and not at once', () => {
    const colony = new Colony()
    colony.roll(bad)
    const { rollout } = colony.group.state
    const first = colony.driver.next(rollout, colony.nowMs, 0)
    expect(first).toMatchObject({ kind: 'step', step: 0 })
    expect(colony.driver.next(rollout, colony.nowMs + 1_000, 0)).toBeUndefined()
    expect(colony.driver.next(rollout, colony.nowMs + 2_000, 0)).toEqual(first)
  })

  it('listens under a new leader before it begins', () => {
    const colony = new Colony()
    colony.elect()
    colony.roll(bad).run(20_000)
    expect(colony.group.state.rollout!.at).toBe(-1)
    colony.run(20_000)
    expect(colony.group.state.rollout!.at).toBe(0)
    expect(colony.group.state.rollout!.before!.requests).toBeGreaterThan(0)
  })
})

describe('an edge that cannot run a version', () => {
  it('stays on its last good one, says so, and the roll-out ends there when it is the first', () => {
    const colony = new Colony({ refuses: (_edge, version) => version === 2 ? 'flags.new: unknown' : undefined }).roll(bad).finish()
    expect(colony.last).toEqual({ outcome: 'aborted', notes: [expect.stringMatching(/^edge \w+-\d cannot run version 2: flags\.new: unknown$/)] })
    expect(colony.edges.map(({ peer }) => colony.active(peer))).toEqual(new Array(9).fill(1))
  })

  it('does not stop the others when it is one among many, and is noted', () => {
    const colony = new Colony({ edgesPerRegion: 12, refuses: (edge, version) => version === 2 && edge.peer === 'ams7' ? 'its disk is full' : undefined }).roll(bad, 'edges:par1,all').finish()
    expect(colony.last).toEqual({ outcome: 'good', notes: ['1 of 36 edges stay on an older version: edge ams-7 cannot run version 2: its disk is full'] })
    expect([colony.active('ams7'), colony.active('ams8')]).toEqual([1, 2])
  })

  it.each([['silent', false, /^edge par-2 was not heard from for \d+ s since it was to run version 2$/], ['lost', true, /^edge par-2 left or was lost while it was to run version 2$/]])('and is %s counts as failed', (_what, lost, why) => {
    const colony = new Colony().roll(bad, 'edges:par2,all')
    while (colony.group.state.rollout?.at !== 0) colony.run(1_000)
    colony.run(1_000).stop('par2', lost)
    expect(colony.finish().last).toEqual({ outcome: 'aborted', notes: [expect.stringMatching(why)] })
  })

  it('and was lost before the leader changed counts as failed all the same', () => {
    const colony = new Colony().roll(bad, 'edges:par2,all')
    while (colony.group.state.rollout?.at !== 0) colony.run(1_000)
    colony.stop('par2', true)
    colony.elect()
    expect(colony.finish().last.outcome).toBe('aborted')
  })

  it('by stopping under it is tried twice, and refuses it then until it is upgraded', () => {
    const desired = { version: 2, regionWide: 2 }
    let state = ran({ version: 1, regionWide: 1 })
    for (let attempt = 1; attempt <= 2; attempt++) {
      const move = follow(state, desired, configDefaults)
      expect(move).toMatchObject({ kind: 'try', state: { version: 1, trying: { version: 2, attempts: attempt } } })
      state = move.state
    }
    const move = follow(state, desired, configDefaults)
    expect(move).toEqual({ kind: 'stay', state: { version: 1, regionWide: 1, refused: { version: 2, reason: 'the edge stopped 2 times while it began to run it' } } })
    expect(follow(move.state, desired, configDefaults).kind).toBe('stay')
    expect(follow(move.state, { version: 3, regionWide: 3 }, configDefaults)).toEqual({ kind: 'try', state: { version: 1, regionWide: 1, trying: { version: 3, attempts: 1 } } })
  })
})

describe('a change of what a whole region must do alike', () => {
  const weights = { sites: { shop }, ring: { weights: { fra2: 2 } } }

  it('switches a region after all its edges run the rest of the version, and judges once more', () => {
    const colony = new Colony().roll(weights)
    const seen: string[] = []
    while (colony.group.state.rollout !== undefined) {
      const { at, regions, switched } = colony.group.state.rollout
      const line = `${at} runs ${regions.join()} switched ${switched.join()}`
      if (seen.at(-1) !== line) seen.push(line)
      colony.run(1_000)
    }
    expect(seen).toHaveLength(6)
    expect(seen[2]).toMatch(/^1 runs (\w+) switched $/)
    expect(seen[3]).toMatch(/^2 runs (\w+) switched \1$/)
    expect(colony.last.outcome).toBe('good')
    expect(colony.group.state.desired({ peer: 'x', region: 'new' })).toEqual({ version: 2, regionWide: 2 })
  })

  it('allows for the misses that it brings itself', () => {
    let colony: Colony | undefined
    const serves = (edge: Edge, version: number): Serving => {
      const regionWide = version === 0 ? 0 : colony?.group.state.desired(edge).regionWide
      return { ...normal, hits: regionWide === 2 ? 0.6 : 0.9 }
    }
    colony = new Colony({ serves }).roll(weights)
    expect(colony.finish().last).toEqual({ outcome: 'aborted', notes: [expect.stringContaining('the hit ratio is')] })
    colony = new Colony({ serves }).roll(weights, 'edge,region,all', { moved: 0.35 })
    expect(colony.finish().last.outcome).toBe('good')
  })
})
