/**
 * The receiving side: copies of other edges' filters, kept equal to theirs message by message, and the
 * question on the way of a miss: which of them may hold this key? What arrives is one peer's word,
 * so a table is allocated only within `filterBytesMax`, one that is not whole is never asked, and a filter that is wrong far
 * more often than it states is left out for a while. A copy that missed a message goes on
 * answering (a hint that is a little old is still one) until the whole table has been asked for again.
 */
import type { ContentKey, PeerName } from '../ids.ts'
import { CuckooFilter, falsePositiveRate, filterWords, saltOf, tableBytes } from './cuckoo-filter.ts'
import type { ChangesPage, FullPage, Update } from './messages.ts'
import type { FiltersSettings } from './settings.ts'

/**
 * `applied`: taken over, perhaps as one page of several. `stale`: older than what is held, or repeated.
 * `gap`: the copy is not, or can no longer be made, equal: ask for the whole filter. `rejected`: not equal
 * to its own digest, or beyond this edge's limits; nothing of it is kept.
 */
export type Outcome = 'applied' | 'gap' | 'stale' | 'rejected'

export type NeighboursSettings = Pick<FiltersSettings, 'filterBytesMax' | 'neighboursMax' | 'statedRateMax' | 'wrongsMin' | 'wrongFactor' | 'wrongWindowMs' | 'ignoreMs'>

/** What pages of one version have in common. */
interface Collecting {
  readonly filter: CuckooFilter
  readonly incarnation: number
  readonly generation: number
  readonly sequence: number
  readonly digest: number
  readonly pages: number
  readonly seen: Set<number>
}

interface Neighbour {
  /** Undefined until a whole table has come. */
  filter: CuckooFilter | undefined
  incarnation: number
  generation: number
  /** Version that the filter equals. */
  sequence: number
  /** Missed something: only a whole table makes it equal again. */
  broken: boolean
  /** Pages of the next version that have been written into the filter. */
  changing: Collecting | undefined
  /** A whole table on its way. */
  incoming: Collecting | undefined
  wrongs: number
  windowAtMs: number
  /** Look-ups of all filters when the window began. */
  windowLookups: number
  ignoredUntilMs: number
}

export class Neighbours {
  readonly #settings: NeighboursSettings
  readonly #neighbours = new Map<PeerName, Neighbour>()
  readonly #counters = { lookups: 0, named: 0, wrong: 0, ignored: 0 }

  constructor (settings: NeighboursSettings) {
    this.#settings = settings
  }

  /** Look-ups; peers named by them; names that were wrong; filters left out for being wrong too often. */
  counters (): Readonly<{ lookups: number, named: number, wrong: number, ignored: number }> {
    return this.#counters
  }

  /** Filters held, and the bytes of all tables. */
  sizes (): { readonly filters: number, readonly bytes: number } {
    let filters = 0
    let bytes = 0
    for (const { filter, incoming } of this.#neighbours.values()) {
      if (filter !== undefined) filters++
      bytes += (filter?.bytes.byteLength ?? 0) + (incoming?.filter.bytes.byteLength ?? 0)
    }
    return { filters, bytes }
  }

  /** Peers whose filter names `key`: they hold it, or held it a moment ago, or are named by chance. */
  candidates (key: ContentKey, nowMs: number): PeerName[] {
    const [place, print] = filterWords(key)
    const peers: PeerName[] = []
    this.#counters.lookups++
    for (const [peer, { filter, ignoredUntilMs }] of this.#neighbours) {
      if (filter !== undefined && filter.hasWords(place, print) && ignoredUntilMs <= nowMs) peers.push(peer)
    }
    this.#counters.named += peers.length
    return peers
  }

  /** What the peer's filter says; undefined where none is held. Counts nothing: for explaining. */
  has (peer: PeerName, key: ContentKey): boolean | undefined {
    return this.#neighbours.get(peer)?.filter?.has(key)
  }

  /** Whether nothing is known to be missing of the peer's filter. */
  isCurrent (peer: PeerName): boolean {
    const neighbour = this.#neighbours.get(peer)
    return neighbour?.filter !== undefined && !neighbour.broken
  }

  /** Whether the peer has told anything of its filter. */
  isHeard (peer: PeerName): boolean { return this.#neighbours.has(peer) }

  /** The peer was named for a key that it did not have. */
  wasWrong (peer: PeerName, nowMs: number): void {
    const neighbour = this.#neighbours.get(peer)
    this.#counters.wrong++
    if (neighbour?.filter === undefined) return
    const { wrongsMin, wrongFactor, wrongWindowMs, ignoreMs } = this.#settings
    if (neighbour.wrongs === 0 || nowMs - neighbour.windowAtMs > wrongWindowMs) {
      neighbour.wrongs = 0
      neighbour.windowAtMs = nowMs
      neighbour.windowLookups = this.#counters.lookups
    }
    neighbour.wrongs++
    const expected = falsePositiveRate(neighbour.filter.shape) * (this.#counters.lookups - neighbour.windowLookups)
    if (neighbour.wrongs < wrongsMin || neighbour.wrongs <= wrongFactor * expected) return
    neighbour.ignoredUntilMs = nowMs + ignoreMs
    neighbour.wrongs = 0
    this.#counters.ignored++
  }

  forget (peer: PeerName): void {
    this.#neighbours.delete(peer)
  }

  /** Forgets everyone who is not among `peers`. */
  keepOnly (peers: Iterable<PeerName>): void {
    const kept = new Set(peers)
    for (const peer of this.#neighbours.keys()) if (!kept.has(peer)) this.#neighbours.delete(peer)
  }

  /** Takes a message of `peer` over into its copy. */
  apply (peer: PeerName, update: Update): Outcome {
    return update.kind === 'full' ? this.#applyFull(peer, update) : this.#applyChanges(peer, update)
  }

  #applyFull (peer: PeerName, page: FullPage): Outcome {
    const { filterBytesMax, statedRateMax } = this.#settings
    if (tableBytes(page.shape) > filterBytesMax || falsePositiveRate(page.shape) > statedRateMax) return 'rejected'
    const neighbour = this.#neighbours.get(peer) ?? this.#welcome(peer)
    if (neighbour === undefined) return 'rejected'
    if (neighbour.filter !== undefined && !isNeeded(neighbour, page)) return 'stale'
    if (neighbour.incoming === undefined || compare(neighbour.incoming, page) < 0) neighbour.incoming = collect(peer, page)
    const { incoming } = neighbour
    if (compare(incoming, page) > 0 || incoming.seen.has(page.page)) return 'stale'
    if (!isSameVersion(incoming, page)) return 'rejected'
    incoming.filter.bytes.set(page.bytes, page.offset)
    incoming.seen.add(page.page)
    if (incoming.seen.size < incoming.pages) return 'applied'
    neighbour.incoming = undefined
    if (incoming.filter.digest() !== incoming.digest) return 'rejected'
    const { filter, incarnation, generation, sequence } = incoming
    Object.assign(neighbour, { filter, incarnation, generation, sequence, broken: false, changing: undefined })
    return 'applied'
  }

  #applyChanges (peer: PeerName, page: ChangesPage): Outcome {
    const neighbour = this.#neighbours.get(peer) ?? this.#welcome(peer)
    if (neighbour?.filter === undefined) return 'gap'
    const { filter, incarnation, generation, sequence } = neighbour
    const isRepeated = page.incarnation === incarnation && page.sequence <= sequence && !(page.still && page.sequence === sequence)
    if (page.incarnation < incarnation || isRepeated) return 'stale'
    const follows = page.incarnation === incarnation && page.generation === generation && page.sequence === sequence + (page.still ? 0 : 1)
    if (!follows) return breakOff(neighbour)
    if (page.still) return neighbour.changing === undefined && filter.digest() === page.digest ? 'applied' : breakOff(neighbour)
    neighbour.changing ??= { filter, incarnation, generation, sequence: page.sequence, digest: page.digest, pages: page.pages, seen: new Set() }
    const { changing } = neighbour
    if (!isSameVersion(changing, page)) return breakOff(neighbour)
    if (changing.seen.has(page.page)) return 'stale'
    for (const { slot, print } of page.changes) filter.setPrint(slot, print)
    changing.seen.add(page.page)
    if (changing.seen.size < changing.pages) return 'applied'
    neighbour.changing = undefined
    neighbour.sequence = page.sequence
    return filter.digest() === page.digest ? 'applied' : breakOff(neighbour)
  }

  /** @returns undefined where there are as many as may be */
  #welcome (peer: PeerName): Neighbour | undefined {
    if (this.#neighbours.size >= this.#settings.neighboursMax) return undefined
    const neighbour: Neighbour = {
      filter: undefined,
      incarnation: 0,
      generation: 0,
      sequence: 0,
      broken: false,
      changing: undefined,
      incoming: undefined,
      wrongs: 0,
      windowAtMs: 0,
      windowLookups: 0,
      ignoredUntilMs: 0
    }
    this.#neighbours.set(peer, neighbour)
    return neighbour
  }
}

type Version = Pick<Update, 'incarnation' | 'generation' | 'sequence'>

/** Negative where `a` is the older one. */
function compare (a: Version, b: Version): number {
  return a.incarnation - b.incarnation || a.generation - b.generation || a.sequence - b.sequence
}

/** Whether a whole table brings what is not held: it is newer, or the copy has broken since. */
function isNeeded (neighbour: Neighbour, page: FullPage): boolean {
  const order = compare(neighbour, page)
  return order < 0 || (order === 0 && neighbour.broken)
}

function isSameVersion (collecting: Collecting, page: Update): boolean {
  const { shape } = collecting.filter
  return compare(collecting, page) === 0 && collecting.digest === page.digest && collecting.pages === page.pages &&
    shape.bucketBits === page.shape.bucketBits && shape.printBits === page.shape.printBits
}

function collect (peer: PeerName, page: FullPage): Collecting {
  const { shape, incarnation, generation, sequence, digest, pages } = page
  return { filter: new CuckooFilter(shape, saltOf(peer, incarnation, generation)), incarnation, generation, sequence, digest, pages, seen: new Set() }
}

function breakOff (neighbour: Neighbour): Outcome {
  neighbour.broken = true
  neighbour.changing = undefined
  return 'gap'
}
