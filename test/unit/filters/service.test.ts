import { afterEach, describe, expect, it } from 'vitest'
import { WireError } from '../../../protocols/errors.ts'
import { Asks } from '../../../protocols/filters/asks.ts'
import { updateHead, type Update } from '../../../protocols/filters/messages.ts'
import { filters, type Filters, type FiltersPubSub } from '../../../protocols/filters/service.ts'
import type { FiltersSettings } from '../../../protocols/filters/settings.ts'
import type { Call } from '../../../protocols/rpc.ts'
import { decodeFrame, encodeFrame, encodeHead } from '../../../protocols/wire.ts'
import { manualClock } from '../membership/support.ts'
import { keyAt, keysOf, settingsWith } from './support.ts'

type Validator = Parameters<FiltersPubSub['topicValidators']['set']>[1]

const topic = 'colony/test/here/filters/1'
const logger = { forComponent: () => Object.assign(() => {}, { error: (...what: unknown[]) => { throw new Error(what.join(' ')) } }) }

/** Edges of one region on a topic in memory, with calls by way of the wire's frames. */
class Region {
  readonly clock = manualClock()
  readonly edges = new Map<string, Filters>()
  readonly sent: Array<{ from: string, atMs: number, bytes: number }> = []
  readonly calls: Array<{ from: string, to: string }> = []
  readonly verdicts: string[] = []
  /** Who is a member; by default everyone that was made. */
  members: string[] = []
  /** Gossip to these is lost; calls to these are not answered. */
  deaf = new Set<string>()
  /** There is no connection to these. */
  far = new Set<string>()
  silent = new Set<string>()
  readonly #validators = new Map<string, Validator>()

  add (name: string, some: Partial<FiltersSettings> = {}): Filters {
    const pubsub: FiltersPubSub = {
      subscribe: (what) => { expect(what).toBe(topic) },
      unsubscribe: () => {},
      publish: async (_topic, data) => {
        this.sent.push({ from: name, atMs: this.clock.nowMs(), bytes: data.byteLength })
        for (const other of this.#validators.keys()) if (other !== name && !this.deaf.has(other)) await this.gossip(name, other, data)
      },
      topicValidators: {
        set: (_topic, validator) => this.#validators.set(name, validator),
        delete: () => this.#validators.delete(name)
      }
    }
    const call: Call = async (to, head) => {
      this.calls.push({ from: name, to })
      const edge = this.edges.get(to)
      if (edge === undefined || this.silent.has(to)) throw new Error('no answer')
      const { head: answer } = await edge.answer(decodeFrame(encodeFrame(head)), name, new AbortController().signal)
      return decodeFrame(encodeFrame(answer))
    }
    const edge = filters({
      clock: this.clock, settings: settingsWith(some), network: 'test', region: 'here', call,
      members: () => this.members, isMember: (peer) => this.members.includes(peer), isLinked: (peer) => !this.far.has(peer)
    })({ peerId: { toString: () => name } as never, logger: logger as never, pubsub })
    this.edges.set(name, edge)
    this.members = [...this.members, name]
    void edge.afterStart?.()
    return edge
  }

  async gossip (from: string, to: string, data: Uint8Array): Promise<void> {
    this.verdicts.push(await this.#validators.get(to)?.({} as never, { data, from: { toString: () => from } as never }))
  }

  stop (): void { for (const edge of this.edges.values()) void edge.stop?.() }
}

let region: Region
const regionOf = (count: number, some: Partial<FiltersSettings> = {}): Filters[] => {
  region = new Region()
  return Array.from({ length: count }, (_, index) => region.add(`edge ${index}`, some))
}
afterEach(() => { region.stop() })

describe('filters in a region', () => {
  it('tell every member what an edge holds, and what it holds no more', async () => {
    const [first, second, third] = regionOf(3) as [Filters, Filters, Filters]
    first.add(keyAt(1))
    second.add(keyAt(1))
    await region.clock.advance(5_000)
    expect(third.candidates(keyAt(1)).toSorted()).toEqual(['edge 0', 'edge 1'])
    expect(first.candidates(keyAt(1))).toEqual(['edge 1'])
    expect([first.has('edge 0', keyAt(1)), first.has('edge 2', keyAt(1)), first.has('edge 9', keyAt(1))]).toEqual([true, false, undefined])
    first.delete(keyAt(1))
    await region.clock.advance(5_000)
    expect(third.candidates(keyAt(1))).toEqual(['edge 1'])
    third.wrong('edge 1')
    expect(third.counters()).toMatchObject({ lookups: 2, named: 3, wrong: 1, neighbours: 2, rejected: 0, gaps: 0 })
    expect(new Set(region.verdicts)).toEqual(new Set(['accept']))
  })

  it('say nothing where an edge is alone, and all of it to who comes later', async () => {
    const [first] = regionOf(1) as [Filters]
    for (const key of keysOf(0, 10_000)) first.add(key)
    await region.clock.advance(120_000)
    expect([region.sent, region.calls]).toEqual([[], []])
    // Beyond gossip, so that only asking remains; several pages.
    region.deaf.add('edge late')
    const late = region.add('edge late', { askSpreadMs: 0 })
    await region.clock.advance(3_000)
    expect(late.candidates(keyAt(9_999))).toEqual(['edge 0'])
    expect(late.counters()).toMatchObject({ asks: 1, askFailures: 0 })
    expect(first.counters().answered).toBeGreaterThanOrEqual(1)
  })

  it('of edges that it is not linked with are asked for by a newcomer once it hears of them', async () => {
    const [first, second] = regionOf(2) as [Filters, Filters]
    first.add(keyAt(1))
    second.add(keyAt(2))
    await region.clock.advance(10_000)
    region.far = new Set(['edge 0', 'edge empty'])
    region.add('edge empty')
    const late = region.add('edge late')
    region.calls.length = 0
    await region.clock.advance(10_000)
    expect([late.candidates(keyAt(1)), late.candidates(keyAt(2))]).toEqual([[], ['edge 1']])
    await region.clock.advance(settingsWith({}).stillIntervalMs * 1.3)
    expect(late.candidates(keyAt(1))).toEqual(['edge 0'])
    expect(region.calls.filter(({ to }) => to === 'edge empty')).toEqual([])
  })

  it('close a gap after lost messages, the last one too, by asking once', async () => {
    const [first, second] = regionOf(2, { messageBytesMax: 1_024, stillIntervalMs: 30_000 }) as [Filters, Filters]
    for (const key of keysOf(0, 1_000)) first.add(key)
    await region.clock.advance(60_000)
    region.calls.length = 0
    region.deaf.add('edge 1')
    first.add(keyAt(5_000))
    await region.clock.advance(3_000)
    region.deaf.clear()
    expect(second.candidates(keyAt(5_000))).toEqual([])
    await region.clock.advance(60_000)
    expect(second.candidates(keyAt(5_000))).toEqual(['edge 0'])
    expect(second.counters()).toMatchObject({ gaps: 1, rejected: 0 })
    expect(second.counters().asks).toBeLessThanOrEqual(2)
    expect(region.calls.length).toBeGreaterThan(1)
  })

  it('keep a region of any size within its messages a second, busy as all its edges may be', async () => {
    // Pages of few bytes: a whole table is several messages.
    const edges = regionOf(40, { messageBytesMax: 600 })
    for (let second = 0; second < 60; second++) {
      for (const edge of edges) for (const key of keysOf(second * 10, 10)) edge.add(key)
      await region.clock.advance(1_000)
    }
    const later = region.sent.filter(({ atMs }) => atMs >= 10_000)
    expect(later.length / 50).toBeLessThanOrEqual(5.5)
    expect(later.length / 50).toBeGreaterThan(2)
    for (const edge of edges) expect(edge.counters().gaps).toBe(0)
  })

  it('never tell sooner than the interval, whatever changes', async () => {
    const [first] = regionOf(2) as [Filters, Filters]
    for (let step = 0; step < 200; step++) {
      first.add(keyAt(step))
      await region.clock.advance(50)
    }
    const times = region.sent.map(({ atMs }) => atMs)
    expect(times.length).toBeGreaterThan(5)
    for (const [at, time] of times.slice(1).entries()) expect(time - times[at]!).toBeGreaterThanOrEqual(1_000)
  })

  it('forget who leaves, and believe nobody outside the region', async () => {
    const [first, second] = regionOf(2) as [Filters, Filters]
    first.add(keyAt(1))
    await region.clock.advance(5_000)
    region.members = ['edge 1']
    // At once, not with the next look at who is there.
    expect(second.candidates(keyAt(1))).toEqual([])
    await region.clock.advance(2_000)
    expect(second.counters().neighbours).toBe(0)
    expect(second.candidates(keyAt(1))).toEqual([])
    region.verdicts.length = 0
    region.members = ['edge 1', 'edge 2']
    first.add(keyAt(2))
    await region.clock.advance(5_000)
    expect(region.verdicts).toContain('ignore')
    expect(second.has('edge 0', keyAt(2))).toBeUndefined()
  })

  it('ask a silent member ever less often', async () => {
    regionOf(1)
    region.members = ['edge 0', 'edge gone']
    await region.clock.advance(3_600_000)
    // 10 s, doubled up to 5 min, in an hour; each of them a failure.
    expect(region.calls.length).toBeGreaterThan(10)
    expect(region.calls.length).toBeLessThan(20)
    const counters = region.edges.get('edge 0')!.counters()
    expect(counters.askFailures).toBe(counters.asks)
  })

  it('reject what is malformed or too long, and refuse such calls', async () => {
    const [first, second] = regionOf(2) as [Filters, Filters]
    const still: Update = { kind: 'changes', incarnation: 1, generation: 1, sequence: 1, shape: { bucketBits: 4, printBits: 13 }, digest: 0, page: 0, pages: 1, still: true, changes: [] }
    for (const data of [new Uint8Array(0), Uint8Array.of(1, 2, 3), encodeHead({ kind: 'full' }), encodeHead({ ...updateHead(still), padding: new Uint8Array(70_000) })]) {
      await region.gossip('edge 0', 'edge 1', data)
    }
    expect(region.verdicts).toEqual(['reject', 'reject', 'reject', 'reject'])
    expect(second.counters().rejected).toBe(4)
    await expect(first.answer({ head: { kind: 'half' }, payload: new Uint8Array() }, 'edge 1', new AbortController().signal)).rejects.toThrow(WireError)
  })

  it('stop twice without harm, and tell nothing afterwards', async () => {
    const [first] = regionOf(2) as [Filters, Filters]
    void first.stop?.()
    void first.stop?.()
    first.add(keyAt(1))
    await region.clock.advance(60_000)
    expect(region.sent).toEqual([])
  })
})

describe('asks for whole filters', () => {
  it('are spread at random, few at a time, and begin afresh once a filter was whole', () => {
    const settings = settingsWith({ askSpreadMs: 1_000, askIntervalMs: 10_000, askIntervalMaxMs: 40_000, asksAtOnceMax: 2 })
    let chance = 0
    const asks = new Asks({ settings, random: () => chance })
    expect(asks.take(['a', 'b', 'c'], 0)).toEqual(['a', 'b'])
    expect(asks.take(['a', 'b', 'c'], 0)).toEqual(['c'])
    chance = 0.5
    expect(asks.take(['a', 'd'], 0)).toEqual([])
    expect(asks.take(['a', 'd'], 500)).toEqual(['d'])
    const times: number[] = []
    for (let nowMs = 501; nowMs < 200_000; nowMs += 500) if (asks.take(['a'], nowMs).length > 0) times.push(Math.round(nowMs / 1000))
    expect(times).toEqual([10, 30, 70, 110, 150, 190])
    asks.take([], 300_000)
    expect(asks.take(['a'], 300_000)).toEqual([])
    expect(asks.take(['a'], 300_500)).toEqual(['a'])
    expect(asks.take(['a'], 310_500)).toEqual(['a'])
  })
})
