/**
 * The memory of a directory: which peers hold a key. Each source of entries has a slot: a holder's session, or
 * what others said about a holder. The entry of a key is a string of its slots' numbers, one UTF-16 unit each: the smallest vector that the runtime
 * has, and nothing at all beyond the map's own cell for a key with one holder. Retiring a slot takes all of its
 * entries back at once, by one write; their units are swept away later, a slice at a time. So a holder that leaves,
 * or that replaces a million entries by new ones, never stops the event loop, and look-ups never see half of either.
 */
import type { DirectorySettings } from './settings.ts'
import type { ContentKey, PeerName } from '../ids.ts'

export type SlotNumber = number

/** Slots, retired ones included. */
const slotsMax = 16_384
/** Of one holder: it has two at a time, and those that it reopens without end wait to be swept. */
const slotsPerHolderMax = 64
/** One map for each first character of a key: a map that grows is copied whole, and a million entries at once would take 100 ms. */
const shardCount = 64

interface Slot {
  /** Undefined once retired. */
  peer: PeerName | undefined
  /** Said by another than the holder. */
  readonly hearsay: boolean
  /** What the holder has in all of its own slots, retired ones included. */
  readonly tally: Tally
  /** Entries with this slot's unit. */
  keys: number
  /** An entry of this slot was not taken, or pushed out. */
  partial: boolean
}

interface Tally { readonly peer: PeerName, slots: number, keys: number }

type Shard = Map<ContentKey, string>

export class Holders {
  /** Keys. */
  size = 0
  /** Keys pushed out to make room for others. */
  evicted = 0

  readonly #settings: Pick<DirectorySettings, 'entriesMax' | 'keysPerHolderMax' | 'holdersPerKeyMax'>
  /** By the first character's code. */
  readonly #shards: Array<Shard | undefined> = []
  /** The oldest entry of each shard: nothing stands before a hand, as what it passes is evicted. */
  readonly #hands = new Map<Shard, MapIterator<ContentKey>>()
  readonly #slots: Array<Slot | undefined> = []
  readonly #free: SlotNumber[] = []
  readonly #tallies = new Map<PeerName, Tally>()
  /** Units of retired slots that are still in entries. */
  #stale = 0
  #sweeping: Iterator<ContentKey> | undefined

  constructor (settings: Pick<DirectorySettings, 'entriesMax' | 'keysPerHolderMax' | 'holdersPerKeyMax'>) {
    this.#settings = settings
  }

  /** @returns a new slot, or undefined when there are too many that were not swept yet: try later */
  open (peer: PeerName, { hearsay = false } = {}): SlotNumber | undefined {
    // What others say of a holder takes nothing of its share.
    const tally = (hearsay ? undefined : this.#tallies.get(peer)) ?? { peer, slots: 0, keys: 0 }
    if (tally.slots >= slotsPerHolderMax || (this.#free.length === 0 && this.#slots.length >= slotsMax)) return undefined
    const number = this.#free.pop() ?? this.#slots.length
    tally.slots++
    if (!hearsay) this.#tallies.set(peer, tally)
    this.#slots[number] = { peer, hearsay, tally, keys: 0, partial: false }
    return number
  }

  /** Takes all entries of a slot back; its number means nothing any more. */
  retire (number: SlotNumber): void {
    const slot = this.#slot(number)
    slot.peer = undefined
    this.#stale += slot.keys
    if (slot.keys === 0) this.#release(number)
  }

  /**
   * May be repeated. What there is no room for is not taken: neither hearsay, nor what one holder has beyond its share, pushes
   * out what others said.
   */
  add (number: SlotNumber, key: ContentKey): void {
    const slot = this.#slot(number)
    const unit = String.fromCharCode(number)
    const shard = this.#shard(key)
    const known = shard.get(key)
    if (known?.includes(unit) === true) return
    const { holdersPerKeyMax, keysPerHolderMax } = this.#settings
    const others = known !== undefined && known.length >= holdersPerKeyMax ? this.#live(known, { firstHand: !slot.hearsay }) : known ?? ''
    const pushesOut = known === undefined && this.#isFull(shard)
    if (slot.keys >= keysPerHolderMax || others.length >= holdersPerKeyMax || (pushesOut && (slot.hearsay || slot.tally.keys >= keysPerHolderMax))) {
      slot.partial = true
      if (known !== undefined) this.#put(shard, key, others)
      return
    }
    if (pushesOut) this.#makeRoom(shard)
    if (known === undefined) this.size++
    shard.set(key, others + unit)
    slot.keys++
    slot.tally.keys++
  }

  /** May be repeated. */
  remove (number: SlotNumber, key: ContentKey): void {
    const unit = String.fromCharCode(number)
    const shard = this.#shard(key)
    const known = shard.get(key)
    if (known?.includes(unit) !== true) return
    this.#put(shard, key, known.replace(unit, ''))
    this.#lose(number)
  }

  /** @param firstHand without what others than the holders said */
  holders (key: ContentKey, { firstHand = false } = {}): PeerName[] {
    const units = this.#shard(key).get(key) ?? ''
    const peers: PeerName[] = []
    for (let at = 0; at < units.length; at++) {
      const { peer, hearsay } = this.#slot(units.charCodeAt(at))
      if (peer !== undefined && !(firstHand && hearsay) && !peers.includes(peer)) peers.push(peer)
    }
    return peers
  }

  /** All keys, some of them without holders any more. The directory may change meanwhile. */
  * keys (): Generator<ContentKey, undefined> {
    for (const shard of this.#shards) if (shard !== undefined) yield * shard.keys()
  }

  /** Keys of a slot; undefined when some that it was given were not kept. */
  count (number: SlotNumber): number | undefined {
    const { keys, partial } = this.#slot(number)
    return partial ? undefined : keys
  }

  /** Whether `sweep` has work. */
  get stale (): boolean { return this.#stale > 0 }

  /** Frees what retired slots left in entries, looking at `keysMax` keys at most. */
  sweep (keysMax: number): void {
    for (let left = keysMax; left > 0 && this.#stale > 0; left--) {
      this.#sweeping ??= this.keys()
      const { value: key } = this.#sweeping.next()
      if (key === undefined) {
        this.#sweeping = undefined
        continue
      }
      const shard = this.#shard(key)
      const known = shard.get(key) ?? ''
      const live = this.#live(known)
      if (live !== known) this.#put(shard, key, live)
    }
    if (this.#stale === 0) this.#sweeping = undefined
  }

  /** The units of slots that are not retired, with `firstHand` of holders' own; the others are on their way out of the entry. */
  #live (units: string, { firstHand = false } = {}): string {
    let live = ''
    for (let at = 0; at < units.length; at++) {
      const { peer, hearsay } = this.#slot(units.charCodeAt(at))
      if (peer === undefined || (firstHand && hearsay)) this.#lose(units.charCodeAt(at))
      else live += units[at]
    }
    return live.length === units.length ? units : live
  }

  #put (shard: Shard, key: ContentKey, units: string): void {
    if (units !== '') shard.set(key, units)
    else if (shard.delete(key)) this.size--
  }

  #isFull (shard: Shard): boolean { return shard.size >= this.#settings.entriesMax / shardCount }

  #makeRoom (shard: Shard): void {
    const key = this.#oldest(shard)
    const units = shard.get(key) ?? ''
    for (let at = 0; at < units.length; at++) {
      this.#slot(units.charCodeAt(at)).partial = true
      this.#lose(units.charCodeAt(at))
    }
    shard.delete(key)
    this.size--
    this.evicted++
  }

  /** Of a shard with entries. A hand stays where it is: looking for the first key anew would pass all deleted ones each time. */
  #oldest (shard: Shard): ContentKey {
    const { value, done } = this.#hands.get(shard)?.next() ?? { done: true }
    if (done !== true) return value as ContentKey
    this.#hands.set(shard, shard.keys())
    return this.#oldest(shard)
  }

  /** One entry of the slot is gone. */
  #lose (number: SlotNumber): void {
    const slot = this.#slot(number)
    slot.keys--
    slot.tally.keys--
    if (slot.peer !== undefined) return
    this.#stale--
    if (slot.keys === 0) this.#release(number)
  }

  #release (number: SlotNumber): void {
    const { tally } = this.#slot(number)
    if (--tally.slots === 0 && this.#tallies.get(tally.peer) === tally) this.#tallies.delete(tally.peer)
    this.#slots[number] = undefined
    this.#free.push(number)
  }

  #slot (number: SlotNumber): Slot {
    const slot = this.#slots[number]
    if (slot === undefined) throw new RangeError(`slot ${number} is not open`)
    return slot
  }

  #shard (key: ContentKey): Shard {
    return this.#shards[key.charCodeAt(0)] ??= new Map()
  }
}
