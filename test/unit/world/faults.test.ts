import { describe, expect, it } from 'vitest'
import { drawFaults, type Fault, type FaultPlan } from '../../../netsim/world/faults.ts'
import { Topology } from '../../../netsim/world/topology.ts'
import { World, type Colony } from '../../../netsim/world/world.ts'
import type { Checker } from '../../../netsim/world/checker.ts'
import { Random } from '../../../netsim/random.ts'

const topology = new Topology({ edges: 12, cities: 4, random: new Random(1) })
const hourMs = 3_600_000

function draw (plans: readonly FaultPlan[], seed = 1): Fault[] {
  return drawFaults(plans, topology, new Random(seed), hourMs, 90_000)
}

/** A world whose machines do nothing, with these faults; what a checker heard. */
function play (plans: readonly FaultPlan[], watch: (world: World) => Checker, seed = 1): World {
  const world = new World({
    seed,
    scenario: { name: 'test', summary: '', sizes: { edges: 12, cities: 4, objects: 1, requests: 0, hours: 1 }, faults: plans },
    sizes: { edges: 12, cities: 4, objects: 1, requests: 0, hours: 1 },
    createColony: (made): Colony => ({
      hosts: made.machines.map(() => ({ start: () => {}, crash: () => {}, receive: () => {} })),
      start: () => { made.watch(watch(made)) },
      counters: () => ({ requests: 0 })
    })
  })
  world.run()
  return world
}

describe('faults as they are drawn', () => {
  it('leave the run\'s end alone', () => {
    const faults = draw([{ kind: 'crash', times: 200, from: 0, to: 1, lastsMs: [0, hourMs] }])
    expect(faults.length).toBeGreaterThan(150)
    for (const { beginMs, endMs } of faults) {
      expect(beginMs).toBeLessThan(endMs)
      expect(endMs).toBeLessThanOrEqual(hourMs - 90_000)
    }
    expect(faults.map(({ beginMs }) => beginMs)).toEqual(faults.map(({ beginMs }) => beginMs).toSorted((a, b) => a - b))
  })

  it('strike every edge once, one after the other, where they roll', () => {
    const faults = draw([{ kind: 'restart', rolling: true, from: 0.1, to: 0.5, lastsMs: [1_000, 1_000] }])
    expect(faults.map(({ hosts }) => hosts)).toEqual(Array.from({ length: 12 }, (_, host) => [host]))
  })

  it('strike a whole region, a part of the edges, or some of the regions and not all', () => {
    for (let seed = 0; seed < 20; seed++) {
      const [loss, share, split] = draw([
        { kind: 'region-loss', from: 0, to: 0, lastsMs: [1, 1] },
        { kind: 'crash', share: 0.25, from: 0.1, to: 0.1, lastsMs: [1, 1] },
        { kind: 'split', from: 0.2, to: 0.2, lastsMs: [1, 1] }
      ], seed)
      expect(topology.regions.map(({ edges }) => edges)).toContainEqual(loss!.hosts)
      expect(share!.hosts).toHaveLength(3)
      const regions = new Set(split!.hosts.map((host) => topology.regionOf(host)))
      expect(split!.hosts).toHaveLength(3 * regions.size)
      expect([1, 2, 3]).toContain(regions.size)
    }
  })

  it('come as often as an hour has them', () => {
    expect(draw([{ kind: 'pause', perHour: 60, from: 0.25, to: 0.75, lastsMs: [1, 1] }])).toHaveLength(30)
  })
})

describe('faults as they are done', () => {
  const crashes: FaultPlan = { kind: 'crash', times: 40, from: 0.1, to: 0.6, lastsMs: [1_000, 600_000] }

  it('leave everything as it was before them, however they overlap', () => {
    const kinds = ['crash', 'restart', 'pause', 'slow', 'region-cut', 'one-way-cut', 'edge-cut', 'link-cut', 'split', 'region-loss', 'storm', 'origin-down', 'origin-slow', 'clock-jump'] as const
    const plans = kinds.map((kind): FaultPlan => ({ kind, times: 15, from: 0.05, to: 0.9, lastsMs: [1, 900_000], share: 0.3 }))
    for (let seed = 1; seed <= 5; seed++) {
      let calms = 0
      const world = play(plans, () => ({ name: 'calm', onCalm: () => { calms++ } }), seed)
      expect(calms).toBeGreaterThan(0)
      expect(world.calm).toBe(true)
      expect(world.network.weather).toEqual(world.network.settings)
      expect(world.origin).toEqual({ delayMs: 0, down: false })
      const undisturbed = play([], () => ({ name: 'none' }), seed)
      for (const machine of world.machines) {
        expect(machine.wallMs()).toBeCloseTo(undisturbed.machine(machine.index).wallMs(), 3)
        expect([machine.up, machine.paused, machine.slowMs]).toEqual([true, false, 0])
        for (const other of world.machines) expect(world.network.isCut(machine.index, other.index)).toBe(false)
      }
    }
  })

  it('last as long as any of them does, for the machine and for the calm', () => {
    const underWay = new Set<Fault>()
    let ends = 0
    play([{ kind: 'pause', times: 60, from: 0.1, to: 0.9, lastsMs: [1_000, 600_000] }], (made) => ({
      name: 'overlaps',
      onFault: (fault, phase) => {
        if (phase === 'begins') underWay.add(fault)
        else underWay.delete(fault)
        ends++
        // Told before it is done.
        made.engine.after(0, () => {
          for (const machine of made.machines) expect(machine.paused).toBe([...underWay].some(({ hosts }) => hosts.includes(machine.index)))
          expect(made.calm).toBe(underWay.size === 0)
        })
      },
      onCalm: () => { expect(underWay.size).toBe(0) }
    }))
    expect(ends).toBe(120)
  })

  it('keep the origin away while any of them does, whether it is gone or answers errors', () => {
    const underWay = new Set<Fault>()
    const seen = new Set<string>()
    const world = play([{ kind: 'origin-down', times: 60, from: 0.1, to: 0.9, lastsMs: [1_000, 200_000] }], (made) => ({
      name: 'origin',
      onFault: (fault, phase) => {
        if (phase === 'begins') underWay.add(fault)
        else underWay.delete(fault)
        // Told before it is done.
        made.engine.after(0, () => {
          const { up } = made.machine(made.topology.origin)
          expect(made.origin.down || !up).toBe(underWay.size > 0)
          seen.add(`${made.origin.down} ${up}`)
        })
      }
    }))
    expect(world.faults).toHaveLength(60)
    expect([...seen].sort()).toEqual(['false false', 'false true', 'true false', 'true true'])
  })

  it('set a wall clock by as much as they say, either way, and set it right at their end', () => {
    const by = 90_000
    const directions = new Set<number>()
    const skewsMs = new Map<number, number>()
    play([{ kind: 'clock-jump', times: 12, from: 0.1, to: 0.9, lastsMs: [1_000, 1_000], by }], (made) => {
      const errorMs = (host: number): number => made.machine(host).wallMs() - made.engine.nowMs
      return {
        name: 'clocks',
        onFault: ({ hosts: [host] }, phase) => {
          if (phase === 'begins') skewsMs.set(host!, errorMs(host!))
          made.engine.after(0, () => {
            const movedMs = Math.round((errorMs(host!) - skewsMs.get(host!)!) / 1_000) * 1_000
            if (phase === 'ends') expect(movedMs + 0).toBe(0)
            else directions.add(movedMs)
          })
        }
      }
    })
    expect([...directions].sort((a, b) => a - b)).toEqual([-by, by])
  })

  it('keep a machine down while any of them does, and tell of it once', () => {
    const heard: string[] = []
    const world = play([crashes], (made) => ({
      name: 'ups and downs',
      onUp: (host) => { heard.push(`${host} up`) },
      onDown: (host) => {
        heard.push(`${host} down`)
        expect(made.machine(host).up).toBe(false)
      },
      onFault: ({ hosts }, phase) => {
        if (phase === 'ends') return
        for (const host of hosts) made.engine.after(0, () => { expect(made.machine(host).up).toBe(false) })
      }
    }))
    for (let host = 0; host < 12; host++) {
      const own = heard.filter((each) => each.startsWith(`${host} `))
      expect(own).toEqual(own.map((_, at) => `${host} ${at % 2 === 0 ? 'up' : 'down'}`))
      expect(own.length % 2).toBe(1)
    }
    expect(world.faults).toHaveLength(40)
    expect(heard.filter((each) => each.endsWith('down')).length).toBeGreaterThan(20)
  })
})
