/** What the Raft benches stand on: three edges and, where Debian's etcd-server is installed, three etcd, as processes of their own. */
import { fork, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { RaftEdgeNews, RaftEdgeOrder, RaftEdgeReady, RaftEdgeStatus } from './raft-edge.ts'

export interface RaftEdge extends RaftEdgeReady { readonly child: ChildProcess, readonly folder: string, readonly host: string }

/** What a load is put on. */
export interface Target {
  readonly name: string
  readonly url: string
  readonly path: (index: number) => string
  readonly body: (value: Buffer, index: number) => string
  /** Processes that serve it. */
  readonly pids: readonly number[]
}

export async function until<T> (what: string, look: () => Promise<T | undefined>, deadlineMs = 30_000): Promise<T> {
  const endMs = performance.now() + deadlineMs
  for (;;) {
    const found = await look().catch(() => undefined)
    if (found !== undefined) return found
    if (performance.now() > endMs) throw new Error(`not within ${deadlineMs} ms: ${what}`)
    await sleep(10)
  }
}

export class RaftRig {
  readonly edges: RaftEdge[] = []
  readonly #delayMs: number
  #folder = ''

  /** @param delayMs of every link, one way */
  constructor (delayMs = 0) { this.#delayMs = delayMs }

  async start (count = 3): Promise<this> {
    this.#folder = await mkdtemp(join(tmpdir(), 'colony-bench-raft-'))
    await Promise.all(Array.from({ length: count }, async (_, at) => { this.edges[at] = await this.#spawn(join(this.#folder, `edge-${at}`), `127.77.0.${at + 1}`) }))
    this.#tell('group-of-the-bench')
    await this.leader()
    return this
  }

  async status ({ http }: RaftEdge): Promise<RaftEdgeStatus> {
    return await (await fetch(`${http}/status`)).json() as RaftEdgeStatus
  }

  async leader (): Promise<RaftEdge> {
    return await until('one edge leads', async () => {
      for (const edge of this.edges) if ((await this.status(edge).catch(() => undefined))?.leads === true) return edge
      return undefined
    })
  }

  /** kill -9. @returns the moment of it, ms */
  kill (edge: RaftEdge): number {
    this.edges.splice(this.edges.indexOf(edge), 1)
    const atMs = performance.now()
    edge.child.kill('SIGKILL')
    return atMs
  }

  /** Starts a killed one again, on its folder and address, and waits until it has what the others have. */
  async revive (dead: RaftEdge): Promise<void> {
    if (dead.child.exitCode === null && dead.child.signalCode === null) await once(dead.child, 'exit')
    const edge = await this.#spawn(dead.folder, dead.host, dead.address.split('/p2p/')[0])
    this.edges.push(edge)
    this.#tell()
    await until('it caught up', async () => {
      const [own, ...others] = await Promise.all([edge, ...this.edges].map(async (each) => await this.status(each)))
      return others.every(({ count, leader }) => count === own!.count && leader !== undefined) ? true : undefined
    })
  }

  target (leader: RaftEdge): Target {
    return {
      name: 'colony',
      url: leader.http,
      path: () => '/propose',
      body: (value) => JSON.stringify({ value: value.toString('base64') }),
      pids: this.edges.map(({ child }) => child.pid!)
    }
  }

  async stop (): Promise<void> {
    for (const { child } of this.edges) child.kill('SIGKILL')
    await rm(this.#folder, { recursive: true, force: true, maxRetries: 5 })
  }

  #tell (group?: string): void {
    const news: RaftEdgeNews = { members: this.edges.map(({ peer }) => peer), addresses: this.edges.map(({ address }) => address), ...(group !== undefined && { group }) }
    for (const { child } of this.edges) child.send(news)
  }

  async #spawn (folder: string, host: string, listen?: string): Promise<RaftEdge> {
    const order: RaftEdgeOrder = { folder, host, delayMs: this.#delayMs, ...(listen !== undefined && { listen }) }
    const child = fork(fileURLToPath(new URL('raft-edge.ts', import.meta.url)), [JSON.stringify(order)], { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] })
    const [ready] = await Promise.race([once(child, 'message'), once(child, 'exit').then(() => { throw new Error('an edge ended before it was ready') })]) as [RaftEdgeReady]
    return { ...ready, child, folder, host }
  }
}

/** Three etcd on free ports, their default settings. */
export class EtcdRig {
  readonly #children: ChildProcess[] = []
  #folder = ''
  #clients: string[] = []
  version = ''

  /** @returns undefined where there is none */
  async start (): Promise<this | undefined> {
    const probe = spawn('etcd', ['--version'], { stdio: ['ignore', 'pipe', 'ignore'] })
    let said = ''
    probe.stdout.on('data', (data: Buffer) => { said += data.toString() })
    if (await Promise.race([once(probe, 'error').then(() => true), once(probe, 'close').then(() => false)])) return undefined
    this.version = /etcd Version: (\S+)/.exec(said)?.[1] ?? 'unknown'
    this.#folder = await mkdtemp(join(tmpdir(), 'colony-bench-etcd-'))
    const ports = await freePorts(6)
    const cluster = [0, 1, 2].map((at) => `n${at}=http://127.0.0.1:${ports[at]}`).join()
    for (const at of [0, 1, 2]) {
      const client = `http://127.0.0.1:${ports[at + 3]}`
      const peer = `http://127.0.0.1:${ports[at]}`
      this.#clients.push(client)
      this.#children.push(spawn('etcd', [
        '--name', `n${at}`, '--data-dir', join(this.#folder, `n${at}`), '--initial-cluster', cluster, '--initial-cluster-token', 'bench',
        '--listen-client-urls', client, '--advertise-client-urls', client, '--listen-peer-urls', peer, '--initial-advertise-peer-urls', peer, '--log-level', 'error'
      ], { stdio: 'ignore', env: { PATH: process.env.PATH, ETCD_UNSUPPORTED_ARCH: process.arch } }))
    }
    return this
  }

  async target (): Promise<Target> {
    const url = await until('one etcd leads', async () => {
      for (const each of this.#clients) {
        const response = await fetch(`${each}/v3/maintenance/status`, { method: 'POST', body: '{}' })
        const status = await response.json() as { leader?: string, header: { member_id: string } }
        if (status.leader !== undefined && status.leader === status.header.member_id) return each
      }
      return undefined
    })
    const keys = Array.from({ length: 1_000 }, (_, at) => Buffer.from(`key-${at}`).toString('base64'))
    return {
      name: `etcd ${this.version}`,
      url,
      path: () => '/v3/kv/put',
      body: (value, index) => JSON.stringify({ key: keys[index % keys.length], value: value.toString('base64') }),
      pids: this.#children.map(({ pid }) => pid!)
    }
  }

  async stop (): Promise<void> {
    for (const child of this.#children) child.kill('SIGKILL')
    await Promise.all(this.#children.map(async (child) => { if (child.exitCode === null && child.signalCode === null) await once(child, 'exit') }))
    if (this.#folder !== '') await rm(this.#folder, { recursive: true, force: true, maxRetries: 5 })
  }
}

/** Processor time that a process has used, ms. */
export function cpuMs (pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ')[1]!.split(' ')
  // In ticks of a hundredth of a second, as Linux has them for every program.
  return (Number(fields[11]) + Number(fields[12])) * 10
}

async function freePorts (count: number): Promise<number[]> {
  const servers = await Promise.all(Array.from({ length: count }, async () => {
    const server = createServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    return server
  }))
  const ports = servers.map((server) => (server.address() as AddressInfo).port)
  await Promise.all(servers.map(async (server) => { server.close(); await once(server, 'close') }))
  return ports
}
