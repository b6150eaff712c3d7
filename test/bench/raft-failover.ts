/**
 * How long nothing is agreed on after the leader was killed: from kill -9 to the answer to a proposal that a client
 * sends to one of the others at that moment, and that waits there for the next leader.
 */
import { Pool } from 'undici'
import { chance, percentile, spreadOf, type Bench, type BenchOptions, type BenchResult, type Cell } from './bench.ts'
import { RaftRig } from './raft-rig.ts'

/** One way, ms; and what the longest outage, but for one in a hundred, is to be at most. */
const lines = [{ delayMs: 0, aim: '500 / 1,500' }, { delayMs: 50, aim: '- / 2,500' }]

async function row (rig: RaftRig, delayMs: number, { quick, seed, progress }: BenchOptions): Promise<{ cells: Cell[], json: Record<string, unknown> }> {
  const random = chance(seed)
  const kills = quick ? 8 : 50
  const outagesMs: number[] = []
  let failed = 0
  let elections = 0
  const value = Buffer.alloc(256).toString('base64')
  for (let kill = 0; kill < kills; kill++) {
    const leader = await rig.leader()
    const { term } = await rig.status(leader)
    await new Promise((resolve) => { setTimeout(resolve, 200 * random()) })
    const others = rig.edges.filter((edge) => edge !== leader)
    const pool = new Pool(others[Math.floor(random() * others.length)]!.http, { connections: 1 })
    const ask = async (key: string): Promise<number> => {
      const { statusCode, body } = await pool.request({ method: 'POST', path: `/propose?key=${key}`, body: JSON.stringify({ value }) })
      await body.dump()
      return statusCode
    }
    await ask(`before-${kill}`)
    const killedMs = rig.kill(leader)
    for (let attempt = 0; await ask(`after-${kill}`) !== 200; attempt++) {
      failed++
      if (attempt > 10) throw new Error('no leader was elected')
    }
    outagesMs.push(performance.now() - killedMs)
    await pool.close()
    elections += (await rig.status(await rig.leader())).term - term
    await rig.revive(leader)
    progress(`links of ${delayMs} ms, kill ${kill + 1}: ${outagesMs.at(-1)!.toFixed(0)} ms`)
  }
  const spread = spreadOf(outagesMs)
  const p99 = percentile(outagesMs, 0.99)
  return {
    cells: [kills, spread.p50.toFixed(0), spread.p90.toFixed(0), p99.toFixed(0), spread.max.toFixed(0), (elections / kills).toFixed(2), failed],
    json: { ...spread, p99, termsEach: elections / kills, failed }
  }
}

export const raftFailoverBench: Bench = {
  name: 'raft-failover',
  run: async (options): Promise<BenchResult> => {
    const rows: Cell[][] = []
    const json: Record<string, unknown> = {}
    for (const { delayMs, aim } of lines) {
      const rig = new RaftRig(delayMs)
      try {
        const measured = await row(await rig.start(), delayMs, options)
        rows.push([`${delayMs} ms one way`, ...measured.cells, aim])
        json[`links${delayMs}`] = measured.json
      } finally {
        await rig.stop()
      }
    }
    return {
      title: 'from kill -9 of the leader to the next committed proposal, three edges, default timers',
      columns: ['links', 'kills', 'p50 ms', 'p90 ms', 'p99 ms', 'max ms', 'terms a kill', 'asked again', 'aim: p50 / p99'],
      rows,
      notes: [`Seed ${options.seed}. The killed edge starts again on its folder and catches up before the next kill. Terms a kill above 1 are elections that nobody won at first. Links of 50 ms are simulated in each edge's own process; a proposal alone needs two round trips over them, to the leader and to a majority.`],
      json
    }
  }
}
