/**
 * Agreement under load: three edges on loopback, each write synced by a majority, values of 256 bytes, asked for over HTTP by a fixed number of
 * clients at a time; beside it the same load by the same client on three etcd through their JSON gateway, in turns, so
 * that both see the same machine.
 */
import { randomBytes } from 'node:crypto'
import { Pool } from 'undici'
import { percentile, rounded, type Bench, type BenchOptions, type BenchResult, type Cell } from './bench.ts'
import { cpuMs, EtcdRig, RaftRig, type Target } from './raft-rig.ts'

const valueBytes = 256
const depths = [1, 16, 256]

interface Measured { readonly done: number, readonly failed: number, readonly seconds: number, readonly latenciesMs: readonly number[], readonly cpuMs: number }

async function load (target: Target, pool: Pool, depth: number, ms: number): Promise<Measured> {
  const value = randomBytes(valueBytes)
  const latenciesMs: number[] = []
  let failed = 0
  let index = 0
  const cpuBeforeMs = target.pids.reduce((sum, pid) => sum + cpuMs(pid), 0)
  const startedMs = performance.now()
  const endMs = startedMs + ms
  await Promise.all(Array.from({ length: depth }, async () => {
    while (performance.now() < endMs) {
      const at = index++
      const askedMs = performance.now()
      try {
        const { statusCode, body } = await pool.request({ method: 'POST', path: target.path(at), body: target.body(value, at), headers: { 'content-type': 'application/json' } })
        await body.dump()
        if (statusCode === 200) latenciesMs.push(performance.now() - askedMs)
        else failed++
      } catch {
        failed++
      }
    }
  }))
  const seconds = (performance.now() - startedMs) / 1_000
  return { done: latenciesMs.length, failed, seconds, latenciesMs, cpuMs: target.pids.reduce((sum, pid) => sum + cpuMs(pid), 0) - cpuBeforeMs }
}

async function run (rig: RaftRig, etcd: EtcdRig | undefined, { quick, progress }: BenchOptions): Promise<BenchResult> {
  const targets = [rig.target(await rig.leader()), ...etcd === undefined ? [] : [await etcd.target()]]
  const rounds = quick ? 2 : 5
  const roundMs = quick ? 1_000 : 3_000
  const rows: Cell[][] = []
  const json: Record<string, unknown> = {}
  for (const depth of depths) {
    const measured = targets.map((): Measured[] => [])
    const pools = targets.map(({ url }) => new Pool(url, { connections: depth }))
    for (const [at, target] of targets.entries()) await load(target, pools[at]!, depth, roundMs / 2)
    for (let round = 0; round < rounds; round++) {
      for (const [at, target] of targets.entries()) {
        const one = await load(target, pools[at]!, depth, roundMs)
        measured[at]!.push(one)
        progress(`${target.name}, ${depth} in flight: ${(one.done / one.seconds).toFixed(0)}/s, p99 ${percentile(one.latenciesMs, 0.99).toFixed(1)} ms${one.failed > 0 ? `, ${one.failed} failed` : ''}`)
      }
    }
    for (const pool of pools) await pool.close()
    for (const [at, { name }] of targets.entries()) {
      const all = measured[at]!
      const sum = (pick: (one: Measured) => number): number => all.reduce((total, one) => total + pick(one), 0)
      const latencies = all.flatMap(({ latenciesMs }) => latenciesMs)
      const line = {
        perSecond: Math.round(sum(({ done }) => done) / sum(({ seconds }) => seconds)),
        p50Ms: rounded(percentile(latencies, 0.5)),
        p99Ms: rounded(percentile(latencies, 0.99)),
        failed: sum(({ failed }) => failed),
        cpuUsEach: Math.round(sum(({ cpuMs }) => cpuMs) * 1_000 / sum(({ done }) => done))
      }
      json[at === 0 ? `colony${depth}` : `etcd${depth}`] = line
      rows.push([name, depth, line.perSecond, line.p50Ms.toFixed(2), line.p99Ms.toFixed(2), line.cpuUsEach, line.failed])
    }
  }
  return {
    title: `committed proposals of ${valueBytes} bytes, three servers on loopback, synced writes, over HTTP to the leader (aim: at least etcd's rate and at most its p99 at each depth)`,
    columns: ['agreed by', 'in flight', 'committed/s', 'p50 ms', 'p99 ms', 'CPU us each', 'failed'],
    rows,
    notes: [
      `${rounds} rounds of ${roundMs / 1_000} s each, in turns. The client is an undici pool of as many connections as are in flight, in a process of its own on the same cores. CPU is that of the three servers.`,
      etcd === undefined ? 'etcd is not installed here (Debian: apt-get install etcd-server): nothing to compare with.' : `etcd ${etcd.version} is asked through its JSON gateway, /v3/kv/put, with default settings.`
    ],
    json
  }
}

export const raftBench: Bench = {
  name: 'raft',
  run: async (options) => {
    options.progress('starting three edges, and three etcd where installed')
    const rig = await new RaftRig().start()
    const etcd = new EtcdRig()
    try {
      return await run(rig, await etcd.start(), options)
    } finally {
      await rig.stop()
      await etcd.stop()
    }
  }
}
