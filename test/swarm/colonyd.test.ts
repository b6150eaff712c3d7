/**
 * Issue item 3 and the outside contract: `colonyd` as a process, as scripts and people meet it. Flags and file, the
 * `ready` line, what an operator reads when something is wrong, signals and exit codes.
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type AddressInfo, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { get, Swarm, until } from '../support/edges.ts'
import { TestOrigin } from '../support/origin.ts'

const program = fileURLToPath(new URL('../../bin/colonyd.ts', import.meta.url))
const anyPort = ['--http', '127.0.0.1:0', '--admin', '127.0.0.1:0']

let swarm: Swarm
let origin: TestOrigin
let folder: string
let servers: Server[]

beforeEach(async () => {
  swarm = new Swarm()
  origin = await new TestOrigin().start()
  folder = await mkdtemp(join(tmpdir(), 'colony-colonyd-'))
  servers = []
})
afterEach(async () => {
  await swarm.stop()
  await origin.close()
  for (const server of servers) server.close()
  await rm(folder, { recursive: true, force: true })
})

interface Ended { code: number | null, out: string, err: string }

/** Runs `colonyd` to its own end. */
async function colonyd (...argv: string[]): Promise<Ended> {
  const child = spawn(process.execPath, [program, ...argv], { stdio: ['ignore', 'pipe', 'pipe'], env: { PATH: process.env.PATH } })
  const out = collect(child.stdout)
  const err = collect(child.stderr)
  const cut = setTimeout(() => { child.kill('SIGKILL') }, 30_000)
  const [code] = await once(child, 'close') as [number | null]
  clearTimeout(cut)
  return { code, out: out.text, err: err.text }
}

function collect (stream: NodeJS.ReadableStream | null): { text: string } {
  const collected = { text: '' }
  stream?.on('data', (data: Buffer) => { collected.text += data.toString() })
  return collected
}

/** Lines of standard error that are not log lines: what an operator is told. */
function said ({ err }: Ended): string[] {
  return err.trimEnd().split('\n').filter((line) => line !== '' && !line.startsWith('{'))
}

/** An operator's mistake: one sentence, no stack anywhere, nothing on standard output. */
function expectSentence (ended: Ended, code: number, sentence: RegExp): void {
  expect(said(ended)).toEqual([expect.stringMatching(sentence)])
  expect(ended.err).not.toMatch(/\n\s+at |\\n\s+at /)
  expect(ended).toMatchObject({ code, out: '' })
}

async function portInUse (): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  servers.push(server)
  await once(server, 'listening')
  return (server.address() as AddressInfo).port
}

async function exit (child: ChildProcess): Promise<number | null> {
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
  return child.exitCode
}

describe('colonyd', () => {
  it('prints one ready line, in the form that scripts read, and nothing else on standard output', async () => {
    const child = spawn(process.execPath, [program, ...anyPort, '--data', join(folder, 'data')], { stdio: ['ignore', 'pipe', 'pipe'], env: { PATH: process.env.PATH } })
    const out = collect(child.stdout)
    const err = collect(child.stderr)
    try {
      await until(() => out.text.includes('\n'), 20_000, 'no ready line')
      const match = /^ready http=(http:\/\/127\.0\.0\.1:\d+) admin=(http:\/\/127\.0\.0\.1:\d+) peer=(12D3Koo\w+) listen=(\/ip4\/127\.0\.0\.1\/tcp\/\d+\/p2p\/(12D3Koo\w+))\n$/.exec(out.text)
      expect(match, out.text).not.toBeNull()
      expect(match?.[3]).toBe(match?.[5])
      expect((await get(`${match?.[2]}/readyz`)).status).toBe(200)
      // Without --origin it has what is published to it, and that is nothing yet.
      expect((await get(`${match?.[1]}/`)).status).toBe(404)
    } finally {
      child.kill('SIGTERM')
    }
    expect(await exit(child)).toBe(0)
    expect(out.text.split('\n')).toHaveLength(2)
    for (const line of err.text.trimEnd().split('\n')) expect(() => JSON.parse(line) as unknown, line).not.toThrow()
  })

  it('explains every flag of the contract with --help', async () => {
    const { code, out, err } = await colonyd('--help')
    expect({ code, err }).toEqual({ code: 0, err: '' })
    for (const flag of ['config', 'data', 'name', 'region', 'http', 'admin', 'listen', 'join', 'network-key', 'origin', 'workers']) expect(out).toContain(`--${flag} `)
  })
})

describe('what is wrong is told in one sentence', () => {
  it('an unknown flag, with exit code 2', async () => {
    expectSentence(await colonyd('--orign', 'http://127.0.0.1:1'), 2, /--orign is not a flag.*did you mean --origin\?$/)
  })

  it('a value that a flag cannot have, with exit code 2', async () => {
    expectSentence(await colonyd('--http', '8080x'), 2, /--http is "8080x": expected HOST:PORT, such as 127\.0\.0\.1:8080$/)
  })

  it('an unknown field of the file, and a wrong value of one, with exit code 2', async () => {
    const file = join(folder, 'colony.yaml')
    await writeFile(file, 'regoin: fra\n')
    expectSentence(await colonyd('--config', file), 2, /regoin in file \S+colony\.yaml is not a known key: did you mean region\?$/)
    await writeFile(file, 'sites:\n  - { name: docs, hosts: ["*"], origin: "ftp://example.org" }\n')
    expectSentence(await colonyd('--config', file), 2, /sites\[0\]\.origin in file \S+ is "ftp:\/\/example\.org": expected an http or https URL/)
  })

  it('a file that is not there, with exit code 2', async () => {
    expectSentence(await colonyd('--config', join(folder, 'none.yaml')), 2, /--config is "\S+none\.yaml": .*no such file/)
  })

  it.each(['http', 'admin'])('a port in use for --%s, with exit code 1', async (flag) => {
    const port = await portInUse()
    const ended = await colonyd(...anyPort, '--data', join(folder, 'data'), `--${flag}`, `127.0.0.1:${port}`)
    expectSentence(ended, 1, new RegExp(`127\\.0\\.0\\.1:${port}: the port is in use`))
  })

  it('a port in use for --listen, with exit code 1', async () => {
    const port = await portInUse()
    const ended = await colonyd(...anyPort, '--data', join(folder, 'data'), '--listen', `/ip4/127.0.0.1/tcp/${port}`)
    expectSentence(ended, 1, new RegExp(`/ip4/127\\.0\\.0\\.1/tcp/${port}.*in use`))
  })

  it('a data folder that is a file, or that lies in one, with exit code 1', async () => {
    const file = join(folder, 'file')
    await writeFile(file, 'not a folder')
    for (const path of [file, join(file, 'data')]) expectSentence(await colonyd(...anyPort, '--data', path), 1, new RegExp(`the data folder ${path} cannot be used`))
  })

  it('a data folder whose database is something else, with exit code 1', async () => {
    await mkdir(join(folder, 'data'))
    await writeFile(join(folder, 'data', 'state'), 'not a database')
    expectSentence(await colonyd(...anyPort, '--data', join(folder, 'data')), 1, /the data folder \S+ cannot be used/)
  })

  it('a data folder that another daemon uses, with exit code 1, and the other goes on', async () => {
    const running = await swarm.spawn({ origin: origin.url })
    expectSentence(await colonyd(...anyPort, '--data', running.dataDir), 1, /the data folder \S+ is in use by another colonyd/)
    expect((await get(`${running.admin}/healthz`)).status).toBe(200)
  })
})

describe('a signal', () => {
  /** A download that stands still in the midst until the gate opens. */
  async function download (): Promise<{ edge: Awaited<ReturnType<Swarm['spawn']>>, body: Buffer, gate: PromiseWithResolvers<void>, got: Promise<Buffer | 'cut'>, err: { text: string } }> {
    const gate = Promise.withResolvers<void>()
    const body = origin.file('/download', 600_000, { maxAge: 60, pace: async (sent) => { if (sent >= 300_000) await gate.promise } })
    const edge = await swarm.spawn({ origin: origin.url, flags: ['--log-level', 'info'] })
    const err = collect(edge.child.stderr)
    const got = get(`${edge.http}/download`).then((answer) => answer.body, () => 'cut' as const)
    await until(() => origin.bytesSent >= 262_144, 10_000, 'the download did not begin')
    return { edge, body, gate, got, err }
  }

  it('lets a running download end, takes nothing new, and ends with code 0', async () => {
    const { edge, body, gate, got, err } = await download()
    edge.child.kill('SIGTERM')
    await until(() => err.text.includes('"stopping"'), 10_000, 'it did not begin to stop')
    await until(async () => await get(`${edge.http}/download`).then(() => false, () => true), 10_000, 'new connections are still taken')
    expect(edge.child.exitCode).toBeNull()
    gate.resolve()
    expect((await got as Buffer).equals(body)).toBe(true)
    expect(await exit(edge.child)).toBe(0)
  })

  it.each([['SIGTERM', 143], ['SIGINT', 130]] as const)('given twice (%s) ends it at once with code %i', async (signal, code) => {
    const { edge, gate, got, err } = await download()
    edge.child.kill(signal)
    await until(() => err.text.includes('"stopping"'), 10_000, 'it did not begin to stop')
    edge.child.kill(signal)
    expect(await exit(edge.child)).toBe(code)
    expect(await got).toBe('cut')
    gate.resolve()
  })
})

describe('a join address that does not answer', () => {
  it('keeps it serving and not ready, says so, and is joined once something answers there', async () => {
    const port = await portInUse()
    servers[0]?.close()
    const address = `/ip4/127.0.0.1/tcp/${port}`
    origin.file('/alone', 1_000, { maxAge: 60 })
    const waiting = await swarm.spawn({ origin: origin.url, join: [address], flags: ['--log-level', 'warn'], settings: { membership: { joinBackoffMaxMs: 500, joinLogIntervalMs: 500 } } })
    // The line comes again and again: the first one may have been before this began to collect.
    const err = collect(waiting.child.stderr)
    expect((await get(`${waiting.http}/alone`)).status).toBe(200)
    const notReady = await get(`${waiting.admin}/readyz`)
    expect(notReady.status).toBe(503)
    expect(JSON.parse(notReady.text)).toMatchObject({ status: 'waiting', waiting: [expect.stringContaining(address) as string] })
    expect((await get(`${waiting.admin}/healthz`)).status).toBe(200)
    await until(() => err.text.includes('cannot reach join address'), 10_000, 'it did not say so')
    const line = JSON.parse(err.text.split('\n').find((each) => each.includes('cannot reach join address')) ?? '') as Record<string, unknown>
    expect(line).toMatchObject({ level: 'warn', scope: 'membership', msg: expect.stringContaining(address) as string })

    await swarm.start({ origin: origin.url, flags: ['--listen', address] })
    await until(async () => (await get(`${waiting.admin}/readyz`)).status === 200, 20_000, 'it did not join')
    await swarm.whole()
  })
})
