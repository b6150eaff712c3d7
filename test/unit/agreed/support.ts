/** Edges of one region in one process: real Raft groups over a carrier, a clock and disks that the test holds in its hand. */
import { setImmediate as turn } from 'node:timers/promises'
import { agreedDefaults } from '../../../daemon/agreed/settings.ts'
import { AgreedConfig, type AgreedConfigInit, type ChangeRequest } from '../../../daemon/agreed/service.ts'
import type { Records } from '../../../daemon/agreed/kept.ts'
import { configDefaults } from '../../../protocols/config/settings.ts'
import type { Change } from '../../../protocols/config/prepare.ts'
import type { AgreedSettings } from '../../../protocols/config/schema.ts'
import { RaftGroup } from '../../../protocols/raft/group.ts'
import { raftServiceDefaults } from '../../../protocols/raft/service-settings.ts'
import { raftDefaults } from '../../../protocols/raft/settings.ts'
import { RpcError } from '../../../protocols/rpc.ts'
import { HeldStore } from '../raft-service/support.ts'
import { stillClock } from '../../support/store.ts'

export const shop = { hosts: ['shop.example.org'], origins: ['https://origin.example.org/'] }
export const quiet = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} }
export const settings = { ...configDefaults, ...agreedDefaults }

export class MemoryRecords implements Records {
  readonly written = new Map<string, Uint8Array>()
  full = false
  async get (name: string): Promise<Uint8Array | undefined> { return this.written.get(name) }
  async put (name: string, value: Uint8Array): Promise<void> {
    if (this.full) throw new Error('no space is left')
    this.written.set(name, value)
  }
}

export interface TestEdge {
  readonly name: string
  readonly agreed: AgreedConfig
  readonly records: MemoryRecords
  /** What was put in place, in order. */
  readonly ran: AgreedSettings[]
  /** Undefined while the group is not running. */
  raft: RaftGroup | undefined
  /** Throws what the edge says against a version. */
  objection: ((settings: AgreedSettings) => void) | undefined
}

export class TestRegion {
  readonly clock = stillClock()
  readonly edges = new Map<string, TestEdge>()
  /** Edges that nobody reaches, and who reach nobody. */
  readonly cut = new Set<string>()
  readonly #names: readonly string[]
  readonly #random: Readonly<Record<string, number>>
  #requests = 0

  constructor (names: readonly string[]) {
    this.#names = names
    this.#random = Object.fromEntries(names.map((name, at) => [name, at / names.length]))
    this.clock.advance(1_000_000)
  }

  /** Starts all, with a group of all of them as voters. */
  static async of (...names: readonly string[]): Promise<TestRegion> {
    const region = new TestRegion(names)
    for (const name of names) await region.start(name)
    for (const { raft } of region.edges.values()) await raft!.found('g', { voters: [...names], learners: [] })
    await region.until(() => region.leader !== undefined)
    return region
  }

  async start (name: string, { records = new MemoryRecords(), raft = true, slot = 'regional', init = {} }: { records?: MemoryRecords, raft?: boolean, slot?: 'regional' | 'global', init?: Partial<AgreedConfigInit> } = {}): Promise<TestEdge> {
    const clock = { ...this.clock, random: () => this.#random[name]! }
    const edge: TestEdge = {
      name, records, ran: [], raft: undefined, objection: undefined,
      agreed: new AgreedConfig({
        self: name, region: 'fra', clock, logger: quiet, settings, records,
        groups: { regional: () => slot === 'regional' ? edge.raft : undefined, global: () => slot === 'global' ? edge.raft : undefined },
        call: async (peer, head, { payload: sent = new Uint8Array() } = {}) => {
          const other = this.edges.get(peer)
          if (other === undefined || this.cut.has(name) || this.cut.has(peer)) throw new RpcError('COLONY_RPC_SILENT', peer, 'silent')
          const { head: answer, payload = new Uint8Array() } = await other.agreed.answer({ head: { ...head }, payload: sent }, name, new AbortController().signal)
          return { head: { ...answer }, payload }
        },
        members: () => this.#names.map((peer) => ({ peer, name: `edge-${peer}`, region: 'fra', weight: 1 })),
        isReachable: (peer) => !this.cut.has(name) && !this.cut.has(peer),
        isLinked: (peer) => !this.cut.has(name) && !this.cut.has(peer),
        run: (given) => {
          edge.objection?.(given)
          edge.ran.push(given)
        },
        ...init
      })
    }
    this.edges.set(name, edge)
    await edge.agreed.start()
    if (raft) {
      edge.raft = new RaftGroup({
        slot: 'region', store: new HeldStore(), machine: edge.agreed.machine(slot), raft: raftDefaults, peers: () => this.#names, mayJoin: () => true,
        onChange: () => { edge.agreed.changed() }
      }, {
        self: name, clock, settings: raftServiceDefaults, logger: { warn: () => {} },
        send: (message) => { if (!this.cut.has(name) && !this.cut.has(message.to)) this.edges.get(message.to)?.raft?.receive(message) },
        sendNote: () => {}
      })
      await edge.raft.start()
    }
    return edge
  }

  at (name: string): TestEdge { return this.edges.get(name)! }
  get leader (): TestEdge | undefined { return [...this.edges.values()].find(({ name, raft }) => !this.cut.has(name) && raft?.leads() !== undefined) }

  /** Lets time pass until `condition` holds. */
  async until (condition: () => boolean, maxMs = 60_000): Promise<void> {
    for (let passed = 0; !condition(); passed += raftDefaults.tickMs) {
      if (passed > maxMs) throw new Error('the condition did not come true')
      this.clock.advance(raftDefaults.tickMs)
      await settled()
    }
  }

  async pass (ms: number): Promise<void> {
    let passed = 0
    await this.until(() => (passed += raftDefaults.tickMs) > ms, ms + 1_000)
  }

  /** What a promise brings, while time passes. */
  async outcome<T> (promise: Promise<T>): Promise<T> {
    let over = false
    const end = promise.finally(() => { over = true })
    end.catch(() => {})
    await settled()
    await this.until(() => over)
    return await end
  }

  async change (name: string, change: Change, request: Partial<ChangeRequest> = {}): ReturnType<AgreedConfig['change']> {
    return await this.outcome(this.at(name).agreed.change(change, { scope: 'regional', id: `key ${++this.#requests}`, author: 'ann@desk', reason: 'because', plan: 'now', ...request }))
  }
}

/** Until all that can happen without time has happened. */
export async function settled (): Promise<void> {
  for (let count = 0; count < 20; count++) await turn()
}
