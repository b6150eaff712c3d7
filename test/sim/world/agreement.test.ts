/**
 * A hundred seeds of regions that agree by Raft in all kinds of trouble, one that nobody has seen yet, and cuts of minorities on slow links.
 * All checkers are on, linearisability among them. The soak plays 2,000 (test/soak).
 */
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { systemClock } from '../../../daemon/clock.ts'
import { scenarioOf } from '../../../netsim/scenarios/index.ts'
import { runWorld, type RunResult } from '../../../netsim/world/run.ts'

function play (scenario: string, seed: number): RunResult {
  return runWorld({ scenario, seed, sizes: scenarioOf(scenario)!.sizes }, systemClock)
}

/** What the checkers found, with the command that repeats it. */
function findings ({ scenario, seed, violations }: RunResult): string[] {
  return violations.map(({ checker, sentence }) => `${checker}: ${sentence}; repeat with netsim world --scenario ${scenario} --seed ${seed}`)
}

describe('regions that agree by Raft', () => {
  it.each([0, 1, 2, 3, 4])('keep every promise with seeds %i x 20 + 1 to 20', { timeout: 240_000 }, (group) => {
    let asked = 0
    for (let seed = 20 * group + 1; seed <= 20 * group + 20; seed++) {
      const result = play('agreement', seed)
      expect(findings(result)).toEqual([])
      asked += result.counters.settingRequests!
    }
    expect(asked).toBeGreaterThan(5_000)
  })

  it('keep every promise with a new seed', { timeout: 60_000 }, () => {
    expect(findings(play('agreement', Date.now() % 1_000_000_000))).toEqual([])
  })

  it('hold no election when a minority is cut off and comes back, on links of 50 ms', { timeout: 60_000 }, () => {
    for (const seed of [1, 2, 3]) {
      const result = play('minority-cut', seed)
      expect(findings(result)).toEqual([])
      expect(result.faults).toBeGreaterThan(10)
      expect(result.counters.settingRequests).toBeGreaterThan(500)
    }
  })

  it('do the same each time, in a process of its own as well', () => {
    const script = `
      import { runWorld } from ${JSON.stringify(new URL('../../../netsim/world/run.ts', import.meta.url).href)}
      import { systemClock } from ${JSON.stringify(new URL('../../../daemon/clock.ts', import.meta.url).href)}
      console.log(runWorld({ scenario: 'agreement', seed: 7, sizes: ${JSON.stringify(scenarioOf('agreement')!.sizes)} }, systemClock).traceHash)`
    const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '--eval', script], { encoding: 'utf8', cwd: fileURLToPath(new URL('../../..', import.meta.url)) })
    expect(stderr).toBe('')
    expect(stdout.trim()).toBe(play('agreement', 7).traceHash)
  })
})
