/**
 * Publishing, put together: what this edge holds for good (`Published`), and with the other edges' help writing, reading,
 * listing and repair (protocols/publish). The admin listener publishes through it, the HTTP handler reads at a
 * level, and the cache sees what is here through `store`.
 */
import type { Startable } from '@libp2p/interface'
import type { Clock } from '../../protocols/clock.ts'
import { fieldValue, type Fields } from '../../protocols/fields.ts'
import type { ContentKey, PeerName } from '../../protocols/ids.ts'
import type { LocateMember } from '../../protocols/locate/locate.ts'
import { PublishError, PublishFault } from '../../protocols/publish/errors.ts'
import { list, type Listing } from '../../protocols/publish/lister.ts'
import { targetCharsMax, type Address, type Manifest } from '../../protocols/publish/manifest.ts'
import { Placement } from '../../protocols/publish/placement.ts'
import type { Pull } from '../../protocols/publish/ports.ts'
import { holdersOf, ReadLevel, Reader, type Seen } from '../../protocols/publish/reader.ts'
import { Repair, type RepairCounters } from '../../protocols/publish/repair.ts'
import { answerer, LocalReplica, RemoteReplica, type Replica } from '../../protocols/publish/replica.ts'
import type { PublishSettings } from '../../protocols/publish/settings.ts'
import { tombstoneOf, Writer, type Written } from '../../protocols/publish/writer.ts'
import { compareVersions, type Version } from '../../protocols/publish/version.ts'
import type { Answerer, Call } from '../../protocols/rpc.ts'
import type { Sites } from '../cache/sites.ts'
import type { Databases } from '../database.ts'
import type { Body } from '../http/message.ts'
import type { Store, StoredResponse } from '../store/store.ts'
import { Published, type PublishedStats } from './published.ts'
import { PublishedStore } from './published-store.ts'
import { idempotencyKey, objectFields, upload } from './upload.ts'

export interface PublishInit {
  /** The edge's data folder. */
  readonly folder: string
  readonly databases?: Databases
  readonly settings: PublishSettings
  readonly clock: Clock
  readonly logger: { readonly warn: (fields: object, message: string) => void }
  readonly self: PeerName
  readonly sites: Pick<Sites, 'all' | 'byName' | 'locate' | 'keyMatches'>
  readonly call: Call
  readonly pull: Pull
  /** Members that own keys, as the mesh's rings have them, this edge among them. */
  readonly members: () => readonly LocateMember[]
  /** The cache's own store. */
  readonly inner: Store
  /** What is here under a key is another version now, or nothing any more. Must not throw. */
  readonly onChange: (key: ContentKey) => void
}

export interface PutInit {
  /** Of the request: those that the object keeps, digests, conditions, the idempotency key. */
  readonly fields: Fields
  readonly body: Body | undefined
  readonly copies?: number
  readonly signal: AbortSignal
}

/** A version and a way to its bytes; or that nothing is published, now or ever. */
export type ReadResult =
  | { readonly kind: 'found', readonly manifest: Manifest, readonly head: StoredResponse, readonly read: (start: number, end: number) => Body, readonly seen: Seen }
  | { readonly kind: 'none', readonly tombstone?: Manifest, readonly seen: Seen }

export class Publish implements Startable {
  readonly store: PublishedStore
  /** How other edges reach this one. */
  readonly answer: Answerer
  readonly #init: PublishInit
  readonly #published: Published
  readonly #placement: Placement
  readonly #replicaAt: (peer: PeerName) => Replica
  readonly #writer: Writer
  readonly #reader: Reader
  readonly #repair: Repair
  /** Whether keys of objects with so many copies belong here, since the members last changed. */
  readonly #belonging = new Map<string, boolean>()

  constructor (init: PublishInit) {
    this.#init = init
    const { settings, clock, logger, self, sites, call, pull, inner, folder, databases } = init
    this.#published = new Published({ folder, databases, settings, clock, logger })
    this.#placement = new Placement({ repairDelayMs: settings.repairDelayMs })
    const ports = {
      self, clock, settings, pull,
      placement: this.#placement,
      holdings: this.#published,
      accepts: (address: Address) => {
        const site = sites.byName(address.site)
        return site?.published === true && sites.keyMatches(address.key, site, address.target, address.host)
      }
    }
    const local = new LocalReplica(ports)
    this.#replicaAt = (peer) => peer === self ? local : new RemoteReplica(peer, call, settings, clock)
    const more = { ...ports, replicaAt: this.#replicaAt }
    this.#writer = new Writer(more)
    this.#reader = new Reader(more)
    this.#repair = new Repair(more)
    this.answer = answerer(local)
    this.store = new PublishedStore({
      inner, clock,
      onChange: init.onChange,
      belongs: (key, copies) => this.#belongs(key, copies),
      published: this.#published,
      defaultMaxAgeS: settings.defaultMaxAgeS,
      hasOrigin: (site) => sites.byName(site)?.origin !== undefined
    })
  }

  /** Once the mesh runs; the store is started by whoever holds it. */
  start (): void {
    this.changed()
    this.#repair.start()
  }

  stop (): void { this.#repair.stop() }

  /** The members changed. */
  changed (): void {
    this.#belonging.clear()
    this.#placement.update(this.#init.members(), this.#init.clock.nowMs())
    this.#repair.changed()
  }

  /** Edges that are to hold a key of a site with published content, the first one where the usual way of a request ends. */
  replicas (key: ContentKey, copies: number = this.#published.history(key)[0]?.copies ?? this.#init.settings.copies): PeerName[] {
    return this.#placement.replicas(key, copies)
  }

  placeOf (peer: PeerName): ReturnType<Placement['placeOf']> { return this.#placement.placeOf(peer) }
  stats (): PublishedStats { return this.#published.stats() }
  counters (): Readonly<RepairCounters> { return this.#repair.counters() }

  /**
   * @param target as in a URL, percent-encoded
   * @throws PublishError for a site that is not there or takes nothing published, and for what is no target
   */
  address (siteName: string, target: string, host?: string): Address {
    const { sites } = this.#init
    const site = sites.byName(siteName)
    if (site === undefined) throw new PublishError(PublishFault.Unknown, `there is no site ${siteName} on this edge: expected one of ${sites.all().map(({ name }) => name).join(', ')}`)
    if (!site.published) throw new PublishError(PublishFault.Site, `the site ${site.name} takes no published content: set published: true for it in the configuration of every edge`)
    if (site.preserveHost && (host === undefined || host === '')) throw new PublishError(PublishFault.Request, `the site ${site.name} keeps each host's content apart (hostHeader: preserve): name the host, as in ?host=www.example.org`)
    const located = sites.locate(site, target, host ?? '')
    if (located === undefined || target.includes('?') || !/^[\x21-\x7e]*$/.test(target)) throw new PublishError(PublishFault.Request, `${JSON.stringify(target.slice(0, 80))} is no path of published content: expected one that begins with / and has no query, percent-encoded`)
    if (located.target.length > targetCharsMax) throw new PublishError(PublishFault.Request, `the path has ${located.target.length} characters and may have ${targetCharsMax}`)
    return { site: site.name, key: located.key, target: located.target, ...(located.host === undefined ? {} : { host: located.host }) }
  }

  /** @returns once the object is on disk on as many edges as were asked for; repeatable with an idempotency key */
  async put (address: Address, { fields, body, copies, signal }: PutInit): Promise<Written> {
    const wanted = this.#copies(copies)
    const kept = objectFields(fields)
    const retryKey = idempotencyKey(fields)
    const { unpin, ...uploaded } = await upload(this.#published, fields, body)
    try {
      return await this.#writer.write({
        body: { ...address, ...uploaded },
        fields: kept,
        copies: wanted,
        idempotencyKey: retryKey,
        deleted: false,
        ifMatch: fieldValue(fields, 'if-match'),
        ifNoneMatch: fieldValue(fields, 'if-none-match')
      }, signal)
    } finally {
      unpin()
    }
  }

  /** @returns once the deletion is on disk on as many edges as the object has copies; may be repeated */
  async remove (address: Address, { fields, copies, signal }: Omit<PutInit, 'body'>): Promise<Written> {
    const retryKey = idempotencyKey(fields)
    const { newest } = await this.#reader.look(address, ReadLevel.One, signal)
    if (newest === undefined) throw new PublishError(PublishFault.Unknown, `nothing is published at ${address.target} of the site ${address.site}`)
    return await this.#writer.write({
      body: tombstoneOf(address),
      fields: [],
      copies: this.#copies(copies ?? newest?.copies),
      idempotencyKey: retryKey,
      deleted: true,
      ifMatch: fieldValue(fields, 'if-match'),
      ifNoneMatch: fieldValue(fields, 'if-none-match')
    }, signal)
  }

  /**
   * @param version an older one, while it is kept; the newest otherwise
   * @throws PublishError when too few replicas answer for the level
   */
  async read (address: Address, level: ReadLevel, signal: AbortSignal, version?: Version): Promise<ReadResult> {
    const seen = this.#seenHere(address, level, version) ?? await this.#reader.look(address, level, signal)
    const { newest } = seen
    const manifest = version === undefined ? newest : versionIn(seen, version)
    if (manifest === undefined || manifest.deleted) return { kind: 'none', seen, ...(newest?.deleted === true ? { tombstone: newest } : {}) }
    const holding = holdersOf(manifest, seen.answers)
    // An older version may be known by its manifest alone.
    if (version !== undefined && holding.length === 0) return { kind: 'none', seen }
    const holders = [...new Set([...holding, ...this.replicas(address.key)])]
    return {
      kind: 'found',
      manifest,
      seen,
      head: this.store.headOf(manifest),
      read: (start, end) => this.#reader.read(manifest, holders, start, end, signal)
    }
  }

  /** What every replica knows of a key, as far as they answer. */
  async object (address: Address, signal: AbortSignal): Promise<Seen> {
    return await this.#reader.look(address, ReadLevel.All, signal, true)
  }

  /** Objects of a site on all edges that answer in time. */
  async list (site: string, after: string, limit: number, signal: AbortSignal): Promise<Listing> {
    const peers = this.#init.members().map(({ peer }) => peer)
    return await list(peers, after, limit, async (peer) => {
      const page = await this.#replicaAt(peer).list(site, after, limit, signal)
      return { ...page, manifests: page.manifests.filter((manifest) => manifest.site === site) }
    })
  }

  /** How many objects of each site are known here, deleted ones left out. */
  counts (): Map<string, number> {
    const counts = new Map<string, number>()
    for (const key of this.#published.keys()) {
      const [newest] = this.#published.history(key)
      if (newest?.deleted === false) counts.set(newest.site, (counts.get(newest.site) ?? 0) + 1)
    }
    return counts
  }

  #copies (copies: number = this.#init.settings.copies): number {
    const { copiesMax } = this.#init.settings
    if (!Number.isSafeInteger(copies) || copies < 1 || copies > copiesMax) throw new PublishError(PublishFault.Request, `copies is ${copies}: expected a whole number from 1 to ${copiesMax}`)
    return copies
  }

  /** Asked for by every request of a published object: a walk of the rings each time would be slow. */
  #belongs (key: ContentKey, copies: number): boolean {
    const id = `${copies} ${key}`
    const known = this.#belonging.get(id) ?? this.#placement.replicas(key, copies).includes(this.#init.self)
    this.#belonging.set(id, known)
    return known
  }

  /** One replica's word is enough, and this edge may be one. */
  #seenHere ({ key }: Address, level: ReadLevel, version: Version | undefined): Seen | undefined {
    const history = this.#published.history(key)
    const [newest] = history
    if (level !== ReadLevel.One || version !== undefined || newest === undefined || !this.#belongs(key, newest.copies)) return undefined
    if (!newest.deleted && !this.#published.has(newest.hash)) return undefined
    return { newest, answers: new Map([[this.#init.self, { history, holds: [newest.hash] }]]), missing: [] }
  }
}

function versionIn ({ answers }: Seen, version: Version): Manifest | undefined {
  for (const { history } of answers.values()) {
    const found = history.find((manifest) => compareVersions(manifest.version, version) === 0)
    if (found !== undefined) return found
  }
  return undefined
}
