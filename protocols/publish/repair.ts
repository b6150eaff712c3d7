/**
 * Keeps every published object on the edges that should hold it. Each holder compares the newest version of its keys with
 * the key's other replicas, by peer and in batches; pushes what a replica lacks, takes what another knows better, and drops
 * what belongs elsewhere once everyone who should hold it does. It runs after the members changed and at an interval, so
 * nothing depends on any one message, and on no edge in particular: whoever still holds a copy brings it on.
 *
 * An edge that restarts keeps its place for `repairDelayMs` (placement.ts), and does not push at all for as long after its
 * own start: it may not know all members yet, and would copy everything to the few that it knows.
 */
import { deadline } from '../clock.ts'
import type { ContentKey, PeerName } from '../ids.ts'
import { isForgotten, type History } from './history.ts'
import type { Manifest } from './manifest.ts'
import type { Known } from './messages.ts'
import type { PublishPorts } from './ports.ts'
import { patienceMs, type Replica } from './replica.ts'
import { Slots } from './slots.ts'

export interface RepairCounters {
  rounds: number
  /** Versions brought to a replica that lacked them. */
  pushed: number
  /** Keys of which another edge knew more. */
  learned: number
  /** Keys dropped as they belong elsewhere, or were deleted long ago. */
  dropped: number
  /** Calls and transfers that failed; they are tried again in the next round. */
  failed: number
}

export interface RepairInit extends PublishPorts {
  readonly replicaAt: (peer: PeerName) => Replica
}

export class Repair {
  readonly #init: RepairInit
  readonly #counters: RepairCounters = { rounds: 0, pushed: 0, learned: 0, dropped: 0, failed: 0 }
  /** Since when all who should hold a key that this edge should not do, by its newest version, ms. */
  readonly #surplus = new Map<ContentKey, { readonly history: History, readonly sinceMs: number }>()
  #stopped = new AbortController()
  #startedMs = 0
  #cancel = (): void => {}
  #dueMs = Infinity
  #running = false
  #again = false

  constructor (init: RepairInit) { this.#init = init }

  counters (): Readonly<RepairCounters> { return this.#counters }

  start (): void {
    this.#stopped = new AbortController()
    this.#startedMs = this.#init.clock.nowMs()
    this.#plan(this.#init.settings.repairSettleMs)
  }

  /** May be called twice. A transfer under way is given up. */
  stop (): void {
    this.#cancel()
    this.#stopped.abort(new DOMException('the edge is stopping', 'AbortError'))
  }

  /** The members changed: compare soon. */
  changed (): void {
    this.#plan(this.#init.settings.repairSettleMs)
  }

  /** Runs a round at `delayMs` from now at the latest. */
  #plan (delayMs: number): void {
    if (this.#stopped.signal.aborted) return
    const { clock } = this.#init
    const dueMs = clock.nowMs() + delayMs
    if (dueMs >= this.#dueMs) return
    this.#cancel()
    this.#dueMs = dueMs
    this.#cancel = clock.after(delayMs, () => {
      this.#dueMs = Infinity
      void this.#run()
    })
  }

  async #run (): Promise<void> {
    this.#again = true
    if (this.#running) return
    this.#running = true
    const { clock, settings, placement } = this.#init
    try {
      while (this.#again && !this.#stopped.signal.aborted) {
        this.#again = false
        await this.round()
      }
    } finally {
      this.#running = false
      const { repairIntervalMs, repairDelayMs, surplusKeepMs } = settings
      const nowMs = clock.nowMs()
      const pushingMs = this.#startedMs + repairDelayMs
      const surplusMs = Array.from(this.#surplus.values()).reduce((first, { sinceMs }) => Math.min(first, sinceMs + surplusKeepMs), Infinity)
      const nextMs = Math.min(placement.nextChangeMs(), surplusMs, pushingMs > nowMs ? pushingMs : Infinity, nowMs + repairIntervalMs)
      this.#plan(Math.max(settings.repairSettleMs, nextMs - nowMs))
    }
  }

  /** One comparison of everything. Never rejects: what fails is counted and left to the next round. */
  async round (): Promise<void> {
    const { clock, settings, placement, holdings, self } = this.#init
    this.#counters.rounds++
    placement.tick(clock.nowMs())
    const pushes = clock.nowMs() - this.#startedMs >= settings.repairDelayMs
    const byPeer = new Map<PeerName, Known[]>()
    const surplus: ContentKey[] = []
    let looked = 0
    for (const key of holdings.keys()) {
      // Thousands of keys are looked at: requests go in between.
      if (++looked % 100 === 0) await new Promise((resolve) => { setImmediate(resolve) })
      const [newest] = holdings.history(key)
      if (newest === undefined) continue
      if (isForgotten([newest], clock.wallMs(), settings.tombstoneKeepMs)) {
        await this.#drop(key)
        continue
      }
      const wanted = this.#holdersOf(newest)
      if (!wanted.has(self) && placement.isHere(self)) surplus.push(key)
      for (const peer of wanted) {
        if (peer === self || !placement.isHere(peer)) continue
        const list = byPeer.get(peer) ?? []
        list.push({ key, version: newest.version })
        byPeer.set(peer, list)
      }
    }
    const lacking = new Map<ContentKey, Set<PeerName>>()
    const unsure = new Set<PeerName>()
    await Promise.all(Array.from(byPeer, async ([peer, known]) => {
      for (let at = 0; at < known.length; at += settings.compareBatchMax) {
        await this.#compare(peer, known.slice(at, at + settings.compareBatchMax), pushes, lacking, unsure)
      }
    }))
    this.#judge(surplus, lacking, unsure)
    await this.#dropSurplus()
  }

  /** Edges that should hold a manifest's key by either view. */
  #holdersOf ({ key, copies }: Manifest): Set<PeerName> {
    const { placement } = this.#init
    return new Set([...placement.settled(key, copies), ...placement.replicas(key, copies)])
  }

  async #compare (peer: PeerName, known: readonly Known[], pushes: boolean, lacking: Map<ContentKey, Set<PeerName>>, unsure: Set<PeerName>): Promise<void> {
    const { replicaAt, settings, placement } = this.#init
    const signal = this.#stopped.signal
    try {
      const compared = await replicaAt(peer).compare(known, signal)
      const slots = new Slots(settings.repairInFlightMax)
      const work = [...new Set(compared.newer)].map(async (index) => {
        const key = known[index]?.key
        if (key !== undefined) await this.#attempt(slots, async () => { await this.#learn(peer, key) })
      })
      for (const index of new Set(compared.lacking)) {
        const key = known[index]?.key
        if (key === undefined) continue
        lacking.set(key, (lacking.get(key) ?? new Set()).add(peer))
        // Who stands in for an edge that may come back gets what is written meanwhile, not all that was before.
        const copies = this.#init.holdings.history(key)[0]?.copies ?? 0
        if (pushes && placement.settled(key, copies).includes(peer)) work.push(this.#attempt(slots, async () => { await this.#push(peer, key) }))
      }
      await Promise.all(work)
    } catch {
      this.#counters.failed++
      unsure.add(peer)
    }
  }

  async #attempt (slots: Slots, work: () => Promise<void>): Promise<void> {
    try {
      await slots.run(work, this.#stopped.signal)
    } catch {
      this.#counters.failed++
    }
  }

  /** All that this edge has of a key, the newest first: that one matters most. */
  async #push (peer: PeerName, key: ContentKey): Promise<void> {
    const { holdings, replicaAt } = this.#init
    for (const manifest of holdings.history(key)) {
      // The replica takes the bytes from here; without them it could only know that it lacks them.
      if (!manifest.deleted && !holdings.has(manifest.hash)) continue
      await this.#within(manifest, async (signal) => { await replicaAt(peer).keep(manifest, [], signal) })
      this.#counters.pushed++
    }
  }

  async #learn (peer: PeerName, key: ContentKey): Promise<void> {
    const { replicaAt, self } = this.#init
    const { history } = await replicaAt(peer).look(key, this.#stopped.signal)
    const [newest] = history
    if (newest === undefined) return
    await this.#within(newest, async (signal) => { await replicaAt(self).keep(newest, [peer], signal) })
    this.#counters.learned++
  }

  async #within (manifest: Manifest, work: (signal: AbortSignal) => Promise<void>): Promise<void> {
    const { clock, settings } = this.#init
    const limit = deadline(clock, patienceMs(settings, manifest.length), 'the copy of a published object', this.#stopped.signal)
    try {
      await work(limit.signal)
    } finally {
      limit.clear()
    }
  }

  /** Notes which keys every edge that should hold them was just heard to hold. */
  #judge (surplus: readonly ContentKey[], lacking: ReadonlyMap<ContentKey, Set<PeerName>>, unsure: ReadonlySet<PeerName>): void {
    const { holdings, placement, clock } = this.#init
    const still = new Set(surplus)
    for (const key of this.#surplus.keys()) if (!still.has(key)) this.#surplus.delete(key)
    for (const key of surplus) {
      const history = holdings.history(key)
      const [newest] = history
      const wanted = newest === undefined ? [] : [...this.#holdersOf(newest)]
      const sure = wanted.length > 0 && !lacking.has(key) && wanted.every((peer) => placement.isHere(peer) && !unsure.has(peer))
      if (!sure) this.#surplus.delete(key)
      else if (this.#surplus.get(key)?.history !== history) this.#surplus.set(key, { history, sinceMs: clock.nowMs() })
    }
  }

  async #dropSurplus (): Promise<void> {
    const { holdings, clock, settings } = this.#init
    for (const [key, { history, sinceMs }] of this.#surplus) {
      if (clock.nowMs() - sinceMs < settings.surplusKeepMs) continue
      this.#surplus.delete(key)
      // Written to since: it is judged anew.
      if (holdings.history(key) === history) await this.#drop(key)
    }
  }

  async #drop (key: ContentKey): Promise<void> {
    try {
      await this.#init.holdings.forget(key)
      this.#counters.dropped++
    } catch {
      this.#counters.failed++
    }
  }
}
