/**
 * One edge's part in publishing: it takes bodies, keeps manifests, and says what it knows. The same five verbs are used
 * on this edge itself (`LocalReplica`) and on others (`RemoteReplica`, calls over the wire), so that a
 * writer, a reader and the repair treat all holders alike. `answerer` is how peers reach the local one.
 */
import { deadline, type Clock } from '../clock.ts'
import { WireError } from '../errors.ts'
import type { ContentKey, PeerName } from '../ids.ts'
import type { Answerer, Call } from '../rpc.ts'
import type { History } from './history.ts'
import { PublishError, PublishFault } from './errors.ts'
import { kept } from './history.ts'
import type { Address, BodyName, Manifest } from './manifest.ts'
import {
  decodeCompared, decodeLooked, decodePage, decodeRequest, encodeLooked, encodePage, encodeRequest,
  type Compared, type Encoded, type Known, type Looked, type Page, type Request
} from './messages.ts'
import type { PublishPorts } from './ports.ts'
import type { PublishSettings } from './settings.ts'
import { Slots } from './slots.ts'
import { compareVersions } from './version.ts'

export interface Replica {
  /** Takes a body without showing it, and keeps it for `holdKeepMs`. @returns what is known of its key */
  hold: (body: BodyName, sources: readonly PeerName[], signal: AbortSignal) => Promise<History>
  /** @returns once the manifest, and its body where it is wanted, are on disk */
  keep: (manifest: Manifest, sources: readonly PeerName[], signal: AbortSignal) => Promise<void>
  look: (key: ContentKey, signal: AbortSignal) => Promise<Looked>
  compare: (known: readonly Known[], signal: AbortSignal) => Promise<Compared>
  list: (site: string, after: string, limit: number, signal: AbortSignal) => Promise<Page>
}

/** How long a replica may take for a body of that length, ms. */
export function patienceMs (settings: PublishSettings, length: number): number {
  return settings.holdTimeoutMs + Math.ceil(length / settings.holdBytesPerSecondMin * 1_000)
}

export class LocalReplica implements Replica {
  readonly #ports: PublishPorts
  readonly #slots: Slots
  /** Of one caller: one whose bodies never end leaves the others room. */
  readonly #callers = new Map<PeerName, Slots>()
  readonly #pulling = new Map<string, Promise<void>>()
  /** Bodies that were taken and are not part of an object yet. */
  readonly #held = new Map<string, () => void>()

  constructor (ports: PublishPorts) {
    this.#ports = ports
    this.#slots = new Slots(ports.settings.pullsMax)
  }

  async hold (body: BodyName, sources: readonly PeerName[], signal: AbortSignal): Promise<History> {
    this.#check(body)
    const { holdings, clock, settings } = this.#ports
    const unpin = holdings.pin(body.hash)
    try {
      await this.#fetch(body, sources, signal)
    } catch (error) {
      unpin()
      throw error
    }
    this.#release(body)
    const cancel = clock.after(settings.holdKeepMs, () => { this.#release(body) })
    this.#held.set(heldId(body), () => {
      cancel()
      unpin()
    })
    return holdings.history(body.key)
  }

  async keep (manifest: Manifest, sources: readonly PeerName[], signal: AbortSignal): Promise<void> {
    this.#check(manifest)
    const { holdings, clock, settings } = this.#ports
    if (manifest.version.wallMs > clock.wallMs() + settings.clockAheadMaxMs) throw new PublishError(PublishFault.Request, 'that version is of a time to come: are the clocks of the edges right?')
    if (manifest.copies > settings.copiesMax) throw new PublishError(PublishFault.Request, `an object may have ${settings.copiesMax} copies (settings.publish.copiesMax)`)
    if (!this.#wants(manifest)) {
      await holdings.keep(manifest)
      return
    }
    const unpin = holdings.pin(manifest.hash)
    try {
      await this.#fetch(manifest, sources, signal)
      await holdings.keep(manifest)
      this.#release(manifest)
    } finally {
      unpin()
    }
  }

  async look (key: ContentKey): Promise<Looked> {
    const { holdings } = this.#ports
    const history = holdings.history(key)
    return { history, holds: history.map(({ hash }) => hash).filter((hash) => holdings.has(hash)) }
  }

  async compare (known: readonly Known[]): Promise<Compared> {
    const lacking: number[] = []
    const newer: number[] = []
    for (const [index, { key, version }] of known.entries()) {
      const newest = this.#ports.holdings.history(key)[0]
      const order = newest === undefined ? -1 : compareVersions(newest.version, version)
      // A body that was lost is to be brought again, as if its manifest were.
      if (order < 0 || (order === 0 && newest !== undefined && !newest.deleted && !this.#ports.holdings.has(newest.hash))) lacking.push(index)
      if (order > 0) newer.push(index)
    }
    return { lacking, newer }
  }

  async list (site: string, after: string, limit: number): Promise<Page> {
    const { holdings, settings } = this.#ports
    const most = Math.min(limit, settings.listPageMax)
    const found = holdings.list(site, after, most + 1)
    const manifests: Manifest[] = []
    let bytes = 0
    for (const manifest of found.slice(0, most)) {
      bytes += manifestBytes(manifest)
      if (bytes > settings.listPageBytesMax) break
      manifests.push(manifest)
    }
    return { manifests, more: manifests.length < found.length }
  }

  #release (body: BodyName): void {
    this.#held.get(heldId(body))?.()
    this.#held.delete(heldId(body))
  }

  /** @throws PublishError for what this edge has no reason to hold */
  #check (address: Address): void {
    const { accepts, placement, settings, self } = this.#ports
    if (!accepts(address)) throw new PublishError(PublishFault.Site, `the site ${address.site} takes no such published content on this edge`)
    // Others may see other members for a while, so a few places of difference are let pass.
    if (!placement.replicas(address.key, settings.copiesMax + 2 * settings.sparesMax).includes(self)) {
      throw new PublishError(PublishFault.Misplaced, 'this edge is not among those that hold that key')
    }
  }

  /** Whether a manifest's body is to be here once it is in the history. */
  #wants (manifest: Manifest): boolean {
    const { holdings, settings } = this.#ports
    const before = holdings.history(manifest.key).filter(({ version }) => compareVersions(version, manifest.version) > 0)
    return kept([...before, manifest], settings.versionsKept).includes(manifest)
  }

  /** A caller that asks for one body several times at once has one transfer; another's may never end, and is not waited for. */
  async #fetch (body: BodyName, sources: readonly PeerName[], signal: AbortSignal): Promise<void> {
    const { holdings, self, settings } = this.#ports
    const caller = sources.at(-1) ?? self
    const id = `${caller} ${body.hash}`
    const running = this.#pulling.get(id)
    if (running !== undefined) await running.catch(() => {})
    if (holdings.has(body.hash)) return
    const own = this.#callers.get(caller) ?? new Slots(settings.pullsMax / 2)
    this.#callers.set(caller, own)
    const pulling = own.run(async () => { await this.#slots.run(async () => { await this.#pull(body, sources, signal) }, signal) }, signal)
    this.#pulling.set(id, pulling)
    try {
      await pulling
    } finally {
      if (this.#pulling.get(id) === pulling) this.#pulling.delete(id)
      if (own.idle) this.#callers.delete(caller)
    }
  }

  async #pull (body: BodyName, sources: readonly PeerName[], signal: AbortSignal): Promise<void> {
    const { holdings, pull, self, clock, settings } = this.#ports
    let failure: unknown
    for (const source of new Set(sources)) {
      if (source === self) continue
      // The caller gives up after as long; one that stays, and trickles, would keep its place and its room for ever.
      const limit = deadline(clock, patienceMs(settings, body.length), `the body from peer ${source}`, signal)
      try {
        await holdings.take(body, () => pull(source, body, { signal: limit.signal })).finally(limit.clear)
        return
      } catch (error) {
        signal.throwIfAborted()
        failure = error
        // Another source's bytes would find as little room.
        if (error instanceof PublishError && (error.code === PublishFault.Full.code || error.code === PublishFault.TooLarge.code)) throw error
      }
    }
    throw failure ?? new PublishError(PublishFault.Bytes, 'nobody was named who has the bytes')
  }
}

export class RemoteReplica implements Replica {
  readonly #peer: PeerName
  readonly #call: Call
  readonly #settings: PublishSettings
  readonly #clock: Pick<Clock, 'wallMs'>

  constructor (peer: PeerName, call: Call, settings: PublishSettings, clock: Pick<Clock, 'wallMs'>) {
    this.#peer = peer
    this.#call = call
    this.#settings = settings
    this.#clock = clock
  }

  async hold (body: BodyName, sources: readonly PeerName[], signal: AbortSignal): Promise<History> {
    const answer = await this.#ask({ verb: 'hold', body, sources }, signal, patienceMs(this.#settings, body.length))
    return this.#believed(decodeLooked(answer, body.key)).history
  }

  async keep (manifest: Manifest, sources: readonly PeerName[], signal: AbortSignal): Promise<void> {
    await this.#ask({ verb: 'keep', manifest, sources }, signal, patienceMs(this.#settings, manifest.length))
  }

  async look (key: ContentKey, signal: AbortSignal): Promise<Looked> {
    return this.#believed(decodeLooked(await this.#ask({ verb: 'look', key }, signal), key))
  }

  async compare (known: readonly Known[], signal: AbortSignal): Promise<Compared> {
    return decodeCompared(await this.#ask({ verb: 'compare', known }, signal), known.length)
  }

  async list (site: string, after: string, limit: number, signal: AbortSignal): Promise<Page> {
    return decodePage(await this.#ask({ verb: 'list', site, after, limit }, signal))
  }

  /** @throws WireError for a version of a time to come: the next write would have to be later still */
  #believed (looked: Looked): Looked {
    const latestMs = this.#clock.wallMs() + this.#settings.clockAheadMaxMs
    if (looked.history.some(({ version }) => version.wallMs > latestMs)) throw new WireError(`peer ${this.#peer} told of a version of a time to come`)
    return looked
  }

  async #ask (request: Request, signal: AbortSignal, timeoutMs: number = this.#settings.callTimeoutMs): ReturnType<Call> {
    const { head, payload } = encodeRequest(request)
    return await this.#call(this.#peer, head, { payload, signal, timeoutMs })
  }
}

/** How peers reach the local replica; decodes, and names the caller as a source. */
export function answerer (local: LocalReplica): Answerer {
  return async (frame, from, signal): Promise<Encoded> => {
    const request = decodeRequest(frame)
    switch (request.verb) {
      case 'hold': {
        const history = await local.hold(request.body, [...request.sources, from], signal)
        return encodeLooked({ history, holds: [] })
      }
      case 'keep':
        await local.keep(request.manifest, [...request.sources, from], signal)
        return { head: {} }
      case 'look': return encodeLooked(await local.look(request.key))
      case 'compare': return { head: await local.compare(request.known) }
      case 'list': return encodePage(await local.list(request.site, request.after, request.limit))
    }
  }
}

function heldId ({ key, hash }: BodyName): string {
  return `${key}${hash}`
}

/** About what a manifest takes on the wire, rather too much. */
function manifestBytes ({ target, fields, site, host = '', idempotencyKey = '' }: Manifest): number {
  return 400 + 3 * (target.length + site.length + host.length) + idempotencyKey.length + fields.reduce((sum, [name, value]) => sum + name.length + 2 * value.length, 0)
}
