/**
 * Who is in the colony, as a pure core: one's own announcement, everybody else's latest, when to
 * announce, when to tell other regions, and whom to miss. The newest announcement of a peer wins, by
 * (incarnation, sequence), so merging may happen in any order and any number of times. Time and chance
 * come in as parameters; the core says when it next needs to be woken (`nextDeadline`).
 */
import { refreshMsMax } from './announcement.ts'
import type { Announcement, Member, SignedAnnouncement } from './announcement.ts'
import type { PeerName, Region } from '../ids.ts'
import type { MembershipSettings } from './settings.ts'

/** What others may be told changed; `load` rides on the next refresh. */
export type Patch = Partial<Pick<Member, 'http' | 'weight' | 'originHash' | 'load' | 'draining'>>

/**
 * How an announcement stands to what is held: `news` (newer or unknown), `same`, `old`, `clone` (of
 * oneself, by somebody else), `full` (unknown, and no room).
 */
export type Standing = 'news' | 'same' | 'old' | 'clone' | 'full'

export type Version = readonly [incarnation: number, sequence: number]
export type VersionVector = ReadonlyMap<PeerName, Version>

/** What is to be done now. The announcement is to be signed and given back to `keepOwn` before the digest is taken. */
export interface Due {
  readonly announce?: Announcement
  readonly digest: boolean
}

export interface MembersInit {
  readonly self: Omit<Member, 'incarnation' | 'sequence'>
  /** Wall clock at start, ms. */
  readonly incarnation: number
  readonly nowMs: number
  /** Uniform in [0, 1): spreads the edges' announcements over time. */
  readonly random: () => number
  readonly settings: MembershipSettings
}

interface Entry {
  signed: SignedAnnouncement
  member: { -readonly [K in keyof Member]: Member[K] }
  heardAtMs: number
}

/** @returns ms between two announcements of an edge, so that a region's topic carries what it may */
export function refreshIntervalMs (settings: MembershipSettings, regionMembers: number): number {
  const spread = Math.ceil(1_000 * regionMembers / settings.topicMessagesPerSecondMax)
  return Math.min(refreshMsMax, Math.max(settings.refreshMs, spread))
}

/** @returns ms between two full digests of a region, so that messages and signature checks stay within budget */
export function digestIntervalMs (settings: MembershipSettings, regions: number, members: number): number {
  return Math.max(
    settings.digestIntervalMs,
    Math.ceil(1_000 * regions / settings.topicMessagesPerSecondMax),
    Math.ceil(1_000 * members / settings.digestEntriesPerSecondMax)
  )
}

export class Members {
  /** Rises with every change of the live members or of their fields but load. */
  revision = 0
  /** Times that another process was heard under one's own identity. */
  clones = 0
  /** Members dropped for their silence. */
  expired = 0

  readonly #settings: MembershipSettings
  readonly #random: () => number
  readonly #live = new Map<PeerName, Entry>()
  readonly #gone = new Map<PeerName, SignedAnnouncement>()
  /** Live members of each region, oneself included. */
  readonly #regionSizes = new Map<Region, number>()
  /** Members of the own region that changed since the last digest. */
  readonly #undigested = new Set<PeerName>()
  #self: Entry['member']
  #own: SignedAnnouncement | undefined
  #ownChanged = true
  #view: readonly Member[] | undefined
  #delegate: PeerName | undefined
  #announceAtMs: number
  #announcedAtMs = -Infinity
  #digestAtMs: number
  #fullDigestAtMs: number
  #expireAtMs = Infinity

  constructor (init: MembersInit) {
    this.#settings = init.settings
    this.#random = init.random
    this.#self = { ...init.self, incarnation: init.incarnation, sequence: 0 }
    this.#regionSizes.set(this.#self.region, 1)
    this.#announceAtMs = init.nowMs
    this.#digestAtMs = init.nowMs
    this.#fullDigestAtMs = init.nowMs
  }

  self (): Member {
    return this.#self
  }

  /** Live members, oneself included: the same array until something but a load or a sequence changes. */
  live (): readonly Member[] {
    this.#view ??= [this.#self, ...Array.from(this.#live.values(), ({ member }) => member)]
    return this.#view
  }

  member (peer: PeerName): Member | undefined {
    return peer === this.#self.peer ? this.#self : this.#live.get(peer)?.member
  }

  /** Members that fell silent, the latest last; those that took their leave are not among them. */
  missed (): PeerName[] {
    return [...this.#gone.values()].filter(({ announcement }) => !announcement.leaving).map(({ announcement }) => announcement.peer)
  }

  /** Whether this edge speaks for its region to the others: the live member with the lowest peer id does. */
  isDelegate (): boolean {
    this.#delegate ??= this.live().reduce((lowest, { peer, region }) =>
      region === this.#self.region && peer < lowest ? peer : lowest, this.#self.peer)
    return this.#delegate === this.#self.peer
  }

  /** Changes one's own fields. All but load are announced soon, load with the next refresh. */
  announce (patch: Patch, nowMs: number): void {
    const next = { ...this.#self, ...patch }
    const changed = !sameButLoad(this.#self, next)
    if (!changed) {
      this.#self.load = next.load
      return
    }
    this.#self = next
    this.#ownChanged = true
    this.#changed()
    this.#announceSoon(nowMs)
  }

  /** How an announcement stands to what is held; changes nothing. */
  standing (signed: SignedAnnouncement): Standing {
    const { announcement } = signed
    if (announcement.peer === this.#self.peer) return this.#ownStanding(signed)
    const held = this.#live.get(announcement.peer)?.signed ?? this.#gone.get(announcement.peer)
    if (held === undefined) return this.#live.size + 1 < this.#settings.membersMax ? 'news' : 'full'
    const order = compare(signed, held)
    return order > 0 ? 'news' : order === 0 ? 'same' : 'old'
  }

  /** Merges a verified announcement. Idempotent, and the order of several does not matter. */
  receive (signed: SignedAnnouncement, nowMs: number): Standing {
    const standing = this.standing(signed)
    if (standing === 'clone') this.#outbid(signed.announcement, nowMs)
    if (standing !== 'news') return standing
    const { announcement } = signed
    if (announcement.leaving) {
      this.#drop(announcement.peer, nowMs)
      this.#remember(signed)
      if (announcement.region === this.#self.region) this.#digestSoon(announcement.peer, nowMs)
    } else this.#keep(signed, nowMs)
    return standing
  }

  /** Takes one's own announcement back, signed. */
  keepOwn (signed: SignedAnnouncement, nowMs: number): void {
    this.#own = signed
    if (!this.#ownChanged) return
    this.#ownChanged = false
    this.#digestSoon(this.#self.peer, nowMs)
  }

  /** One's last words: nothing is due any more afterwards. */
  leave (): Announcement {
    this.#announceAtMs = Infinity
    this.#digestAtMs = Infinity
    this.#fullDigestAtMs = Infinity
    this.#expireAtMs = Infinity
    this.#self.sequence++
    return { ...this.#self, refreshMs: this.#settings.refreshMs, leaving: true }
  }

  /** Comes back after `leave`, as a new incarnation. Those that fell silent meanwhile are dropped by the next tick. */
  rejoin (incarnation: number, nowMs: number): void {
    this.#self = { ...this.#self, incarnation: Math.max(incarnation, this.#self.incarnation + 1), sequence: 0 }
    this.#ownChanged = true
    this.#changed()
    this.#announceAtMs = nowMs
    this.#digestAtMs = nowMs
    this.#fullDigestAtMs = nowMs
    this.#expireAtMs = nowMs
  }

  /** What is known, gone members included: they are not to be sent again. */
  vector (): Map<PeerName, Version> {
    const vector = new Map<PeerName, Version>()
    for (const signed of [...this.#gone.values(), ...this.#announcements()]) vector.set(signed.announcement.peer, versionOf(signed))
    return vector
  }

  /** What the holder of `vector` lacks. Of the gone only leaves are told, and only to those who do not know yet. */
  missing (vector: VersionVector): SignedAnnouncement[] {
    const news = this.#announcements().filter((signed) => {
      const held = vector.get(signed.announcement.peer)
      return held === undefined || compareVersions(versionOf(signed), held) > 0
    })
    for (const signed of this.#gone.values()) {
      const held = vector.get(signed.announcement.peer)
      if (signed.announcement.leaving && held !== undefined && compareVersions(versionOf(signed), held) > 0) news.push(signed)
    }
    return news
  }

  nextDeadline (): number {
    const digestAtMs = this.isDelegate() ? Math.min(this.#digestAtMs, this.#fullDigestAtMs) : Infinity
    return Math.min(this.#announceAtMs, digestAtMs, this.#expireAtMs)
  }

  tick (nowMs: number): Due {
    this.#forgive(nowMs - this.nextDeadline(), nowMs)
    if (nowMs >= this.#expireAtMs) this.#expire(nowMs)
    const announce = nowMs >= this.#announceAtMs ? this.#nextAnnouncement(nowMs) : undefined
    const digest = this.isDelegate() && nowMs >= Math.min(this.#digestAtMs, this.#fullDigestAtMs)
    return announce === undefined ? { digest } : { announce, digest }
  }

  /** The digest that is due: the whole region at its interval, in between only what changed. Leaves are told once. */
  takeDigest (nowMs: number): SignedAnnouncement[] {
    const region = this.#announcements().filter(({ announcement }) => announcement.region === this.#self.region)
    const full = nowMs >= this.#fullDigestAtMs
    const digest = full ? region : region.filter(({ announcement }) => this.#undigested.has(announcement.peer))
    for (const peer of this.#undigested) {
      const gone = this.#gone.get(peer)
      if (gone?.announcement.leaving === true) digest.push(gone)
    }
    if (full) this.#fullDigestAtMs = nowMs + this.#spread(this.#digestIntervalMs())
    this.#digestAtMs = Infinity
    this.#undigested.clear()
    return digest
  }

  #announcements (): SignedAnnouncement[] {
    const others = Array.from(this.#live.values(), ({ signed }) => signed)
    return this.#own === undefined ? others : [this.#own, ...others]
  }

  #ownStanding (signed: SignedAnnouncement): Standing {
    const { incarnation, sequence } = this.#self
    const order = compareVersions(versionOf(signed), [incarnation, sequence])
    if (order !== 0) return order > 0 ? 'clone' : 'old'
    return this.#own === undefined || compare(signed, this.#own) === 0 ? 'same' : 'clone'
  }

  /** A restored identity or a copied data folder: speak with a higher incarnation than the other. */
  #outbid (other: Announcement, nowMs: number): void {
    this.clones++
    this.#self = { ...this.#self, incarnation: Math.max(this.#self.incarnation, other.incarnation) + 1, sequence: 0 }
    this.#ownChanged = true
    this.#changed()
    this.#announceSoon(nowMs)
  }

  #keep (signed: SignedAnnouncement, nowMs: number): void {
    const { refreshMs, leaving, ...member } = signed.announcement
    const entry = this.#live.get(member.peer)
    this.#gone.delete(member.peer)
    if (entry !== undefined && sameButLoad(entry.member, member)) {
      Object.assign(entry.member, { sequence: member.sequence, load: member.load })
      entry.signed = signed
      entry.heardAtMs = nowMs
    } else {
      if (entry !== undefined) this.#count(entry.member.region, -1)
      this.#live.set(member.peer, { signed, member, heardAtMs: nowMs })
      this.#count(member.region, 1)
      this.#changed()
      if (member.region === this.#self.region) this.#digestSoon(member.peer, nowMs)
    }
    this.#expireAtMs = Math.min(this.#expireAtMs, this.#expiryOf(signed.announcement, nowMs))
  }

  #drop (peer: PeerName, nowMs: number): void {
    const entry = this.#live.get(peer)
    if (entry === undefined) return
    this.#live.delete(peer)
    this.#count(entry.member.region, -1)
    this.#changed()
    // A smaller region refreshes more often: do not sit out the long interval of the larger one.
    if (entry.member.region === this.#self.region) {
      this.#announceAtMs = Math.min(this.#announceAtMs, nowMs + this.#spread(this.#refreshIntervalMs()))
    }
  }

  #remember (signed: SignedAnnouncement): void {
    this.#gone.delete(signed.announcement.peer)
    this.#gone.set(signed.announcement.peer, signed)
    if (this.#gone.size <= this.#settings.goneMax) return
    const [oldest] = this.#gone.keys()
    if (oldest !== undefined) this.#gone.delete(oldest)
  }

  #expire (nowMs: number): void {
    this.#expireAtMs = Infinity
    for (const [peer, { signed, heardAtMs }] of this.#live) {
      const expiryMs = this.#expiryOf(signed.announcement, heardAtMs)
      if (expiryMs <= nowMs) {
        this.#drop(peer, nowMs)
        this.#remember(signed)
        this.expired++
      } else this.#expireAtMs = Math.min(this.#expireAtMs, expiryMs)
    }
  }

  /** News of another region arrives with its refresh and then its digest, so both are waited for. */
  #expiryOf ({ region, refreshMs }: Announcement, heardAtMs: number): number {
    const intervalMs = region === this.#self.region ? refreshMs : refreshMs + this.#digestIntervalMs()
    return heardAtMs + this.#settings.silentRefreshes * intervalMs + this.#settings.expirySlackMs
  }

  /** Woken too late (a stalled process, a suspended machine): it was we who did not listen (Lifeguard, Dadgar et al. 2017). */
  #forgive (lateMs: number, nowMs: number): void {
    if (!(lateMs > this.#settings.expirySlackMs)) return
    for (const entry of this.#live.values()) entry.heardAtMs = Math.min(nowMs, entry.heardAtMs + lateMs)
  }

  #nextAnnouncement (nowMs: number): Announcement {
    const refreshMs = this.#refreshIntervalMs()
    this.#announcedAtMs = nowMs
    this.#announceAtMs = nowMs + this.#spread(refreshMs)
    this.#self.sequence++
    return { ...this.#self, refreshMs, leaving: false }
  }

  #announceSoon (nowMs: number): void {
    const { announceDelayMs, announceGapMs } = this.#settings
    this.#announceAtMs = Math.min(this.#announceAtMs, Math.max(nowMs + announceDelayMs, this.#announcedAtMs + announceGapMs))
  }

  #digestSoon (peer: PeerName, nowMs: number): void {
    this.#undigested.add(peer)
    this.#digestAtMs = Math.min(this.#digestAtMs, nowMs + this.#settings.digestDelayMs)
  }

  #refreshIntervalMs (): number {
    return refreshIntervalMs(this.#settings, this.#regionSizes.get(this.#self.region) ?? 1)
  }

  #digestIntervalMs (): number {
    return digestIntervalMs(this.#settings, this.#regionSizes.size, this.#live.size + 1)
  }

  /** Half to one and a half of the interval: edges that started together do not go on speaking together. */
  #spread (intervalMs: number): number {
    return intervalMs * (0.5 + this.#random())
  }

  #count (region: Region, by: number): void {
    const size = (this.#regionSizes.get(region) ?? 0) + by
    if (size === 0) this.#regionSizes.delete(region)
    else this.#regionSizes.set(region, size)
  }

  #changed (): void {
    this.#view = undefined
    this.#delegate = undefined
    this.revision++
  }
}

function versionOf ({ announcement }: SignedAnnouncement): Version {
  return [announcement.incarnation, announcement.sequence]
}

function compareVersions (a: Version, b: Version): number {
  return a[0] - b[0] || a[1] - b[1]
}

/** A peer that says two things under one version: the greater bytes win, at every edge alike. */
function compare (a: SignedAnnouncement, b: SignedAnnouncement): number {
  return compareVersions(versionOf(a), versionOf(b)) || Buffer.compare(a.body, b.body)
}

function sameButLoad (a: Member, b: Member): boolean {
  return a.incarnation === b.incarnation && a.name === b.name && a.region === b.region && a.zone === b.zone &&
    a.http === b.http && a.weight === b.weight && a.originHash === b.originHash && a.draining === b.draining
}
