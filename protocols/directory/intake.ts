/**
 * The owner's side of reports: what each holder of the region has said, kept in `Holders`. A holder's entries
 * are exactly what its session told, step by step; a session that is not known, or of which a step is missing
 * (this edge restarted, was away, lost its directory), is asked for again. While a holder tells everything anew, what it
 * told before still counts, until the new session is complete. What a previous owner handed over about a holder
 * is hearsay: it counts until the holder has told everything itself, or for `toldKeepMs`.
 */
import type { Holders, SlotNumber } from './holders.ts'
import type { Report, ReportAnswer } from './messages.ts'
import type { DirectorySettings } from './settings.ts'
import type { ContentKey, PeerName } from '../ids.ts'

interface Holder {
  /** 0 before the first one. */
  session: number
  /** Last step taken. */
  sequence: number
  slot: SlotNumber | undefined
  /** The session before, until this one is complete. */
  earlier: SlotNumber | undefined
  told: { readonly slot: SlotNumber, readonly sinceMs: number } | undefined
}

export class Intake {
  readonly #directory: Holders
  readonly #settings: Pick<DirectorySettings, 'toldKeepMs'>
  readonly #holders = new Map<PeerName, Holder>()

  constructor (directory: Holders, settings: Pick<DirectorySettings, 'toldKeepMs'>) {
    this.#directory = directory
    this.#settings = settings
  }

  /** Takes a step. A step that was taken before changes nothing. */
  report (from: PeerName, { session, sequence, complete, added, dropped }: Report): ReportAnswer {
    const opens = sequence === 0 && session !== 0 && this.#holders.get(from)?.session !== session
    if (opens && !this.#open(from, session)) return { kind: 'again' }
    const holder = this.#holders.get(from)
    if (holder?.slot === undefined || holder.session !== session || sequence > holder.sequence + 1) return { kind: 'again' }
    if (sequence > holder.sequence) {
      holder.sequence = sequence
      for (const key of dropped) {
        for (const slot of [holder.slot, holder.earlier, holder.told?.slot]) if (slot !== undefined) this.#directory.remove(slot, key)
      }
      for (const key of added) this.#directory.add(holder.slot, key)
      if (complete) this.#replace(holder)
    }
    return { kind: 'ok', count: this.#directory.count(holder.slot) }
  }

  /** Takes what a previous owner says that `peer` holds. */
  tell (peer: PeerName, keys: Iterable<ContentKey>, nowMs: number): void {
    const holder = this.#holder(peer)
    // Half of its time old: a new slot, so that what is told now has at least the other half.
    if (holder.told !== undefined && nowMs - holder.told.sinceMs > this.#settings.toldKeepMs / 2) this.#dropTold(holder)
    const slot = holder.told?.slot ?? this.#directory.open(peer, { hearsay: true })
    if (slot === undefined) return
    holder.told ??= { slot, sinceMs: nowMs }
    for (const key of keys) this.#directory.add(slot, key)
  }

  /** Forgets holders that are not in the region any more. */
  retain (isMember: (peer: PeerName) => boolean): void {
    for (const [peer, holder] of this.#holders) {
      if (isMember(peer)) continue
      this.#holders.delete(peer)
      this.#replace(holder)
      if (holder.slot !== undefined) this.#directory.retire(holder.slot)
    }
  }

  /** Ends hearsay that nobody confirmed. */
  expire (nowMs: number): void {
    for (const holder of this.#holders.values()) if (this.#expiryOf(holder) <= nowMs) this.#dropTold(holder)
  }

  nextDeadline (): number {
    let deadlineMs = Infinity
    for (const holder of this.#holders.values()) deadlineMs = Math.min(deadlineMs, this.#expiryOf(holder))
    return deadlineMs
  }

  #expiryOf ({ told }: Holder): number {
    return told === undefined ? Infinity : told.sinceMs + this.#settings.toldKeepMs
  }

  #holder (peer: PeerName): Holder {
    const known = this.#holders.get(peer)
    if (known !== undefined) return known
    const holder: Holder = { session: 0, sequence: -1, slot: undefined, earlier: undefined, told: undefined }
    this.#holders.set(peer, holder)
    return holder
  }

  /** @returns whether there was room */
  #open (peer: PeerName, session: number): boolean {
    const slot = this.#directory.open(peer)
    if (slot === undefined) return false
    const holder = this.#holder(peer)
    // A session that was never complete is worth less than the one before it.
    if (holder.earlier === undefined) holder.earlier = holder.slot
    else if (holder.slot !== undefined) this.#directory.retire(holder.slot)
    Object.assign(holder, { session, sequence: -1, slot })
    return true
  }

  /** The holder has spoken for itself: what was known otherwise goes. */
  #replace (holder: Holder): void {
    if (holder.earlier !== undefined) this.#directory.retire(holder.earlier)
    holder.earlier = undefined
    this.#dropTold(holder)
  }

  #dropTold (holder: Holder): void {
    if (holder.told !== undefined) this.#directory.retire(holder.told.slot)
    holder.told = undefined
  }
}
