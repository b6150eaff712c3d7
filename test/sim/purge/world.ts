/**
 * A colony of `Purges` in virtual time: real cores and services, joined by a network that delays and loses calls and can be cut,
 * with disks that take time to sync and lose at a kill what they have not. The same seed gives the same run.
 */
import { RpcError, type Call } from '../../../protocols/rpc.ts'
import type { PeerName, Region } from '../../../protocols/ids.ts'
import type { LogEntry } from '../../../protocols/purge/log.ts'
import type { PurgeBatch, PurgeStore } from '../../../protocols/purge/ports.ts'
import type { Purge } from '../../../protocols/purge/purge.ts'
import { purgeIdText } from '../../../protocols/purge/selector.ts'
import { openPurges, type Purges } from '../../../protocols/purge/service.ts'
import { spreadDefaults, type SpreadSettings } from '../../../protocols/purge/settings.ts'
import { decodeFrame, encodeFrame } from '../../../protocols/wire.ts'
import { generator, VirtualClock } from '../directory/world.ts'

/** From a kill until others drop the edge, ms. */
const detectMs = 1_000

/** What is on an edge's disk. */
export class MemoryDisk {
  readonly entries = new Map<number, LogEntry>()
  readonly records = new Map<string, Uint8Array>()
  readonly #clock: VirtualClock
  readonly #syncMs: number

  constructor (clock: VirtualClock, syncMs = 2) {
    this.#clock = clock
    this.#syncMs = syncMs
  }

  /** @param lives whether the process that opened it does: nobody hears of what was being written when it was killed */
  open (lives: () => boolean): PurgeStore {
    return {
      load: async () => ({ entries: [...this.entries.values()].sort((one, other) => one.number - other.number), records: new Map(this.records), isDamaged: false }),
      write: async (batch) => {
        await new Promise<void>((resolve) => {
          this.#clock.after(this.#syncMs, () => {
            if (!lives()) return
            this.#put(batch)
            resolve()
          })
        })
      }
    }
  }

  #put ({ entries = [], drop = [], records = {} }: PurgeBatch): void {
    for (const entry of entries) this.entries.set(entry.number, entry)
    for (const number of drop) this.entries.delete(number)
    for (const [name, bytes] of Object.entries(records)) this.records.set(name, bytes)
  }
}

export interface SimEdge {
  readonly name: PeerName
  readonly region: Region
  readonly disk: MemoryDisk
  purges: Purges | undefined
  /** What was applied in this life, or restored into it; by id, when. */
  applied: Map<string, number>
  /** Times that everything was to be revalidated. */
  revalidations: Set<string>
  /** Since when it is down, ms. */
  downMs: number
  /** Times that it was started or killed: what is left of an earlier life does nothing. */
  life: number
  calls: number
}

export interface WorldInit {
  readonly seed: number
  readonly settings?: Partial<SpreadSettings>
  /** Round trips, ms: within a region and between two. */
  readonly nearMs?: readonly [number, number]
  readonly farMs?: readonly [number, number]
  readonly linksMax?: number
  /** What a sync of the disk takes, ms. */
  readonly syncMs?: number
}

export class World {
  readonly clock: VirtualClock
  readonly settings: SpreadSettings
  readonly edges = new Map<PeerName, SimEdge>()
  readonly left = new Set<PeerName>()
  loss = 0
  /** Whether a message from one to another arrives. */
  reaches: (from: SimEdge, to: SimEdge) => boolean = () => true
  /** Whose signatures an edge does not take. */
  distrusts: (edge: SimEdge, peer: PeerName) => boolean = () => false
  readonly #random: () => number
  readonly #init: WorldInit

  constructor (init: WorldInit) {
    this.#init = init
    this.#random = generator(init.seed)
    this.clock = new VirtualClock(this.#random)
    this.settings = { ...spreadDefaults, ...init.settings }
  }

  add (name: PeerName, region: Region): SimEdge {
    const edge: SimEdge = { name, region, disk: new MemoryDisk(this.clock, this.#init.syncMs), purges: undefined, applied: new Map(), revalidations: new Set(), downMs: this.clock.nowMs(), life: 0, calls: 0 }
    this.edges.set(name, edge)
    this.#membersChanged()
    return edge
  }

  async start (edge: SimEdge): Promise<void> {
    if (edge.purges !== undefined) return
    this.left.delete(edge.name)
    const { clock, settings } = this
    const life = ++edge.life
    const lives = (): boolean => edge.life === life
    const applied = new Map<string, number>()
    const knows = new Set<PeerName>()
    edge.applied = applied
    const apply = ({ id, soft, selectors }: Purge): void => {
      if (id.sequence === 0 && soft && selectors[0]?.kind === 'everything') edge.revalidations.add(purgeIdText(id))
      else applied.set(purgeIdText(id), clock.nowMs())
    }
    const purges = await openPurges({
      clock, settings,
      network: 'test',
      self: edge.name,
      region: edge.region,
      fences: true,
      expectsOthers: this.edges.size > 1,
      store: edge.disk.open(lives),
      applier: { apply },
      sign: () => Buffer.from(edge.name),
      verify: (peer, _message, signature) => !this.distrusts(edge, peer) && Buffer.from(signature).toString() === peer,
      call: this.#call(edge, lives),
      members: () => {
        // It hears of those that it can reach; those that it knows it goes on to know.
        for (const other of this.edges.values()) if (this.reaches(other, edge)) knows.add(other.name)
        return this.members().filter(({ peer }) => knows.has(peer))
      },
      isMember: (peer) => this.#isMember(this.edges.get(peer)),
      isLinked: (peer) => this.#isLinked(edge, this.edges.get(peer)),
      hasLeft: (peer) => this.left.has(peer),
      rttMs: (peer) => this.#rttMs(edge, this.edges.get(peer)!),
      logger: { info: () => {}, warn: () => {} }
    })
    purges.restore()
    edge.purges = purges
    void purges.start()
    if (life > 1) this.#membersChanged()
  }

  /** At once, as by SIGKILL: what was not synced is lost. */
  kill (edge: SimEdge): void {
    const { purges } = edge
    edge.purges = undefined
    edge.life++
    edge.downMs = this.clock.nowMs()
    void purges?.stop()
    this.clock.after(detectMs, () => { this.#membersChanged() })
  }

  /** Takes its leave. */
  leave (edge: SimEdge): void {
    this.kill(edge)
    this.left.add(edge.name)
    this.#membersChanged()
  }

  up (): SimEdge[] { return [...this.edges.values()].filter(({ purges }) => purges !== undefined) }
  members (): Array<{ peer: PeerName, region: Region, draining: boolean }> {
    return [...this.edges.values()].filter((edge) => this.#isMember(edge)).map(({ name, region }) => ({ peer: name, region, draining: false }))
  }

  /** Those that are down are missed after a while. */
  #isMember (edge: SimEdge | undefined): edge is SimEdge {
    return edge !== undefined && !this.left.has(edge.name) && (edge.purges !== undefined || this.clock.nowMs() < edge.downMs + detectMs)
  }

  #membersChanged (): void { for (const each of this.up()) each.purges?.membersChanged() }

  /** Until the condition holds, but not longer. @returns how long it took, ms */
  async until (condition: () => boolean, maxMs: number, stepMs = 1): Promise<number> {
    const beganMs = this.clock.nowMs()
    while (!condition() && this.clock.nowMs() - beganMs < maxMs) await this.clock.advance(stepMs)
    return this.clock.nowMs() - beganMs
  }

  #isLinked (one: SimEdge, other: SimEdge | undefined): boolean {
    if (other?.purges === undefined) return false
    if (one.region !== other.region) return place(`${one.name}${other.name}`) % 97 < 3
    return place([one.name, other.name].sort().join()) % 100 < (this.#init.linksMax ?? 16)
  }

  #rttMs (one: SimEdge, other: SimEdge): number {
    const [min, max] = one.region === other.region ? this.#init.nearMs ?? [1, 10] : this.#init.farMs ?? [80, 150]
    return min + place([one.name, other.name].sort().join(' ')) % 1_000 / 1_000 * (max - min)
  }

  #call (edge: SimEdge, lives: () => boolean): Call {
    return async (peer, head, { payload, timeoutMs = 5_000, signal } = {}) => {
      edge.calls++
      const bytes = encodeFrame(head, payload).subarray()
      const answer = Promise.withResolvers<ReturnType<typeof decodeFrame>>()
      const to = this.edges.get(peer)
      const silence = this.clock.after(timeoutMs, () => { answer.reject(new RpcError('COLONY_RPC_SILENT', peer, 'silent')) })
      const onAbort = (): void => { answer.reject(signal?.reason) }
      signal?.addEventListener('abort', onAbort, { once: true })
      const carry = (from: SimEdge, target: SimEdge, then: () => void): void => {
        if (!lives() || !this.reaches(from, target) || this.#random() < this.loss) return
        this.clock.after(this.#rttMs(from, target) / 2, then)
      }
      if (to !== undefined) {
        carry(edge, to, () => {
          const { purges } = to
          if (purges === undefined) return
          purges.answer(decodeFrame(bytes), edge.name, new AbortController().signal).then((message) => {
            const back = encodeFrame(message.head, message.payload).subarray()
            if (to.purges === purges) carry(to, edge, () => { answer.resolve(decodeFrame(back)) })
          }, (error: Error) => {
            carry(to, edge, () => { answer.reject(new RpcError('COLONY_RPC_REFUSED', peer, error.message)) })
          })
        })
      }
      try {
        return await answer.promise
      } finally {
        silence()
        signal?.removeEventListener('abort', onAbort)
      }
    }
  }
}

/** The same number for the same text, spread evenly enough. */
function place (text: string): number {
  let hash = 2_166_136_261
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 16_777_619) >>> 0
  return (hash ^ (hash >>> 13)) >>> 0
}
