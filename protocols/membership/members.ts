/**
 * Who is in the colony, as a pure core: one's own announcement, everybody else's latest, when to
 * announce, when to tell other regions, and whom to miss. The newest announcement of a peer wins, by
 * (incarnation, sequence), so merging may happen in any order and any number of times. Time and chance
 * come in as parameters; the core says when it next needs to be woken (`nextDeadline`).
 */
import { digestGapMs, digestIntervalMs, pulseIntervalMs, pulseReachMs, refreshIntervalMs, repairDelayMs } from './intervals.ts'
import { DigestPlan } from './digest-plan.ts'
import { listed, MemberEntry } from './member-entry.ts'
import { Pulses } from './pulses.ts'
import { compare, compareVersions, isSameLife, missingIn, sameButLoad, signatureOf, vectorOf } from './version.ts'
import type { Pulse } from './pulse.ts'
import type { PulseStanding } from './pulses.ts'
import type { Due, MembersInit, Patch, Standing } from './members-types.ts'
import type { Announcement, Member, SignedAnnouncement } from './announcement.ts'
import type { PeerName, Region } from '../ids.ts'
import type { MembershipSettings } from './settings.ts'
import type { Version, VersionVector } from './version.ts'

export type { Version, VersionVector } from './version.ts'
export type { Due, MembersInit, Patch, Standing } from './members-types.ts'

export class Members {
  /** Rises with every change of the live members or of their fields but load. */
  revision = 0
  /** Times that another process was heard under one's own identity. */
  clones = 0
  /** Members dropped for their silence. */
  expired = 0

  readonly #settings: MembershipSettings
  readonly #random: () => number
  readonly #isAllowed: (peer: PeerName) => boolean
  readonly #live = new Map<PeerName, MemberEntry>()
  readonly #gone = new Map<PeerName, SignedAnnouncement>()
  /** Live members of each region, oneself included. */
  readonly #regionSizes = new Map<Region, number>()
  readonly #digests: DigestPlan
  readonly #pulses: Pulses | undefined
  /** Announcements of live members, by their last bytes, which are their signature. */
  readonly #bySignature = new Map<string, Uint8Array>()
  #self: { -readonly [K in keyof Member]: Member[K] }
  #own: SignedAnnouncement | undefined
  #ownChanged = true
  #announced: Pick<Member, 'load' | 'coordinate'> = { load: 0 }
  #view: Member[] | undefined
  #delegate: PeerName | undefined
  /** Until anything held changes: many links that open at once are told the same. */
  #vector: VersionVector | undefined
  #announceAtMs: number
  #announcedAtMs = -Infinity
  #expireAtMs = Infinity

  constructor (init: MembersInit) {
    this.#settings = init.settings
    this.#random = init.random
    this.#isAllowed = init.isAllowed ?? (() => true)
    this.#pulses = init.seed === undefined ? undefined : new Pulses(init.seed, init.step)
    this.#self = { ...init.self, incarnation: init.incarnation, sequence: 0 }
    this.#regionSizes.set(this.#self.region, 1)
    this.#announceAtMs = init.nowMs
    this.#digests = new DigestPlan({
      settings: init.settings,
      nowMs: init.nowMs,
      gapMs: () => digestGapMs(this.#settings, this.#regionSizes.size),
      intervalMs: () => this.#digestIntervalMs(),
      spread: (ms) => this.#spread(ms),
      rests: this.#pulses !== undefined
    })
  }

  self (): Member { return this.#self }
  /** Live members, oneself included: the same array, kept up to date, until something but a load or a sequence changes. */
  live (): readonly Member[] { return this.#view ??= listed(this.#self, this.#live.values()) }

  member (peer: PeerName): Member | undefined { return peer === this.#self.peer ? this.#self : this.#live.get(peer)?.member }

  /** Where a member, or one that fell silent, said that it may be dialled. */
  addresses (peer: PeerName): readonly string[] { return (this.#live.get(peer)?.signed ?? this.#gone.get(peer))?.announcement.addresses ?? [] }

  /** Something of this edge that is no field of its member changed: it is announced soon. */
  touch (nowMs: number): void {
    this.#ownChanged = true
    this.#announceSoon(nowMs)
  }

  /** Members that fell silent, the latest last; those that took their leave are not among them. */
  missed (): PeerName[] { return [...this.#gone.values()].filter(({ announcement }) => !announcement.leaving).map(({ announcement }) => announcement.peer) }

  /** Whether it took its leave, and has not come back. */
  hasLeft (peer: PeerName): boolean { return this.#gone.get(peer)?.announcement.leaving === true }

  /** Whether this edge speaks for its region to the others: the live member with the lowest peer id does. */
  isDelegate (): boolean {
    this.#delegate ??= this.live().reduce((lowest, { peer, region }) =>
      region === this.#self.region && peer < lowest ? peer : lowest, this.#self.peer)
    return this.#delegate === this.#self.peer
  }

  /** Whether fewer than `count` live members, of the region if one is given, have a lower peer id than this edge. */
  ranksBelow (count: number, region?: Region): boolean {
    const { peer: self } = this.#self
    return this.live().filter((member) => member.peer < self && (region === undefined || member.region === region)).length < count
  }

  /** Changes one's own fields. Load and coordinate are announced with the next refresh, the others soon. */
  announce (patch: Patch, nowMs: number): void {
    const next = { ...this.#self, ...patch }
    if (sameButLoad(this.#self, next)) {
      Object.assign(this.#self, patch)
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
    if (!this.#isAllowed(announcement.peer)) return 'stranger'
    const held = this.#live.get(announcement.peer)?.signed ?? this.#gone.get(announcement.peer)
    if (held === undefined) return this.#live.size + 1 < this.#settings.membersMax ? 'news' : 'full'
    const order = compare(signed, held)
    return order > 0 ? 'news' : order === 0 ? 'same' : 'old'
  }

  /** Whether exactly these bytes are the latest announcement of a live member. */
  isHeld (bytes: Uint8Array): boolean {
    const held = this.#bySignature.get(signatureOf(bytes))
    return held !== undefined && Buffer.compare(held, bytes) === 0
  }

  /** Merges a verified announcement. Idempotent, and the order of several does not matter. */
  receive (signed: SignedAnnouncement, nowMs: number): Standing {
    const standing = this.standing(signed)
    if (standing === 'clone') this.#outbid(signed.announcement, nowMs)
    if (standing !== 'news') return standing
    const { announcement } = signed
    if (announcement.leaving) {
      this.#drop(announcement.peer, nowMs)
      this.#pulses?.forget(announcement.peer)
      this.#remember(signed)
      if (announcement.region === this.#self.region) this.#digests.change(announcement.peer, nowMs)
      return standing
    }
    const gone = this.#gone.get(announcement.peer)
    // Who fell silent comes back by a proof of life: what is passed on of it may have been said before.
    if (gone !== undefined && this.#pulses !== undefined && isSameLife(signed, gone)) this.#remember(signed)
    else this.#keep(signed, nowMs)
    return standing
  }

  /** Takes a proof of life. @returns `behind` where `from` seems to hold a later announcement */
  receivePulse (pulse: Pulse, from: PeerName, nowMs: number): PulseStanding | 'behind' {
    if (this.#pulses === undefined) return 'unknown'
    const { standing, peer, behind } = this.#pulses.receive(pulse, from, nowMs)
    if (peer === undefined) return standing
    const entry = this.#live.get(peer)
    const gone = entry === undefined ? this.#gone.get(peer) : undefined
    if (standing === 'news' && entry !== undefined) entry.heardAtMs = nowMs
    else if (standing === 'news' && gone !== undefined && !gone.announcement.leaving) this.#keep(gone, nowMs)
    // What another region's edges say of themselves, their loads above all, is told by its digests alone.
    return behind === true && (entry?.signed ?? gone)?.announcement.region === this.#self.region ? 'behind' : standing
  }

  /** From a sign that something was missed to asking for it, ms: the digests on their way come first. */
  repairDelayMs (): number { return repairDelayMs(this.#settings, this.#regionSizes.size) }

  /** Proofs of life that were learned at `sinceMs` or later, but from `to` itself. */
  pulsesFor (to: PeerName, sinceMs: number): Pulse[] { return this.#pulses?.newsFor(to, sinceMs) ?? [] }

  /** Takes one's own announcement back, signed. */
  keepOwn (signed: SignedAnnouncement, nowMs: number): void {
    this.#own = signed
    this.#vector = undefined
    if (!this.#ownChanged) return this.#digests.stir(nowMs)
    this.#ownChanged = false
    this.#digests.change(this.#self.peer, nowMs)
  }

  /** Forgets those that are not allowed any more, as if they had never been heard of. */
  dropStrangers (nowMs: number): void {
    for (const peer of [...this.#live.keys(), ...this.#gone.keys()].filter((each) => !this.#isAllowed(each))) {
      this.#drop(peer, nowMs)
      this.#pulses?.forget(peer)
      this.#gone.delete(peer)
      this.#vector = undefined
      this.#changed()
    }
  }

  /** One's last words: nothing is due any more afterwards. */
  leave (): Announcement {
    this.#announceAtMs = Infinity
    this.#digests.end()
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
    this.#digests.restart(nowMs)
    this.#expireAtMs = nowMs
  }

  /** What is known, gone members included: they are not to be sent again. */
  vector (): VersionVector { return this.#vector ??= vectorOf(this.#gone.values(), this.#announcements()) }

  /** What the holder of `vector` lacks. Of the gone only leaves are told, to those who do not know yet, and its own to one that came back with a clock set back. */
  missing (vector: VersionVector, holder?: PeerName): SignedAnnouncement[] { return missingIn(vector, this.#announcements(), this.#gone.values(), holder) }

  nextDeadline (): number {
    return Math.min(this.#announceAtMs, this.#tellsRegion() ? this.#digests.nextMs : Infinity, this.#expireAtMs)
  }

  tick (nowMs: number): Due {
    if (nowMs - this.nextDeadline() > this.#settings.expirySlackMs) this.forgive(nowMs - this.nextDeadline(), nowMs)
    if (nowMs >= this.#expireAtMs) this.#expire(nowMs)
    const announce = nowMs >= this.#announceAtMs ? this.#refresh(nowMs) : undefined
    const digest = this.#tellsRegion() && nowMs >= this.#digests.nextMs
    return announce === undefined ? { digest } : { announce, digest }
  }

  /** The digest that is due: the whole region at its interval, in between only what changed. Leaves are told once. */
  takeDigest (nowMs: number): SignedAnnouncement[] {
    const region = this.#announcements().filter(({ announcement }) => announcement.region === this.#self.region)
    const { full, changed } = this.#digests.take(nowMs)
    const digest = full ? region : region.filter(({ announcement }) => changed.has(announcement.peer))
    for (const peer of changed) {
      const gone = this.#gone.get(peer)
      if (gone?.announcement.leaving === true) digest.push(gone)
    }
    return digest
  }

  #announcements (): SignedAnnouncement[] {
    const others = Array.from(this.#live.values(), ({ signed }) => signed)
    return this.#own === undefined ? others : [this.#own, ...others]
  }

  #ownStanding (signed: SignedAnnouncement): Standing {
    const order = compareVersions(signed.announcement, this.#self)
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
    const { announcement: member, announcement: { pulse } } = signed
    const entry = this.#live.get(member.peer)
    this.#vector = undefined
    this.#gone.delete(member.peer)
    // Without a word of its new chain other regions would soon take it for dead.
    const isNew = this.#pulses?.follow(member.peer, pulse, member.sequence) === true
    const isFellow = member.region === this.#self.region
    if (isNew && isFellow) this.#digests.change(member.peer, nowMs)
    // What another passes on may have been said long before: of a chain that is held, pulses alone are signs of life.
    const heardAtMs = entry === undefined || isNew || pulse === undefined || this.#pulses === undefined ? nowMs : entry.heardAtMs
    if (entry !== undefined) this.#bySignature.delete(signatureOf(entry.signed.bytes))
    if (entry !== undefined && sameButLoad(entry.member, member)) {
      entry.signed = signed
      entry.heardAtMs = heardAtMs
      if (this.#view !== undefined) this.#view[entry.place] = member
      if (isFellow) this.#digests.stir(nowMs)
    } else {
      if (entry !== undefined) this.#count(entry.member.region, -1)
      this.#live.set(member.peer, new MemberEntry(signed, heardAtMs))
      this.#count(member.region, 1)
      this.#changed()
      if (isFellow) this.#digests.change(member.peer, nowMs)
    }
    this.#bySignature.set(signatureOf(signed.bytes), signed.bytes)
    this.#expireAtMs = Math.min(this.#expireAtMs, this.#expiryOf(signed.announcement, heardAtMs))
  }

  #drop (peer: PeerName, nowMs: number): void {
    const entry = this.#live.get(peer)
    if (entry === undefined) return
    this.#live.delete(peer)
    this.#vector = undefined
    this.#bySignature.delete(signatureOf(entry.signed.bytes))
    this.#count(entry.member.region, -1)
    this.#changed()
    // A smaller region refreshes more often: do not sit out the long interval of the larger one.
    if (entry.member.region === this.#self.region) {
      const intervalMs = this.#pulses === undefined ? this.#refreshIntervalMs() : this.#pulseIntervalMs()
      this.#announceAtMs = Math.min(this.#announceAtMs, nowMs + this.#spread(intervalMs))
    }
  }

  #remember (signed: SignedAnnouncement): void {
    this.#vector = undefined
    this.#gone.delete(signed.announcement.peer)
    this.#gone.set(signed.announcement.peer, signed)
    if (this.#gone.size <= this.#settings.goneMax) return
    const [oldest] = this.#gone.keys()
    if (oldest === undefined) return
    this.#gone.delete(oldest)
    this.#pulses?.forget(oldest)
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

  #expiryOf (announcement: Announcement, heardAtMs: number): number {
    const { silentRefreshes, expirySlackMs } = this.#settings
    const reachMs = this.#pulses === undefined ? 0 : pulseReachMs(this.#settings, this.#live.size + 1)
    return heardAtMs + silentRefreshes * this.#silenceMs(announcement) + expirySlackMs + reachMs
  }

  /** Announcements of another region arrive with its refresh and then its digest, so both are waited for. */
  #silenceMs ({ region, refreshMs, pulse }: Announcement): number {
    if (pulse !== undefined) return Math.max(refreshMs, this.#pulseIntervalMs())
    return region === this.#self.region ? refreshMs : refreshMs + this.#digestIntervalMs()
  }

  /** Woken too late (a starved process, a suspended machine): it was we who did not listen (Lifeguard, Dadgar et al. 2017). */
  forgive (lateMs: number, nowMs: number): void {
    for (const entry of this.#live.values()) entry.heardAtMs = Math.min(nowMs, entry.heardAtMs + lateMs)
  }

  /** A pulse, or without pulses an announcement. What is to be said goes beside; a new chain alone, as nobody knows its pulses yet. */
  #refresh (nowMs: number): Announcement | undefined {
    const pulses = this.#pulses
    const isNewChain = this.#own === undefined || pulses?.isUsedUp() === true
    if (isNewChain) this.#ownChanged = true
    const says = pulses === undefined || this.#ownChanged || this.#hasNewLoad(nowMs)
    const announcement = says ? this.#nextAnnouncement(nowMs) : undefined
    if (!isNewChain) pulses?.beat(this.#self.peer, this.#self.sequence, nowMs)
    if (!says) this.#announceAtMs = nowMs + this.#pulseIntervalMs() * (0.75 + this.#random() / 2)
    return announcement
  }

  #nextAnnouncement (nowMs: number): Announcement {
    const refreshMs = this.#pulses === undefined ? this.#refreshIntervalMs() : this.#pulseIntervalMs()
    this.#announcedAtMs = nowMs
    this.#announced = { ...this.#self }
    this.#announceAtMs = nowMs + this.#spread(refreshMs)
    this.#self.sequence++
    return { ...this.#self, refreshMs, leaving: false, ...(this.#pulses !== undefined && { pulse: this.#pulses.anchor() }) }
  }

  /** Announcements of loads and coordinates stay within what the region's topic may carry. */
  #hasNewLoad (nowMs: number): boolean {
    const { load, coordinate } = this.#announced
    const isNew = this.#self.coordinate !== coordinate || Math.abs(this.#self.load - load) > Math.max(1, load * this.#settings.loadStep)
    return isNew && nowMs - this.#announcedAtMs >= this.#refreshIntervalMs()
  }

  #announceSoon (nowMs: number): void {
    const { announceDelayMs, announceGapMs } = this.#settings
    this.#announceAtMs = Math.min(this.#announceAtMs, Math.max(nowMs + announceDelayMs, this.#announcedAtMs + announceGapMs))
  }

  #tellsRegion (): boolean { return this.#live.size > 0 && this.isDelegate() }

  #refreshIntervalMs (): number { return refreshIntervalMs(this.#settings, this.#regionSizes.get(this.#self.region) ?? 1) }
  #pulseIntervalMs (): number { return pulseIntervalMs(this.#settings, this.#live.size + 1) }
  #digestIntervalMs (): number { return digestIntervalMs(this.#settings, this.#regionSizes.size, this.#live.size + 1) }

  /** Half to one and a half of the interval: edges that started together do not go on speaking together. */
  #spread (intervalMs: number): number { return intervalMs * (0.5 + this.#random()) }

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
