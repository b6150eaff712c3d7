/**
 * A colony of publishing parts without sockets: each edge is a `Publish` on a folder of its own, calls go through the
 * wire's own encoding, bytes are pulled straight from the other's store. Edges can be stopped, cut off and
 * brought back; the member list is what the test says it is.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { systemClock } from '../../../daemon/clock.ts'
import { Sites } from '../../../daemon/cache/sites.ts'
import type { SiteConfig } from '../../../daemon/config.ts'
import { Publish, type PutInit, type ReadResult } from '../../../daemon/publish/publish.ts'
import { createStore } from '../../../daemon/store/index.ts'
import type { Origin } from '../../../daemon/origin/origin.ts'
import type { Fields } from '../../../protocols/fields.ts'
import type { BodyName } from '../../../protocols/publish/manifest.ts'
import type { ReadLevel } from '../../../protocols/publish/reader.ts'
import { publishDefaults, type PublishSettings } from '../../../protocols/publish/settings.ts'
import type { Written } from '../../../protocols/publish/writer.ts'
import { RpcError, type Call } from '../../../protocols/rpc.ts'
import { messageOf } from '../../../protocols/errors.ts'
import { decodeFrame, encodeFrame } from '../../../protocols/wire.ts'
import { settingsOf } from '../../support/store.ts'

export const never = new AbortController().signal

/** Quick, but nothing is repaired unless a test asks for it. */
export const calm: Partial<PublishSettings> = { callTimeoutMs: 1_000, holdTimeoutMs: 2_000, repairSettleMs: 3_600_000, repairIntervalMs: 3_600_000 }

/** Repair at once. */
export const eager: Partial<PublishSettings> = { callTimeoutMs: 500, holdTimeoutMs: 1_000, repairSettleMs: 20, repairIntervalMs: 200, repairDelayMs: 400, surplusKeepMs: 100 }

export interface TestEdge {
  readonly name: string
  readonly region: string
  readonly zone: string | undefined
  readonly folder: string
  publish: Publish
  /** Whether it answers calls. */
  up: boolean
  /** Calls that it answered, by verb. */
  readonly calls: string[]
  /** Called before each answer: may wait, or throw to fail the call. */
  onCall: (verb: string) => Promise<void> | void
}

export interface TestColonyInit {
  /** `region` or `region/zone`, one for each edge; they are named a, b, c and so on. */
  readonly places: readonly string[]
  readonly settings?: Partial<PublishSettings>
  readonly sites?: readonly SiteConfig[]
  /** How far wall clocks are off, ms, by edge. */
  readonly skewsMs?: Readonly<Record<string, number>>
}

const logger = { warn: () => {} }

export class TestColony {
  readonly edges: TestEdge[] = []
  /** Names of those in the member list. */
  members: string[] = []
  /** How far all clocks have been put on, ms; timers run by the machine's all the same. */
  aheadMs = 0
  readonly #settings: PublishSettings
  readonly #sites: readonly SiteConfig[]
  readonly #skewsMs: Readonly<Record<string, number>>

  constructor (init: TestColonyInit) {
    this.#skewsMs = init.skewsMs ?? {}
    this.#settings = { ...publishDefaults, ...init.settings }
    this.#sites = init.sites ?? []
  }

  edge (name: string): TestEdge {
    const found = this.edges.find((each) => each.name === name)
    if (found === undefined) throw new Error(`no edge ${name}`)
    return found
  }

  async add (place: string): Promise<TestEdge> {
    const name = String.fromCharCode(97 + this.edges.length)
    const [region = '', zone] = place.split('/')
    const folder = await mkdtemp(join(tmpdir(), 'colony-publish-'))
    const edge: TestEdge = { name, region, zone, folder, up: true, calls: [], onCall: () => {}, publish: undefined as unknown as Publish }
    this.edges.push(edge)
    await this.#start(edge)
    return edge
  }

  /** The edge's process ends, and its members are told at once where `told`. */
  async stop (edge: TestEdge, told = true): Promise<void> {
    edge.up = false
    edge.publish.stop()
    await edge.publish.store.stop()
    if (told) this.leave(edge)
  }

  leave (edge: TestEdge): void {
    this.members = this.members.filter((name) => name !== edge.name)
    this.#tell()
  }

  join (edge: TestEdge): void {
    if (!this.members.includes(edge.name)) this.members.push(edge.name)
    this.#tell()
  }

  /** It comes back on its folder. */
  async restart (edge: TestEdge): Promise<void> {
    await this.#start(edge)
  }

  async close (): Promise<void> {
    for (const edge of this.edges) {
      if (edge.up) await this.stop(edge, false)
      await rm(edge.folder, { recursive: true, force: true, maxRetries: 5 })
    }
  }

  /** The edges in the order in which they hold a path of the site. */
  replicas (path: string, n: number, site = 'default'): TestEdge[] {
    const { publish } = this.edges.find(({ up }) => up)!
    return publish.replicas(publish.address(site, path).key, n).map((peer) => this.edge(peer))
  }

  async #start (edge: TestEdge): Promise<void> {
    const sites = new Sites(this.#sites, () => ({ url: 'http://origin' }) as Origin)
    const call: Call = async (peer, head, options = {}) => {
      const to = this.edge(peer)
      const request = decodeFrame(encodeFrame({ ...head }, options.payload).subarray())
      const verb = String(request.head.verb)
      const silent = new RpcError('COLONY_RPC_SILENT', peer, `peer ${peer} gave no answer`)
      if (!to.up || !edge.up) throw silent
      try {
        await to.onCall(verb)
        to.calls.push(verb)
        const answer = await Promise.race([to.publish.answer(request, edge.name, never), aborted(options.signal)])
        if (!to.up) throw silent
        return decodeFrame(encodeFrame({ ...answer.head }, answer.payload).subarray())
      } catch (error) {
        if (error instanceof RpcError) throw error
        throw new RpcError('COLONY_RPC_REFUSED', peer, messageOf(error))
      }
    }
    const publish: Publish = new Publish({
      folder: edge.folder,
      settings: this.#settings,
      clock: { ...systemClock, nowMs: () => systemClock.nowMs() + this.aheadMs, wallMs: () => systemClock.wallMs() + (this.#skewsMs[edge.name] ?? 0) },
      logger,
      self: edge.name,
      sites,
      call,
      pull: (peer, body, options) => this.#pull(edge, peer, body, options.offset ?? 0),
      members: () => this.members.map((name) => this.edge(name)).map(({ name, region, zone }) => ({ peer: name, region, zone, weight: 1 })),
      inner: createStore({ folder: edge.folder, settings: settingsOf({ diskBytesMax: 0 }), clock: systemClock, logger }),
      onChange: () => {}
    })
    edge.publish = publish
    await publish.store.start()
    edge.up = true
    this.join(edge)
    publish.start()
  }

  async * #pull (to: TestEdge, peer: string, body: BodyName, offset: number): AsyncGenerator<Uint8Array> {
    const from = this.edges.find(({ name }) => name === peer)
    if (from === undefined) throw new Error(`peer ${peer} cannot be reached`)
    const head = from.up && to.up ? from.publish.store.byHash(body.site, body.target, body.key, body.hash) : undefined
    const reader = head === undefined ? undefined : await from.publish.store.open(head)
    if (head === undefined || reader === undefined) throw new Error(`peer ${peer} does not have the bytes`)
    try {
      for (let at = offset; at < head.length;) {
        if (!from.up) throw new Error(`peer ${peer} broke off`)
        const bytes = await reader.read(at, 64 * 1024)
        at += bytes.byteLength
        yield bytes
      }
    } finally {
      reader.close()
    }
  }

  #tell (): void {
    for (const edge of this.edges) if (edge.up) edge.publish.changed()
  }
}

export async function testColony (init: TestColonyInit): Promise<TestColony> {
  const colony = new TestColony(init)
  onTestFinished(async () => { await colony.close() })
  for (const place of init.places) await colony.add(place)
  return colony
}

async function aborted (signal: AbortSignal | undefined): Promise<never> {
  return await new Promise((_resolve, reject) => {
    signal?.addEventListener('abort', () => { reject(signal.reason as Error) }, { once: true })
  })
}

export async function put ({ publish }: TestEdge, path: string, text: string, more: Partial<Omit<PutInit, 'fields'>> & { fields?: Fields, site?: string } = {}): Promise<Written> {
  const { site = 'default', fields = [], ...rest } = more
  return await publish.put(publish.address(site, path), { fields, body: bodyFrom(text), signal: never, ...rest })
}

export async function remove ({ publish }: TestEdge, path: string): Promise<Written> {
  return await publish.remove(publish.address('default', path), { fields: [], signal: never })
}

export async function * bodyFrom (text: string, chunkBytes = 1_000): AsyncGenerator<Uint8Array> {
  const bytes = Buffer.from(text)
  for (let at = 0; at < bytes.byteLength; at += chunkBytes) yield bytes.subarray(at, at + chunkBytes)
}

/** The text at a level; undefined where nothing is published. */
export async function read ({ publish }: TestEdge, path: string, level: ReadLevel = 'one'): Promise<string | undefined> {
  const result = await publish.read(publish.address('default', path), level, never)
  return await textOf(result)
}

export async function textOf (result: ReadResult): Promise<string | undefined> {
  if (result.kind === 'none') return undefined
  const chunks = await Array.fromAsync(result.read(0, result.head.length))
  return Buffer.concat(chunks).toString()
}

/** What an edge serves by itself, without asking any other. */
export async function here ({ publish, up }: TestEdge, path: string): Promise<string | undefined> {
  if (!up) return undefined
  const { key } = publish.address('default', path)
  const [head] = publish.store.variants(key)
  if (head === undefined || head.status !== 200) return undefined
  const reader = await publish.store.open(head)
  if (reader === undefined) return undefined
  try {
    return Buffer.from(await reader.read(0, head.length)).toString()
  } finally {
    reader.close()
  }
}
