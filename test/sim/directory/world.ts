/**
 * A region of directories in virtual time: real `Directory` objects on one clock that moves only when told, joined by a
 * network that delays, loses, repeats and reorders calls. Each edge has its own view of who is a member. The
 * same seed gives the same run.
 */
import { Directory } from '../../../protocols/directory/directory.ts'
import { directoryDefaults, type DirectorySettings } from '../../../protocols/directory/settings.ts'
import type { Clock } from '../../../protocols/clock.ts'
import { contentKey, type ContentKey, type PeerName } from '../../../protocols/ids.ts'
import { Ring } from '../../../protocols/locate/ring.ts'
import { RpcError, type Call } from '../../../protocols/rpc.ts'
import { decodeFrame, encodeFrame } from '../../../protocols/wire.ts'

/** Mulberry32. */
export function generator (state: number): () => number {
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296
  }
}

export function keyOf (index: number): ContentKey { return contentKey('site', `/${index}`) }

interface Timer { readonly atMs: number, readonly order: number, readonly callback: () => void, cancelled: boolean }

export class VirtualClock implements Clock {
  readonly random: () => number
  #nowMs = 0
  #order = 0
  /** A binary heap, the next timer first. */
  readonly #timers: Timer[] = []

  constructor (random: () => number) { this.random = random }

  wallMs = (): number => this.#nowMs
  nowMs = (): number => this.#nowMs

  after = (delayMs: number, callback: () => void): () => void => {
    const timer = { atMs: this.#nowMs + delayMs, order: this.#order++, callback, cancelled: false }
    const timers = this.#timers
    let at = timers.push(timer) - 1
    while (at > 0 && before(timer, timers[(at - 1) >> 1]!)) {
      timers[at] = timers[(at - 1) >> 1]!
      at = (at - 1) >> 1
    }
    timers[at] = timer
    return () => { timer.cancelled = true }
  }

  /** Runs what becomes due in its order, promises settling in between. */
  async advance (byMs: number): Promise<void> {
    const endMs = this.#nowMs + byMs
    await settle()
    for (let timer = this.#timers[0]; timer !== undefined && timer.atMs <= endMs; timer = this.#timers[0]) {
      this.#pop()
      if (timer.cancelled) continue
      this.#nowMs = Math.max(this.#nowMs, timer.atMs)
      timer.callback()
      await settle()
    }
    this.#nowMs = endMs
  }

  #pop (): void {
    const timers = this.#timers
    const last = timers.pop()!
    if (timers.length === 0) return
    let at = 0
    for (;;) {
      let child = 2 * at + 1
      if (child >= timers.length) break
      if (child + 1 < timers.length && before(timers[child + 1]!, timers[child]!)) child++
      if (!before(timers[child]!, last)) break
      timers[at] = timers[child]!
      at = child
    }
    timers[at] = last
  }
}

function before (a: Timer, b: Timer): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order)
}

async function settle (): Promise<void> {
  await new Promise((resolve) => { setImmediate(resolve) })
}

export interface Weather {
  /** One way, ms: uniform between both. */
  readonly delayMs: readonly [number, number]
  /** Of a request, and again of its answer. */
  readonly loss: number
  /** Of a request arriving twice. */
  readonly repeat: number
}

export const calm: Weather = { delayMs: [1, 5], loss: 0, repeat: 0 }
/** Some requests arrive after they were given up and repeated. */
export const storm: Weather = { delayMs: [1, 3_000], loss: 0.3, repeat: 0.3 }

export interface SimEdge {
  readonly name: PeerName
  readonly holdings: Set<ContentKey>
  directory: Directory
  up: boolean
  /** Times that it began. */
  starts: number
  /** Members as this edge sees them. */
  view: ReadonlySet<PeerName>
  ring: Ring
  bytesOut: number
  callsOut: number
}

export interface WorldInit {
  readonly seed: number
  readonly settings?: Partial<DirectorySettings>
  readonly pointsPerWeight?: number
}

export class World {
  readonly clock: VirtualClock
  readonly edges = new Map<PeerName, SimEdge>()
  weather = calm
  /** Edges that no call leaves or reaches. */
  readonly cutOff = new Set<PeerName>()
  readonly settings: DirectorySettings
  readonly #random: () => number
  readonly #pointsPerWeight: number
  /** One ring for each set of members. */
  readonly #rings = new Map<string, Ring>()

  constructor ({ seed, settings, pointsPerWeight = 32 }: WorldInit) {
    this.#random = generator(seed)
    this.clock = new VirtualClock(this.#random)
    this.settings = { ...directoryDefaults, ...settings }
    this.#pointsPerWeight = pointsPerWeight
  }

  /** Starts an edge, or one that was down again; the others see it soon. */
  join (name: PeerName, keeps = true): SimEdge {
    const known = this.edges.get(name)
    const edge = known ?? { name, holdings: new Set(), up: true, starts: 0, view: new Set(), ring: this.#ring([]), bytesOut: 0, callsOut: 0 } as unknown as SimEdge
    if (!keeps) edge.holdings.clear()
    edge.up = true
    edge.starts++
    edge.directory = this.#directory(edge)
    this.edges.set(name, edge)
    this.see(edge, this.members())
    edge.directory.start()
    this.#spread()
    return edge
  }

  /** Stops an edge. @param noticed whether the others see it leave */
  crash (name: PeerName, noticed: boolean): void {
    const edge = this.edge(name)
    edge.up = false
    edge.directory.stop()
    if (noticed) this.#spread()
  }

  edge (name: PeerName): SimEdge { return this.edges.get(name)! }
  members (): PeerName[] { return [...this.edges.values()].filter(({ up }) => up).map(({ name }) => name) }

  hold (name: PeerName, key: ContentKey): void {
    this.edge(name).holdings.add(key)
    if (this.edge(name).up) this.edge(name).directory.held(key)
  }

  drop (name: PeerName, key: ContentKey): void {
    this.edge(name).holdings.delete(key)
    if (this.edge(name).up) this.edge(name).directory.dropped(key)
  }

  /** What one edge believes of the members from now on. */
  see (edge: SimEdge, members: readonly PeerName[]): void {
    edge.view = new Set([...members, edge.name])
    const ring = this.#ring([...edge.view])
    edge.directory.membersChanged()
    if (ring === edge.ring) return
    edge.ring = ring
    edge.directory.ringChanged()
  }

  /** Everyone hears of the members as they are, each a little later. */
  #spread (): void {
    for (const edge of this.edges.values()) this.clock.after(this.#random() * 1_000, () => { if (edge.up) this.see(edge, this.members()) })
  }

  #ring (members: readonly PeerName[]): Ring {
    const id = members.toSorted().join()
    const ring = this.#rings.get(id) ?? new Ring(members.map((peer) => ({ peer, weight: 1 })), { pointsPerWeight: this.#pointsPerWeight, weightMax: 1 })
    this.#rings.set(id, ring)
    return ring
  }

  #directory (edge: SimEdge): Directory {
    return new Directory({
      self: edge.name,
      clock: this.clock,
      settings: this.settings,
      call: this.#call(edge),
      ring: () => edge.ring,
      regionMembers: () => edge.view,
      isMember: (peer) => edge.view.has(peer),
      incarnation: (peer) => this.edges.get(peer)?.starts,
      held: () => edge.holdings,
      holds: (key) => edge.holdings.has(key),
      rttMs: () => undefined,
      load: () => undefined
    })
  }

  #delayMs (): number {
    const [min, max] = this.weather.delayMs
    return min + this.#random() * (max - min)
  }

  #call (edge: SimEdge): Call {
    return async (peer, head, { payload, timeoutMs = 5_000, signal } = {}) => {
      const bytes = encodeFrame(head, payload).subarray()
      edge.bytesOut += bytes.byteLength
      edge.callsOut++
      const answer = Promise.withResolvers<ReturnType<typeof decodeFrame>>()
      const silence = this.clock.after(timeoutMs, () => { answer.reject(new RpcError('COLONY_RPC_SILENT', peer, 'silent')) })
      const onAbort = (): void => { answer.reject(signal?.reason) }
      signal?.addEventListener('abort', onAbort, { once: true })
      const deliver = (): void => {
        if (this.cutOff.has(edge.name) || this.cutOff.has(peer) || this.#random() < this.weather.loss) return
        this.clock.after(this.#delayMs(), () => {
          const to = this.edges.get(peer)
          if (to?.up !== true) return
          to.directory.answer(decodeFrame(bytes), edge.name, new AbortController().signal).then((message) => {
            const back = encodeFrame(message.head, message.payload).subarray()
            to.bytesOut += back.byteLength
            if (this.#random() < this.weather.loss) return
            this.clock.after(this.#delayMs(), () => { answer.resolve(decodeFrame(back)) })
          }, (error: Error) => {
            this.clock.after(this.#delayMs(), () => { answer.reject(new RpcError('COLONY_RPC_REFUSED', peer, error.message)) })
          })
        })
      }
      deliver()
      if (this.#random() < this.weather.repeat) deliver()
      try {
        return await answer.promise
      } finally {
        silence()
        signal?.removeEventListener('abort', onAbort)
      }
    }
  }

  /** What the owners' directories say, and what they should: who holds which key, the owner itself left out. */
  compare (): { said: Record<string, string>, true: Record<string, string> } {
    const said: Record<string, string> = {}
    const truth: Record<string, string> = {}
    const up = [...this.edges.values()].filter((edge) => edge.up)
    const keys = new Set([...this.edges.values()].flatMap(({ holdings }) => [...holdings]))
    for (const owner of up) {
      for (const key of keys) {
        if (owner.ring.owner(key) !== owner.name) continue
        truth[`${owner.name} ${key}`] = up.filter((edge) => edge !== owner && edge.holdings.has(key)).map(({ name }) => name).sort().join()
        said[`${owner.name} ${key}`] = owner.directory.holders(key).toSorted().join()
      }
      truth[owner.name] = String(Object.entries(truth).filter(([id, holders]) => id.startsWith(`${owner.name} `) && holders !== '').length)
      said[owner.name] = String(owner.directory.counters().entries)
    }
    return { said, true: truth }
  }
}
