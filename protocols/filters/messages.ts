/**
 * What edges tell each other about their filters: pages of a whole table, or of the slots that changed
 * since the version before. Both travel as CBOR maps, by gossip on the region's topic and as answers to
 * `{ kind: 'full', page }`. A version is (peer, incarnation, sequence); the peer is the message's signer, or
 * whoever was asked. Each message can be checked by itself, so a malformed one is refused before it is relayed.
 *
 *     changes = (varint slots skipped | fingerprint, ceil(printBits / 8) bytes, little endian)*
 */
import { WireError } from '../errors.ts'
import { bucketBitsCeiling, bucketBitsMin, printBitsMax, printBitsMin, tableBytes, type FilterShape } from './cuckoo-filter.ts'

interface Page {
  /** Wall clock of the sender's start, ms: a later one replaces all of an earlier one. */
  readonly incarnation: number
  /** Counts the sender's tables; a new one has another salt, mostly another size. */
  readonly generation: number
  /** The version that this message's pages lead to. */
  readonly sequence: number
  readonly shape: FilterShape
  /** CRC-32 of the whole table at `sequence`. */
  readonly digest: number
  /** Pages of one version come in any order, each on its own. */
  readonly page: number
  readonly pages: number
}

/** A part of the whole table. */
export interface FullPage extends Page {
  readonly kind: 'full'
  /** Where in the table the bytes stand. */
  readonly offset: number
  readonly bytes: Uint8Array
}

/** Slots that changed since `sequence - 1`; with `still`, none, and the version is only repeated. */
export interface ChangesPage extends Page {
  readonly kind: 'changes'
  readonly still: boolean
  readonly changes: readonly Change[]
}

export interface Change {
  readonly slot: number
  /** 0 empties the slot. */
  readonly print: number
}

export type Update = FullPage | ChangesPage

/** Pages of one version; 64 MiB at 16 KiB each. */
const pagesMax = 4096
/** CBOR around the bytes of a page, generously: twelve names and numbers. */
export const pageOverheadBytes = 256

/** The map that travels: a gossip message, or the head of an answer. */
export function updateHead (update: Update): object {
  const { incarnation, generation, sequence, digest, page, pages } = update
  const common = { kind: update.kind, incarnation, generation, sequence, ...update.shape, digest, page, pages }
  return update.kind === 'full'
    ? { ...common, offset: update.offset, bytes: update.bytes }
    : { ...common, still: update.still, changes: encodeChanges(update.changes, update.shape) }
}

/** @throws WireError when any field is not what it must be */
export function decodeUpdate (head: Readonly<Record<string, unknown>>): Update {
  const { kind } = head
  if (kind !== 'full' && kind !== 'changes') throw new WireError('a peer sent a filter of a kind that nobody knows')
  const pages = integer(head.pages, 'pages', 1, pagesMax)
  const common = {
    incarnation: integer(head.incarnation, 'incarnation', 0, Number.MAX_SAFE_INTEGER),
    generation: integer(head.generation, 'generation', 0, Number.MAX_SAFE_INTEGER),
    sequence: integer(head.sequence, 'sequence', 0, Number.MAX_SAFE_INTEGER),
    shape: {
      bucketBits: integer(head.bucketBits, 'bucketBits', bucketBitsMin, bucketBitsCeiling),
      printBits: integer(head.printBits, 'printBits', printBitsMin, printBitsMax)
    },
    digest: integer(head.digest, 'digest', 0, 0xffffffff),
    page: integer(head.page, 'page', 0, pages - 1),
    pages
  }
  if (kind === 'full') {
    const bytes = byteString(head.bytes, 'bytes')
    return { ...common, kind, offset: integer(head.offset, 'offset', 0, tableBytes(common.shape) - bytes.byteLength), bytes }
  }
  const still = head.still === true
  const changes = decodeChanges(byteString(head.changes, 'changes'), common.shape)
  if (still && (changes.length > 0 || pages > 1)) throw new WireError('a peer sent changes to a filter that is said to have none')
  return { ...common, kind, still, changes }
}

/** The request for one page of a peer's filter as it is now. */
export function fullRequest (page: number): object {
  return { kind: 'full', page }
}

/** @returns the page that is asked for; @throws WireError */
export function decodeFullRequest (head: Readonly<Record<string, unknown>>): number {
  if (head.kind !== 'full') throw new WireError('a peer asked for something of a filter that nobody knows')
  return integer(head.page ?? 0, 'page', 0, pagesMax - 1)
}

/** Splits changes, ascending by slot, so that each part takes at most `bytesMax` on the wire. */
export function pagesOfChanges (changes: readonly Change[], { printBits }: FilterShape, bytesMax: number): Change[][] {
  const pages: Change[][] = []
  const printBytes = Math.ceil(printBits / 8)
  let length = Infinity
  let last = -1
  for (const change of changes) {
    let bytes = varintBytes(change.slot - last - 1) + printBytes
    if (length + bytes > bytesMax) {
      pages.push([])
      length = 0
      bytes = varintBytes(change.slot) + printBytes
    }
    pages.at(-1)?.push(change)
    length += bytes
    last = change.slot
  }
  return pages
}

function encodeChanges (changes: readonly Change[], { printBits }: FilterShape): Uint8Array {
  const bytes: number[] = []
  let next = 0
  for (const { slot, print } of changes) {
    let skipped = slot - next
    for (; skipped >= 0x80; skipped >>>= 7) bytes.push(skipped & 0x7f | 0x80)
    bytes.push(skipped)
    for (let bit = 0; bit < printBits; bit += 8) bytes.push(print >>> bit & 0xff)
    next = slot + 1
  }
  return Uint8Array.from(bytes)
}

function decodeChanges (bytes: Uint8Array, { bucketBits, printBits }: FilterShape): Change[] {
  const slots = 4 << bucketBits
  const changes: Change[] = []
  let next = 0
  let at = 0
  const byte = (): number => {
    const value = bytes[at++]
    if (value === undefined) throw new WireError('a peer sent changes to a filter that end in the middle of one')
    return value
  }
  while (at < bytes.byteLength) {
    let skipped = 0
    let shift = 0
    for (let more = true; more; shift += 7) {
      if (shift > 21) throw new WireError('a peer sent changes to a filter that skip more slots than a filter has')
      const value = byte()
      skipped |= (value & 0x7f) << shift
      more = value >= 0x80
    }
    let print = 0
    for (let bit = 0; bit < printBits; bit += 8) print |= byte() << bit
    const slot = next + skipped
    if (slot >= slots || print >= 2 ** printBits) throw new WireError('a peer sent a change to a filter outside of its slots or fingerprints')
    changes.push({ slot, print })
    next = slot + 1
  }
  return changes
}

function varintBytes (value: number): number {
  return value < 0x80 ? 1 : value < 0x4000 ? 2 : value < 0x200000 ? 3 : 4
}

function integer (value: unknown, name: string, min: number, max: number): number {
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < min || value > max) {
    throw new WireError(`a peer sent a filter's ${name} outside ${min} to ${max}`)
  }
  return value
}

function byteString (value: unknown, name: string): Uint8Array {
  if (!(value instanceof Uint8Array)) throw new WireError(`a peer sent a filter's ${name} that are not bytes`)
  return value
}
