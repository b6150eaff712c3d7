/** One seed is one run: here, in another process, and with its command line. */
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { systemClock } from '../../../daemon/clock.ts'
import { scenarios } from '../../../netsim/scenarios/index.ts'
import { runWorld, type RunResult } from '../../../netsim/world/run.ts'
import { readSeeds } from '../../../bin/netsim-commands/world-seeds.ts'
import { repeatCommand, summary } from '../../../bin/netsim-commands/world-view.ts'

const sizes = { edges: 10, cities: 3, objects: 500, requests: 1_500, hours: 0.1 }

function play (scenario: string, seed: number): RunResult {
  return runWorld({ scenario, seed, sizes }, systemClock)
}

/** The result without what only the machine decides. */
function essence ({ wallMs: _wallMs, cpuMs: _cpuMs, rssBytesMax: _rssBytesMax, ...rest }: RunResult): unknown {
  return rest
}

describe('a seed', () => {
  it.each(scenarios.map(({ name }) => name))('gives the same run of %s each time, and no violation', (name) => {
    const once = play(name, 1)
    expect(once.violations).toEqual([])
    expect(once.simulatedMs).toBe(360_000)
    expect(once.requests).toBeGreaterThan(1_000)
    expect(essence(play(name, 1))).toEqual(essence(once))
    expect(play(name, 2).traceHash).not.toBe(once.traceHash)
  })

  it('gives the same run in a process of its own', () => {
    const script = `
      import { runWorld } from ${JSON.stringify(new URL('../../../netsim/world/run.ts', import.meta.url).href)}
      import { systemClock } from ${JSON.stringify(new URL('../../../daemon/clock.ts', import.meta.url).href)}
      console.log(runWorld({ scenario: 'churn', seed: 3, sizes: ${JSON.stringify(sizes)} }, systemClock).traceHash)`
    const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '--eval', script], { encoding: 'utf8', cwd: fileURLToPath(new URL('../../..', import.meta.url)) })
    expect(stderr).toBe('')
    expect(stdout.trim()).toBe(play('churn', 3).traceHash)
  })
})

describe('what is printed', () => {
  it('repeats a run with the flags that were given, and no others', () => {
    expect(repeatCommand(play('steady', 5), { edges: '10', hours: '0.1', json: true, seeds: '1..9' })).toBe('netsim world --scenario steady --seed 5 --edges 10 --hours 0.1')
  })

  it('keeps the names of the contract, for one run and for many', () => {
    const results = [play('steady', 1), play('steady', 2)]
    for (const some of [results.slice(0, 1), results]) {
      expect(summary(some, 12, {})).toMatchObject({
        seed: 1, scenario: 'steady', edges: 10, objects: 500, requests: some.reduce((sum, { requests }) => sum + requests, 0),
        traceHash: expect.stringMatching(/^[0-9a-f]{16}$/) as string, violations: 0, simulatedMs: some.length * 360_000, wallMs: 12
      })
    }
    const failing = { ...results[0]!, violations: [{ checker: 'bytes', atMs: 7, sentence: 'wrong' }] }
    expect(summary([failing, results[1]!], 12, {})).toMatchObject({ violations: 1, findings: [{ seed: 1, checker: 'bytes', sentence: 'wrong', repeat: 'netsim world --scenario steady --seed 1' }] })
  })

  it('reads seeds as people write them, and nothing else', () => {
    expect(readSeeds('seeds', '7')).toEqual([7])
    expect(readSeeds('seeds', '3,5,8..10')).toEqual([3, 5, 8, 9, 10])
    for (const text of ['', '5..2', '1..', '-1', '1..1000000', 'x', '1.5', '1,,2']) expect(() => readSeeds('seeds', text)).toThrow(/--seeds is/)
  })
})
