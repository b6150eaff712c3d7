/** Fifty seeds that every change has to pass, over all scenarios but those of Raft (agreement.test.ts), and one that nobody has seen yet. */
import { describe, expect, it } from 'vitest'
import { systemClock } from '../../../daemon/clock.ts'
import { scenarios } from '../../../netsim/scenarios/index.ts'
import { runWorld } from '../../../netsim/world/run.ts'

const sizes = { edges: 12, cities: 4, objects: 1_000, requests: 3_000, hours: 0.2 }
const flags = '--edges 12 --cities 4 --objects 1000 --requests 3000 --hours 0.2'

/** What the checkers found, with the command that repeats it. */
function findings (scenario: string, seed: number): string[] {
  const { violations } = runWorld({ scenario, seed, sizes }, systemClock)
  return violations.map(({ checker, sentence }) => `${checker}: ${sentence}; repeat with netsim world --scenario ${scenario} --seed ${seed} ${flags}`)
}

const known = scenarios.filter(({ agreement }) => agreement === undefined).map(({ name }) => ({ name, seeds: Array.from({ length: name === 'random' ? 10 : 5 }, (_, index) => index + 1) }))

describe('a simulated colony', () => {
  it('is tried with fifty seeds', () => {
    expect(known.flatMap(({ seeds }) => seeds)).toHaveLength(50)
  })

  it.each(known)('breaks no rule in $name', { timeout: 240_000 }, ({ name, seeds }) => {
    for (const seed of seeds) expect(findings(name, seed)).toEqual([])
  })

  it('breaks no rule with a new seed', { timeout: 120_000 }, () => {
    const seed = Date.now() % 1_000_000_000
    expect(findings('random', seed)).toEqual([])
  })
})
