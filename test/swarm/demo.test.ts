/**
 * The demo as a person runs it: its curl lines show what it says they show, and whatever ends it leaves
 * no process and no file behind.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import type { AddressInfo, Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, describe, expect, it } from 'vitest'

const script = fileURLToPath(new URL('../../bin/netsim.ts', import.meta.url))
const small = ['demo', '--regions', '2', '--edges', '2', '--http-port', '0']

/** What must happen within a test, ms. Generous: the machine may be busy. */
const deadlineMs = 50_000

interface Running {
  readonly child: ChildProcess
  /** The TMPDIR of its own: what is in it, the demo made. */
  readonly folder: string
  readonly closed: Promise<{ code: number | null, signal: NodeJS.Signals | null }>
  output: string
}

const runs: Running[] = []

afterEach(() => {
  for (const { child, folder, output } of runs.splice(0)) {
    child.kill('SIGKILL')
    for (const pid of edgePids(output)) if (isAlive(pid)) process.kill(pid, 'SIGKILL')
    rmSync(folder, { recursive: true, force: true })
  }
})

/** @param args of Node; `closed` waits until nobody holds the output any more */
function run (args: readonly string[], stdin: 'ignore' | 'pipe' = 'ignore'): Running {
  const folder = mkdtempSync(join(tmpdir(), 'colony-demo-test-'))
  const child = spawn(process.execPath, args, { env: { PATH: process.env.PATH, TMPDIR: folder }, stdio: [stdin, 'pipe', 'pipe'] })
  const closed = new Promise<{ code: number | null, signal: NodeJS.Signals | null }>((resolve) => {
    child.once('close', (code, signal) => { resolve({ code, signal }) })
  })
  const running: Running = { child, folder, closed, output: '' }
  for (const stream of [child.stdout!, child.stderr!]) stream.setEncoding('utf8').on('data', (text: string) => { running.output += text })
  runs.push(running)
  return running
}

async function until (condition: () => boolean, what: string, running: Running): Promise<void> {
  const endMs = performance.now() + deadlineMs
  while (!condition()) {
    if (performance.now() > endMs) throw new Error(`not within ${deadlineMs} ms: ${what}; the demo said:\n${running.output}`)
    await new Promise((resolve) => { setTimeout(resolve, 50) })
  }
}

const untilWhole = async (running: Running): Promise<void> => { await until(() => running.output.includes('Ctrl-C ends the demo'), 'a whole mesh', running) }

/** Out of the table of edges: its rows end in the pid. */
function edgePids (output: string): number[] {
  return [...output.matchAll(/^[a-z]+-\d+ .*http:\S+ +(\d+)$/gm)].map(([, pid]) => Number(pid))
}

function isAlive (pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

async function untilNothingIsLeft (running: Running, pids: readonly number[]): Promise<void> {
  await until(() => !pids.some(isAlive), 'every process gone', running)
  await until(() => readdirSync(running.folder).length === 0, 'the folder removed', running)
}

describe('the demo', () => {
  it('prints curl lines that show a miss, a hit on the same edge and a peer hit, and ends on Ctrl-C without a trace', async () => {
    const running = run([script, ...small])
    await untilWhole(running)
    const pids = edgePids(running.output)
    expect(new Set(pids).size).toBe(4)

    const lines = [...running.output.matchAll(/^ {2}(curl .*)$/gm)].map(([, line]) => line!)
    const heads = lines.map((line) => spawnSync('sh', ['-c', line], { encoding: 'utf8' }).stdout)
    const statuses = heads.map((head) => /^cache-status: (.*?)\r$/im.exec(head)?.[1])
    expect(statuses).toEqual([
      expect.stringMatching(/^[\w-]+;fwd=uri-miss.*;stored.*;detail=origin$/),
      expect.stringMatching(/^[\w-]+;hit/),
      expect.stringMatching(/^[\w-]+;fwd=uri-miss.*;detail=peer$/)
    ])
    const [first, second, third] = statuses.map((status) => status!.split(';')[0])
    expect(second).toBe(first)
    expect(third).not.toBe(first)

    const seen = (): number[][] => [...running.output.matchAll(/^\d\d:\d\d:\d\d +(\d+) +(\d+) +(\d+) +(\d+) /gm)].map((row) => row.slice(1).map(Number))
    const sum = (at: number): number => seen().reduce((total, row) => total + row[at]!, 0)
    await until(() => sum(0) >= 3, 'three requests in its lines', running)
    expect([0, 1, 2, 3].map(sum)).toEqual([3, 1, 1, 1])

    running.child.kill('SIGINT')
    expect(await running.closed).toEqual({ code: 0, signal: null })
    await untilNothingIsLeft(running, pids)
  })

  it('ends everything when whoever started it is killed', async () => {
    // Its parent is a process in between, which only starts it; an empty standard input alone must not end it.
    const starter = 'const [script, ...args] = process.argv.slice(1); console.log(`demo ${require("node:child_process").spawn(process.execPath, [script, ...args], { stdio: "inherit" }).pid}`)'
    const running = run(['--eval', starter, '--', script, ...small])
    await untilWhole(running)
    const pids = [...edgePids(running.output), Number(/^demo (\d+)$/m.exec(running.output)![1])]
    expect(new Set(pids).size).toBe(5)
    running.child.kill('SIGKILL')
    await untilNothingIsLeft(running, pids)
    expect(running.output).toContain('stopping (whoever started it is gone)')
  })

  it('tells of an edge that dies, and goes on', async () => {
    const running = run([script, ...small], 'pipe')
    await untilWhole(running)
    const pids = edgePids(running.output)
    process.kill(pids[1]!, 'SIGKILL')
    await until(() => /^europe-2 ended by SIGKILL; its last line: \w+: .+$/m.test(running.output), 'the news of its end', running)
    expect(pids.filter(isAlive)).toHaveLength(3)
    // The promise of COLONY_PARENT_WATCH was not given: the end of the pipe is not the parent's.
    running.child.stdin!.end()
    running.child.kill('SIGTERM')
    expect(await running.closed).toEqual({ code: 0, signal: null })
    await untilNothingIsLeft(running, pids)
  })

  it('stops at once and cleanly while it starts', async () => {
    const running = run([script, ...small])
    await until(() => /^1 of 4 edges up/m.test(running.output), 'the first edge', running)
    running.child.kill('SIGTERM')
    expect(await running.closed).toEqual({ code: 0, signal: null })
    expect(running.output).not.toContain('Worth trying')
    await untilNothingIsLeft(running, [])
  })

  it('takes the next free port where one is in use, and says so', async () => {
    const holder = createServer()
    const port = await listen(holder)
    try {
      const running = run([script, 'demo', '--regions', '1', '--edges', '1', '--http-port', String(port)])
      await untilWhole(running)
      expect(running.output).toContain(`port ${port} is in use: europe-1 serves on `)
      const taken = Number(/europe-1 serves on (\d+)/.exec(running.output)![1])
      expect(taken).toBeGreaterThan(port)
      expect(running.output).toContain(`http://127.0.0.1:${taken}/`)
      running.child.kill('SIGINT')
      expect((await running.closed).code).toBe(0)
    } finally {
      holder.close()
    }
  })

  it('says so when there are not enough ports, and leaves nothing', async () => {
    const running = run([script, 'demo', '--regions', '1', '--edges', '2', '--http-port', '65535'])
    expect((await running.closed).code).toBe(1)
    expect(running.output).toMatch(/^netsim: there is no free port above \d+ for europe-[12]: give a lower one with --http-port$/m)
    await untilNothingIsLeft(running, [])
  })

  it.each([
    [['demo', '--regions', '0'], '--regions is "0": expected a whole number from 1 to 6'],
    [['demo', '--edges', 'three'], '--edges is "three": expected a whole number from 1 to 20'],
    [['demo', '--edgs', '3'], '--edgs is not a flag of netsim demo: did you mean --edges?'],
    [['dmo'], '"dmo" is not a command of netsim: did you mean demo?']
  ])('refuses the command line %j in one sentence', async (args, text) => {
    const running = run([script, ...args])
    expect((await running.closed).code).toBe(2)
    expect(running.output).toBe(`netsim: ${text}\n`)
  })
})

/** @returns the port that `server` holds from now on */
async function listen (server: Server): Promise<number> {
  await new Promise<void>((resolve) => { server.listen(0, '127.0.0.1', resolve) })
  return (server.address() as AddressInfo).port
}
