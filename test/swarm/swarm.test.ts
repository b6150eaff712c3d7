/** `netsim swarm` as a person or a script runs it: many real edges in few processes, faults among them, and nothing left behind. */
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, describe, expect, it } from 'vitest'
import { until } from '../support/edges.ts'

const script = fileURLToPath(new URL('../../bin/netsim.ts', import.meta.url))

interface Run {
  readonly child: ChildProcess
  /** The TMPDIR of its own: what is in it, the swarm made. */
  readonly folder: string
  readonly closed: Promise<number | null>
  out: string
  err: string
}

const runs: Run[] = []

afterEach(() => {
  for (const { child, folder } of runs.splice(0)) {
    child.kill('SIGKILL')
    rmSync(folder, { recursive: true, force: true })
  }
})

function netsim (...args: string[]): Run {
  const folder = mkdtempSync(join(tmpdir(), 'colony-swarm-test-'))
  const child = spawn(process.execPath, [script, ...args], { env: { PATH: process.env.PATH, TMPDIR: folder }, stdio: ['ignore', 'pipe', 'pipe'] })
  const run: Run = { child, folder, closed: new Promise((resolve) => { child.once('close', resolve) }), out: '', err: '' }
  child.stdout!.setEncoding('utf8').on('data', (text: string) => { run.out += text })
  child.stderr!.setEncoding('utf8').on('data', (text: string) => { run.err += text })
  runs.push(run)
  return run
}

/** The last line of standard output. */
const documentOf = ({ out }: Run): any => JSON.parse(out.trimEnd().split('\n').at(-1)!)

describe('a swarm', () => {
  it('becomes one, serves across regions, loses edges and a region, serves no wrong byte, and is one again', { timeout: 240_000 }, async () => {
    const run = netsim('swarm', '--peers', '12', '--regions', '3', '--procs', '2', '--seed', '7', '--seconds', '12', '--no-idle', '--json',
      '--workload', 'rate=40,objects=500,size=4KiB', '--fault', 'kill:20%@2s+3s', '--fault', 'cut:europe@6s+3s', '--fault', 'origin-slow:200ms@2s+4s')
    expect(await run.closed, run.err).toBe(0)
    const document = documentOf(run)
    expect(document).toMatchObject({ seed: 7, peers: 12, regions: 3, processes: 2, probe: { pairs: 6, failures: [] }, workload: { wrongBytes: 0, wrongAnswers: 0 } })
    expect(document.faults.map(({ kind }: { kind: string }) => kind).sort()).toEqual(['cut', 'kill', 'origin-slow'])
    expect(document.workload.requests).toBeGreaterThan(200)
    expect(document.workload.peerFetches).toBeGreaterThan(0)
    expect(document.reunitedMs).toBeGreaterThan(0)
    expect(document.rssBytesPerPeer).toBeGreaterThan(1_000_000)
    expect(document.coordination.byPart.gossip).toBeGreaterThan(0)
    expect(document.coordination.bytesPerPeerSecond).toBeGreaterThanOrEqual(document.coordination.byPart.gossip)
    expect(readdirSync(run.folder)).toEqual([])
  })

  it('of processes of their own is one, too, and Ctrl-C ends it with what was measured and without a trace', { timeout: 120_000 }, async () => {
    const run = netsim('swarm', '--peers', '3', '--regions', '3', '--procs', 'each', '--seconds', '600', '--no-idle', '--workload', 'rate=5')
    await until(() => run.err.includes('6 right'), 90_000, 'an object was not fetched across the regions')
    expect(readdirSync(run.folder)).not.toEqual([])
    run.child.kill('SIGINT')
    expect(await run.closed).toBe(0)
    expect(run.err).toContain('stopping (SIGINT)')
    expect(run.out).toMatch(/^right answers +\d/m)
    expect(readdirSync(run.folder)).toEqual([])
  })

  it.each([
    [['swarm', '--peers', '2', '--regions', '3'], '2 edges cannot fill 3 regions'],
    [['swarm', '--fault', 'kill:10%@5'], 'the fault "kill:10%@5" cannot be read'],
    [['swarm', '--fault', 'kill:10%@5s+1s', '--chaos'], 'expected one of them'],
    [['swarm', '--sweep', '50'], '--sweep is "50": expected two or more sizes'],
    [['swarm', '--origin', 'nowhere'], '--origin is "nowhere": expected an http or https URL'],
    [['swarm', '--settings', '/nowhere.yaml'], '--settings is "/nowhere.yaml": expected a readable YAML file']
  ])('says in one sentence what is wrong with %j', async (args, sentence) => {
    const run = netsim(...args)
    expect(await run.closed).toBeGreaterThan(0)
    expect(run.err).toContain(sentence)
    expect(run.err.trimEnd().split('\n')).toHaveLength(1)
  })
})
