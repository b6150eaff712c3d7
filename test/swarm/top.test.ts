/**
 * Issue item 6: one edge shows the whole colony, also while an edge of it is stopped; `colony top` as a person runs it, on a
 * terminal and in a pipe.
 */
import { execFile, spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Overview } from '../../daemon/admin/overview.ts'
import { get, steady, Swarm, until, type TestEdge } from '../support/edges.ts'
import { TestOrigin } from '../support/origin.ts'

const program = fileURLToPath(new URL('../../bin/colony.ts', import.meta.url))

let swarm: Swarm
let origin: TestOrigin
let edges: [TestEdge, TestEdge, TestEdge & { child: ChildProcess }]

beforeAll(async () => {
  swarm = new Swarm()
  origin = await new TestOrigin().start()
  const options = { origin: origin.url, settings: { ...steady, overview: { askTimeoutMs: 1_000 } } }
  const first = await swarm.start({ ...options, region: 'asia', name: 'asia-1' })
  const second = await swarm.start({ ...options, region: 'europe', name: 'europe-1', join: [first.listen] })
  const third = await swarm.spawn({ ...options, region: 'europe', name: 'europe-2', join: [first.listen] })
  edges = [first, second, third]
  await swarm.whole()
})
afterAll(async () => {
  await swarm.stop()
  await origin.close()
})

const overviewOf = async (edge: TestEdge): Promise<Overview> => JSON.parse((await get(`${edge.admin}/v1/overview`)).text) as Overview

interface Run { readonly code: number | null, readonly stdout: string, readonly stderr: string }

async function colony (args: readonly string[], untilText?: RegExp): Promise<Run> {
  const child = spawn(process.execPath, [program, ...args], { stdio: ['ignore', 'pipe', 'pipe'], env: { PATH: process.env.PATH } })
  let stdout = ''
  let stderr = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text
    // As `| head` does: it has seen enough.
    if (untilText?.test(stdout) === true) child.stdout.destroy()
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => { stderr += text })
  const code = await new Promise<number | null>((resolve) => { child.once('close', resolve) })
  return { code, stdout, stderr }
}

describe('GET /v1/overview', () => {
  it('has the counters, hot keys and origins of every edge, whoever is asked', async () => {
    origin.file('/hot', 10_000, { maxAge: 600 })
    for (const edge of edges) for (let times = 0; times < 5; times++) await get(`${edge.http}/hot`)
    for (const through of edges) {
      const overview = await overviewOf(through)
      expect(overview.through).toBe(through.peer)
      expect(overview.edges.map(({ name, region, error }) => [name, region, error])).toEqual([['asia-1', 'asia', undefined], ['europe-1', 'europe', undefined], ['europe-2', 'europe', undefined]])
      for (const { name, summary } of overview.edges) {
        expect(summary).toMatchObject({
          name, origins: [{ url: origin.url, breaker: 'closed' }],
          hotKeys: [{ site: 'default', target: '/hot', perSecond: expect.any(Number) as number }]
        })
        const { requests: { hit, miss }, servedBytes } = summary!
        // The owner had it before it was asked, where another came first.
        expect([[4, 1], [5, 0]]).toContainEqual([hit, miss])
        expect([servedBytes.store, servedBytes.peer + servedBytes.origin]).toEqual([hit * 10_000, miss * 10_000])
      }
      expect(overview.edges.reduce((sum, { summary }) => sum + summary!.originBytes, 0)).toBe(10_000)
      expect(overview.edges.reduce((sum, { summary }) => sum + summary!.origins[0]!.sent, 0)).toBe(1)
    }
  })
})

describe('colony top with an edge that is stopped', () => {
  beforeAll(() => { edges[2].child.kill('SIGSTOP') })
  afterAll(() => { edges[2].child.kill('SIGCONT') })

  it('prints one page with --once, and which edge does not answer', async () => {
    const { code, stdout, stderr } = await colony(['top', '--once', '--admin', edges[0].admin])
    expect([code, stderr]).toEqual([0, ''])
    expect(stdout).not.toContain('\x1b')
    expect(stdout).toMatch(/^colony +2 of 3 edges answer, 2 regions, through asia-1\n/)
    expect(stdout).toMatch(/\nasia: 1 edge .*\n {2}asia-1 .*\neurope: 1 of 2 edges .*\n {2}europe-1 .*\n {2}europe-2 +silent .*\n\neurope-2 does not answer: .+\n/)
    expect(stdout).toMatch(/\ndefault:\/hot +\S+\/s +2\n/)
  })

  it('prints a document a line with --json, until nobody reads any more', async () => {
    const { code, stdout, stderr } = await colony(['top', '--json', '--interval', '1', '--admin', edges[1].admin], /\n.*\n/)
    expect([code, stderr]).toEqual([0, ''])
    const documents = stdout.trimEnd().split('\n').map((line) => JSON.parse(line) as Overview)
    expect(documents.length).toBeGreaterThanOrEqual(2)
    for (const { edges: shown } of documents) expect(shown.map(({ summary }) => summary?.name)).toEqual(['asia-1', 'europe-1', undefined])
  })
})

describe('colony top where it cannot', () => {
  it.each([
    [['--interval', '0'], 2, /^colony: --interval is "0": expected a whole number from 1 to 3600\n$/],
    [['--admin', 'http://127.0.0.1:11'], 1, /^colony: .* http:\/\/127\.0\.0\.1:11 .*\n$/]
  ])('says so in one sentence: %j', async (args, code, sentence) => {
    expect(await colony(['top', ...args])).toEqual({ code, stdout: '', stderr: expect.stringMatching(sentence) as string })
  })
})

/** A real terminal, by `script` of util-linux, where that is installed. */
const hasTerminal = process.platform === 'linux' && spawnSync('script', ['--version']).stdout?.toString().includes('util-linux') === true

class Terminal {
  readonly child: ChildProcess
  text = ''

  /** Says `tty=` and `pid=` first, and what the terminal's settings are before and after. */
  constructor (command: string) {
    this.child = spawn('script', ['-qec', `stty rows 24 cols 60; echo tty=$(tty); stty -g; ${command}; echo code=$?; stty -g; echo over`, '/dev/null'], { stdio: 'pipe', env: { PATH: process.env.PATH, TERM: 'xterm', SHELL: '/bin/sh' } })
    this.child.stdout?.setEncoding('utf8').on('data', (text: string) => { this.text += text })
  }

  async shows (pattern: RegExp): Promise<RegExpExecArray> {
    await until(() => pattern.test(this.text), 30_000, `the terminal did not show ${String(pattern)} but ${JSON.stringify(this.text.slice(-2_000))}`)
    return pattern.exec(this.text)!
  }

  /** Settings and screen are what they were. */
  async restored (): Promise<void> {
    await this.shows(/over\r\n$/)
    const [before, after] = this.text.match(/^[0-9a-f]+(:[0-9a-f]+)+\r$/gm) ?? []
    expect(after).toBe(before)
    expect(this.text.lastIndexOf('\x1b[?1049l')).toBeGreaterThan(this.text.lastIndexOf('\x1b[?1049h'))
    expect(this.text.lastIndexOf('\x1b[?25h')).toBeGreaterThan(this.text.lastIndexOf('\x1b[?25l'))
    expect(this.text.lastIndexOf('\x1b[?7h')).toBeGreaterThan(this.text.lastIndexOf('\x1b[?7l'))
  }
}

describe.skipIf(!hasTerminal)('colony top on a terminal (needs script of util-linux)', () => {
  const command = (edge: TestEdge, interval = 1): string => `${process.execPath} ${program} top --interval ${interval} --admin ${edge.admin}`

  it('takes the screen, follows its size, and gives it back on q', async () => {
    // Between two looks: the size alone makes it draw.
    const terminal = new Terminal(command(edges[0], 3_600))
    const [, tty = ''] = await terminal.shows(/tty=(\S+)/)
    await terminal.shows(/\x1b\[\?1049h[^]*colony top[^]*EDGES +REQUESTS +HITS/)
    expect(terminal.text).not.toContain('FETCHES')
    await promisify(execFile)('stty', ['-F', tty, 'rows', '40', 'cols', '140'])
    await terminal.shows(/FETCHES/)
    terminal.child.stdin?.write('x')
    terminal.child.stdin?.write('q')
    await terminal.shows(/code=0/)
    await terminal.restored()
  })

  it('gives it back on Ctrl-C', async () => {
    const terminal = new Terminal(command(edges[0]))
    await terminal.shows(/colony top/)
    terminal.child.stdin?.write('\x03')
    await terminal.shows(/code=0/)
    await terminal.restored()
  })

  it('gives it back when it is ended by SIGTERM', async () => {
    const terminal = new Terminal(`sh -c 'echo pid=$$; exec ${command(edges[0])}'`)
    const [, pid] = await terminal.shows(/pid=(\d+)/)
    await terminal.shows(/colony top/)
    process.kill(Number(pid), 'SIGTERM')
    await terminal.shows(/code=143/)
    await terminal.restored()
  })

  it('goes on when its edge is gone for a while, and says so', async () => {
    const edge = await swarm.start({ origin: origin.url, region: 'asia', name: 'short-lived' })
    const terminal = new Terminal(command(edge))
    await terminal.shows(/1 of 1 edge answers/)
    await edge.stop()
    await terminal.shows(/no edge answers at/)
    terminal.child.stdin?.write('q')
    await terminal.shows(/code=0/)
    await terminal.restored()
  })
})
