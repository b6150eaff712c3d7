/**
 * Looks for violations in stages, seed by seed, until the first one: the program of the process that a mutant runs in. The last
 * line of standard output is one JSON object, `Trial`.
 */
import { parseArgs } from 'node:util'
import { messageOf } from '../../protocols/errors.ts'
import { makeColony } from '../../netsim/world/edge/colony.ts'
import { World } from '../../netsim/world/world.ts'
import { stages, type Stage, type StageName } from './stages.ts'

export interface Finding {
  readonly stage: StageName
  readonly seed: number
  /** Of the checker; `assertion` or the error's name where the simulation itself broke down, which fails a run as well. */
  readonly checker: string
  readonly sentence: string
}

export interface Trial {
  readonly finding?: Finding
  readonly runs: number
  readonly cpuSeconds: number
}

/** Events that may be posted in a second of virtual time: the busiest stage posts some thousands. */
const postsPerSecondMax = 15_000

function play (name: StageName, seed: number): Omit<Finding, 'stage' | 'seed'> | undefined {
  const { scenario, options, prepare }: Stage = stages[name]
  try {
    const world = new World({ seed, scenario, sizes: scenario.sizes, createColony: (world) => makeColony(world, options) })
    prepare?.(world)
    guard(world)
    return world.run().violations[0]
  } catch (error) {
    return { checker: error instanceof Error ? error.name : 'error', sentence: messageOf(error) }
  }
}

/** A core that always wants to be woken at once brings virtual time to a crawl. */
function guard (world: World): void {
  const { engine } = world
  const post = engine.post.bind(engine)
  let sinceMs = 0
  let posts = 0
  engine.post = (...event) => {
    if (engine.nowMs - sinceMs > 1_000) {
      sinceMs = engine.nowMs
      posts = 0
    } else if (++posts > postsPerSecondMax) world.fail('time-passes', `${posts} events were posted within ${Math.ceil(engine.nowMs - sinceMs)} ms`)
    return post(...event)
  }
}

function look (names: readonly StageName[], seeds: number): Trial {
  let runs = 0
  let finding: Finding | undefined
  for (let seed = 1; seed <= seeds && finding === undefined; seed++) {
    for (const stage of names) {
      runs++
      const found = play(stage, seed)
      if (found === undefined) continue
      finding = { stage, seed, checker: found.checker, sentence: found.sentence }
      break
    }
  }
  const { user, system } = process.cpuUsage()
  return { ...finding && { finding }, runs, cpuSeconds: (user + system) / 1e6 }
}

const { values, positionals } = parseArgs({ allowPositionals: true, options: { seeds: { type: 'string', default: '1' } } })
process.stdout.write(`${JSON.stringify(look(positionals as StageName[], Number(values.seeds)))}\n`)
