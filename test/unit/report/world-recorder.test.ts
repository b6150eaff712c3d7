import { describe, expect, it } from 'vitest'
import { WorldRecorder } from '../../../netsim/report/world-recorder.ts'
import { worldReport } from '../../../netsim/report/world-report.ts'
import { scenarioOf } from '../../../netsim/scenarios/index.ts'
import { createColony } from '../../../netsim/world/edge/colony.ts'
import { World } from '../../../netsim/world/world.ts'

const scenario = scenarioOf('split-and-heal')!
const sizes = { edges: 6, cities: 3, objects: 200, requests: 600, hours: 0.1 }

describe('the record of a world', () => {
  const recorder = new WorldRecorder(createColony)
  const plain = new World({ seed: 5, scenario, sizes, createColony })
  const recorded = new World({ seed: 5, scenario, sizes, createColony: recorder.create })
  const result = recorded.run((atMs) => { recorder.sample(atMs) }, 10_000)
  const record = recorder.record()

  it('leaves the run as it would be without one', () => {
    expect(result.traceHash).toBe(plain.run().traceHash)
  })

  it('has samples of the whole run, the faults, and every region at its place', () => {
    expect(record.samples.map(({ atMs }) => atMs)).toEqual(Array.from({ length: 36 }, (_, at) => 10_000 * (at + 1)))
    expect(record.samples.at(-1)).toMatchObject({ edgesUp: 6, counters: { requests: result.requests } })
    expect(record.faults).toHaveLength(result.faults)
    expect(record.regions.map(({ name, edges, place }) => ({ name, edges, ...place }))).toEqual(recorded.topology.regions.map(({ name, city: { latitude, longitude } }) => ({ name, edges: 2, latitude, longitude })))
    expect(record.links.every(({ rttMs }) => rttMs! > 1)).toBe(true)
    expect(structuredClone(record)).toEqual(record)
  })

  it('becomes a report whose rates add up to the totals', () => {
    const { sections: [section], facts } = worldReport({ ...result, wallMs: 1, cpuMs: 1, rssBytesMax: 1 }, record, 'netsim world')
    expect(Object.fromEntries(facts)).toMatchObject({ 'trace hash': result.traceHash, violations: 'none' })
    const [rate] = section!.charts.find(({ title }) => title === 'Requests a second')!.lines
    expect(rate!.values.reduce<number>((sum, value) => sum + 10 * value!, 0)).toBeCloseTo(result.requests)
    expect(section!.marks).toEqual(record.faults)
    for (const { x, lines } of section!.charts) for (const { values } of lines) expect(values).toHaveLength(x.length)
  })

  it('marks the violation that ended a run, and no fault that never came', () => {
    const violations = [{ checker: 'no-errors', atMs: 20_000, sentence: 'an edge was wrong' }]
    const faults = [{ atSeconds: 5, forSeconds: 30, text: 'split' }, { atSeconds: 200, forSeconds: 5, text: 'later' }]
    const { summary, sections: [section] } = worldReport({ ...result, simulatedMs: 20_000, violations, wallMs: 1, cpuMs: 1, rssBytesMax: 1 }, { ...record, faults }, 'netsim world')
    expect(summary).toContain('no-errors found a violation after 20 s: an edge was wrong')
    expect(section!.marks.map(({ text }) => text)).toEqual(['split', 'VIOLATION, no-errors: an edge was wrong'])
  })
})

describe('a long run', () => {
  it('keeps a bounded number of samples, evenly apart', () => {
    const recorder = new WorldRecorder(createColony)
    new World({ seed: 1, scenario, sizes: { ...sizes, edges: 2, cities: 1 }, createColony: recorder.create })
    for (let at = 1; at <= 9_000; at++) recorder.sample(at)
    const times = recorder.record().samples.map(({ atMs }) => atMs)
    expect(times.length).toBeLessThanOrEqual(2_000)
    expect(times.length).toBeGreaterThan(1_000)
    expect(new Set(times.slice(1).map((time, at) => time - times[at]!)).size).toBe(1)
  })
})
