/** The colony command as a person runs it, against a server that gives fixed documents. */
import { spawn } from 'node:child_process'
import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'
import { afterEach, describe, expect, it } from 'vitest'
import { readDocument } from '../../bin/admin.ts'
import type { EdgeStatus, PeerStatus } from '../../daemon/admin/status.ts'

const script = fileURLToPath(new URL('../../bin/colony.ts', import.meta.url))
const servers: Server[] = []

afterEach(() => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections()
    server.close()
  }
})

/** @returns its URL */
async function serve (listener: RequestListener): Promise<string> {
  const server = createServer(listener)
  servers.push(server)
  await new Promise<void>((resolve) => { server.listen(0, '127.0.0.1', resolve) })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

async function serveDocuments (documents: Readonly<Record<string, unknown>>): Promise<string> {
  return await serve((request, response) => {
    response.setHeader('content-type', 'application/json')
    response.end(`${JSON.stringify(documents[request.url ?? ''])}\n`)
  })
}

interface Run { readonly status: number | null, readonly stdout: string, readonly stderr: string }

async function colony (args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Run> {
  const child = spawn(process.execPath, [script, ...args], { env, stdio: ['ignore', 'pipe', 'pipe'] })
  let stdout = ''
  let stderr = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => { stdout += text })
  child.stderr.setEncoding('utf8').on('data', (text: string) => { stderr += text })
  const status = await new Promise<number | null>((resolve) => { child.once('close', resolve) })
  return { status, stdout, stderr }
}

const status: EdgeStatus = {
  name: 'europe-1', peer: '12D3KooWAbc', region: 'europe', zone: 'rack-1', version: '0.1.0', uptimeMs: 200_000,
  http: 'http://127.0.0.1:8081', admin: 'http://127.0.0.1:9090', listen: ['/ip4/127.0.0.1/tcp/4001/p2p/12D3KooWAbc'],
  ready: false, waiting: ['no member has been reached yet'], members: 9, regions: { america: 3, asia: 3, europe: 3 }, connections: 8, ring: 'abcdefghijkl',
  sight: {
    rung: 'mesh', forMs: 190_000, majority: true, majorityForMs: 190_000,
    regions: [
      { region: 'america', here: 3, silent: 0, linked: 1, forMs: 190_000 },
      { region: 'asia', here: 0, silent: 3, linked: 0, forMs: 12_000 },
      { region: 'europe', here: 3, silent: 1, linked: 2, forMs: 200_000 }
    ]
  },
  traffic: {
    requests: { hit: 63, stale: 0, revalidated: 0, miss: 37, pass: 0, failed: 0 },
    hitRatio: 0.63, peerFetches: 30, originFetches: 7, servedBytes: 1.2 * 1024 ** 3, originBytes: 2048, steps: { 'origin': 7 }
  },
  peerBytes: { received: 3 * 1024 ** 2, sent: 512 }, coordination: {} as EdgeStatus['coordination'], topics: {} as EdgeStatus['topics'], flights: 2, flags: {},
  raft: [{
    group: '000000000001-a', scope: 'region', standing: 'member', role: 'leader', leader: { peer: '12D3KooWAbc', name: 'europe-1' }, term: 3, commit: 1_204, applied: 1_204, last: 1_205, lastTerm: 3, quietTicks: 0,
    voters: [{ peer: '12D3KooWAbc', name: 'europe-1' }, { peer: '12D3KooWb', name: 'europe-2' }, { peer: '12D3KooWc' }], learners: [], silent: ['12D3KooWc'], leads: true, logBytes: 10, waiting: 0
  }],
  store: { objects: 12_345, memoryBytes: 64 * 1024 ** 2, memoryBytesMax: 256 * 1024 ** 2, diskBytes: 0, diskBytesMax: 0, evictions: 1 },
  sites: [{ name: 'default', origins: [{ url: 'http://127.0.0.1:8000', ttfbMs: 1.4, breaker: 'open', inFlight: 3, queued: 0, sent: 9 }, { url: 'http://127.0.0.1:8001', breaker: 'closed', inFlight: 0, queued: 0, sent: 1 }] }]
}

function peer (name: string, region: string, rest: Partial<PeerStatus> = {}): PeerStatus {
  return { peer: `12D3KooW${name}`, name, region, http: 'http://127.0.0.1:8082', weight: 1, load: 0, connected: true, draining: false, otherOrigins: false, ...rest }
}

const peers = [peer('asia-1', 'asia', { rttMs: 1.4, load: 12 }), peer('asia-2', 'asia', { connected: false, estimatedRttMs: 38.2 }), peer('europe-2', 'europe', { connected: false, draining: true }), peer('europe-3', 'europe')]

describe('colony status', () => {
  it('prints units and shares that people read, without escape sequences where nobody looks', async () => {
    const { status: code, stdout, stderr } = await colony(['--admin', await serveDocuments({ '/v1/status': status }), 'status'])
    expect([code, stderr]).toEqual([0, ''])
    expect(stdout).not.toContain('\x1b')
    expect(stdout.split('\n')).toEqual([
      'edge     europe-1, not ready, up 3 m 20 s, version 0.1.0',
      'waiting  no member has been reached yet',
      'region   europe, zone rack-1',
      'peer     12D3KooWAbc',
      'http     http://127.0.0.1:8081',
      'admin    http://127.0.0.1:9090',
      'listen   /ip4/127.0.0.1/tcp/4001/p2p/12D3KooWAbc',
      'colony   9 members: america 3, asia 3, europe 3',
      'sees     mesh for 3 m 10 s: 1 of 2 other regions; 3 of 4 edges of europe, a majority',
      'silent   3 of 3 edges of asia, none seen for 12 s',
      'silent   1 of 4 edges of europe',
      'mesh     8 connections, ring abcdefghijkl',
      '',
      'GROUP   ROLE    LEADER    TERM  COMMIT  APPLIED  VOTERS  LEARNERS',
      'region  leader  europe-1     3   1,204    1,204       3         0',
      'voters  europe-1, europe-2, 12D3KooWc (silent)',
      '',
      'REQUESTS  COUNT  SHARE',
      'hit          63   63 %  ██████░░░░',
      'miss         37   37 %  ████░░░░░░',
      'requests   100, 2 fetches under way',
      'hit ratio  ██████░░░░ 63 %',
      'fetched    30 from peers, 7 from origins',
      'tried      origin 7',
      'bytes      1.2 GiB served, 3 MiB from peers, 512 B to peers, 2 KiB from origins',
      '',
      'STORE     USED       OF  FULL',
      'memory  64 MiB  256 MiB  25 %  ███░░░░░░░',
      'disk       0 B      off   0 %  ░░░░░░░░░░',
      'held  12,345 objects, 1 evicted',
      '',
      'SITE     ORIGIN                 FIRST BYTE  IN FLIGHT  QUEUED  STATE',
      'default  http://127.0.0.1:8000      1.4 ms          3       0  left alone',
      '-        http://127.0.0.1:8001           -          0       0  in use',
      ''
    ])
  })

  it('prints the document as it is, on one line, with --json before or after the command', async () => {
    const url = await serveDocuments({ '/v1/status': { ...status, newer: 'field' } })
    for (const args of [['--json', 'status'], ['status', '--json']]) {
      const { stdout } = await colony([...args, '--admin', url])
      expect(stdout).toBe(`${JSON.stringify({ ...status, newer: 'field' })}\n`)
    }
  })

  it('makes headings bold where colours are asked for, and not where NO_COLOR is set', async () => {
    const args = ['--admin', await serveDocuments({ '/v1/status': status }), 'status']
    expect((await colony(args, { FORCE_COLOR: '1' })).stdout).toContain('\x1b[1mSTORE')
    expect((await colony(args, { NO_COLOR: '1' })).stdout).not.toContain('\x1b')
  })
})

describe('colony peers', () => {
  it('groups the edges by region', async () => {
    const { status: code, stdout } = await colony(['peers', '--admin', await serveDocuments({ '/v1/peers': peers })])
    expect(code).toBe(0)
    expect(stdout.split('\n')).toEqual([
      '  NAME      STATE               RTT  LOAD  WEIGHT  HTTP                   PEER',
      'asia (2)',
      '  asia-1    linked           1.4 ms  12/s       1  http://127.0.0.1:8082  12D3KooWasia-1',
      '  asia-2    known            ~38 ms   0/s       1  http://127.0.0.1:8082  12D3KooWasia-2',
      'europe (2)',
      '  europe-2  known, draining       -   0/s       1  http://127.0.0.1:8082  12D3KooWeurope-2',
      '  europe-3  linked                -   0/s       1  http://127.0.0.1:8082  12D3KooWeurope-3',
      ''
    ])
  })

  it('says so when there are none, and prints an empty list with --json', async () => {
    const url = await serveDocuments({ '/v1/peers': [] })
    expect((await colony(['peers', '--admin', url])).stdout).toMatch(/^no other edge is known: .*\n$/)
    expect((await colony(['peers', '--admin', url, '--json'])).stdout).toBe('[]\n')
  })

  it('warns of edges that fill the same sites from other origins', async () => {
    const { stdout } = await colony(['peers', '--admin', await serveDocuments({ '/v1/peers': [peer('a', 'asia', { otherOrigins: true })] })])
    expect(stdout).toContain('linked, other origins')
    expect(stdout).toContain('1 of them fills the same sites from other origins than this edge')
  })
})

describe('where the edge is looked for', () => {
  it('is COLONY_ADMIN, as a URL or as colonyd takes it, and --admin before that', async () => {
    const url = await serveDocuments({ '/v1/peers': [] })
    expect((await colony(['peers', '--json'], { COLONY_ADMIN: url })).stdout).toBe('[]\n')
    expect((await colony(['peers', '--json'], { COLONY_ADMIN: url.replace('http://', '') })).stdout).toBe('[]\n')
    expect((await colony(['peers', '--json', '--admin', `${url}/`], { COLONY_ADMIN: 'http://127.0.0.1:1' })).stdout).toBe('[]\n')
  })
})

describe('what goes wrong is one sentence:', () => {
  const sentence = (code: number, text: string): Run => ({ status: code, stdout: '', stderr: `colony: ${text}\n` })

  it('nobody listens there', async () => {
    const url = await serve(() => {})
    servers.pop()!.close()
    expect(await colony(['--admin', url, 'status'])).toEqual(sentence(1, `no edge answers at ${url} (ECONNREFUSED): is colonyd running there? give its admin address with --admin or COLONY_ADMIN`))
  })

  it('something else listens there', async () => {
    const url = await serve((_request, response) => { response.end('<h1>It works!</h1>') })
    expect(await colony(['--admin', url, 'status'])).toEqual(sentence(1, `what answers at ${url} is no edge's admin listener (status 200 for /v1/status): give its admin address with --admin or COLONY_ADMIN`))
  })

  it('the connection is cut', async () => {
    const url = await serve((request) => { request.socket.destroy() })
    expect(await colony(['--admin', url, 'peers'])).toEqual({ status: 1, stdout: '', stderr: expect.stringMatching(/^colony: the edge at http:\S+ could not be asked \(\w+\): .*\n$/) })
  })

  it('the edge refuses', async () => {
    const url = await serve((_request, response) => {
      response.writeHead(503, { 'content-type': 'application/problem+json' }).end('{"detail":"it is closing"}')
    })
    expect(await colony(['--admin', url, 'peers'])).toEqual(sentence(1, `${url}/v1/peers was refused with 503: it is closing`))
  })

  it('the edge does not answer in time', async () => {
    const url = await serve(() => {})
    await expect(readDocument({ admin: url }, '/v1/peers', Array.isArray, { requestTimeoutMs: 50 }))
      .rejects.toThrow(`the edge at ${url} took longer than 50 ms to answer /v1/peers: `)
  })

  it.each([
    [['staus'], '"staus" is not a command of colony: did you mean status?'],
    [['fly'], '"fly" is not a command of colony: expected one of status, peers, top, explain, warm, purge, put, get, ls, rm, config'],
    [[], 'no command was given: expected one of status, peers, top, explain, warm, purge, put, get, ls, rm, config (see colony --help)'],
    [['status', '--jsn'], '--jsn is not a flag of colony status: did you mean --json?'],
    [['--admn', 'http://127.0.0.1:1', 'status'], '--admn is not a flag of colony: did you mean --admin?'],
    [['purge', '--site', 'shop'], 'nothing of the site shop is named: add --everything for all of it, or URLs, --prefix or --tag'],
    [['purge', 'x'], '"x" is neither an http or https URL nor SITE:/PATH nor /PATH'],
    [['status', 'now'], '"now" is too much: colony status takes flags only (see colony status --help)'],
    [['status', '--admin'], '--admin has no value: expected --admin URL'],
    [['status', '--admin', '--json'], '--admin has no value: expected --admin URL'],
    [['status', '--json=yes'], '--json is "yes": expected no value'],
    [['status', '--admin', 'a b'], '--admin is "a b": expected a URL, such as http://127.0.0.1:9090'],
    [['status', '--admin', 'ftp://a'], '--admin is "ftp://a": expected a URL, such as http://127.0.0.1:9090']
  ])('the command line %j', async (args, text) => {
    expect(await colony(args)).toEqual(sentence(2, text))
  })

  it('the variable holds no address', async () => {
    expect(await colony(['status'], { COLONY_ADMIN: '::' })).toEqual(sentence(2, 'environment COLONY_ADMIN is "::": expected a URL, such as http://127.0.0.1:9090'))
  })
})

describe('the help', () => {
  it.each([
    [['--help'], /usage: colony \[--admin URL\] \[--json\] <command>[^]*status {2}[^]*peers {2}[^]*examples:\n {2}colony /],
    [['status', '--help'], /^colony status: [^]*--admin URL[^]*example:\n {2}colony .*status\n$/],
    [['peers', '-h'], /^colony peers: [^]*example:\n {2}colony .*peers\n$/],
    [['--version'], /^colony \d+\.\d+\.\d+\n$/]
  ])('of %j is printed, with an example', async (args, text) => {
    expect(await colony(args)).toEqual({ status: 0, stdout: expect.stringMatching(text), stderr: '' })
  })
})
