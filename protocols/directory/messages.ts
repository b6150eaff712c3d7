/**
 * What edges of a region say to each other about who holds what, `/colony/directory/1.0.0`: reports of a
 * holder to an owner, pages of a directory from its previous owner, and look-ups. Keys travel as raw
 * SHA-256 values, 32 bytes each, in the payload; the head says how many of them mean what. Every field is
 * checked, as all of it comes from a peer; unknown ones are skipped.
 */
import { WireError } from '../errors.ts'
import { isContentKey, type ContentKey, type PeerName } from '../ids.ts'
import type { Frame } from '../wire.ts'

/** One step of what a holder tells an owner about its own holdings. */
export interface Report {
  /** Random, new with each full report; 0 asks only for a sign of life. */
  readonly session: number
  /** 0, 1, 2, … within a session; a repeated report has the same content. */
  readonly sequence: number
  /** With this report everything that the holder holds in the owner's ranges has been told in this session. */
  readonly complete: boolean
  readonly added: readonly ContentKey[]
  readonly dropped: readonly ContentKey[]
  /** The holder's incarnation, as membership counts them: what an earlier one said and was late on its way is not believed. */
  readonly life?: number | undefined
}

/** A page of a directory, from the previous owner of its keys to the next one. */
export interface HandOver { readonly entries: ReadonlyMap<PeerName, readonly ContentKey[]> }

export type Request =
  | { readonly kind: 'report', readonly report: Report }
  | { readonly kind: 'hand-over', readonly handOver: HandOver }
  | { readonly kind: 'find', readonly key: ContentKey }

export type ReportAnswer =
  /** Applied. `count`: keys that the owner has of this holder; absent where it did not keep all that it was told. */
  | { readonly kind: 'ok', readonly count?: number | undefined }
  /** The owner does not know the session, or missed a part of it: tell everything again. */
  | { readonly kind: 'again' }

export interface Message { readonly head: object, readonly payload?: Uint8Array }

const keyBytes = 32
/** Bounds of what is decoded, whatever the settings of the sender: a page fits into one frame's payload. */
const keysMax = 32_768
const holdersMax = 256
const peerNameMax = 128

export function encodeReport ({ session, sequence, complete, added, dropped, life }: Report): Message {
  return {
    head: { kind: 'report', session, sequence, complete, added: added.length, dropped: dropped.length, ...(life !== undefined && { life }) },
    payload: encodeKeys([added, dropped])
  }
}

export function encodeHandOver ({ entries }: HandOver): Message {
  const lists = [...entries.values()]
  return {
    head: { kind: 'hand-over', holders: [...entries.keys()], counts: lists.map((keys) => keys.length) },
    payload: encodeKeys(lists)
  }
}

export function encodeFind (key: ContentKey): Message {
  return { head: { kind: 'find', key } }
}

/** @throws WireError for anything malformed */
export function decodeRequest ({ head, payload }: Frame): Request {
  switch (head.kind) {
    case 'report': {
      const counts = [integer(head.added, 'added', keysMax), integer(head.dropped, 'dropped', keysMax)]
      const [added, dropped] = decodeKeys(payload, counts) as [ContentKey[], ContentKey[]]
      const session = integer(head.session, 'session', Number.MAX_SAFE_INTEGER)
      const sequence = integer(head.sequence, 'sequence', Number.MAX_SAFE_INTEGER)
      const life = head.life === undefined ? undefined : integer(head.life, 'life', Number.MAX_SAFE_INTEGER)
      return { kind: 'report', report: { session, sequence, complete: head.complete === true, added, dropped, life } }
    }
    case 'hand-over': {
      const holders = peerNames(head.holders)
      if (!Array.isArray(head.counts) || head.counts.length !== holders.length) throw new WireError('a peer handed over holders without as many counts')
      const lists = decodeKeys(payload, head.counts.map((count) => integer(count, 'counts', keysMax)))
      return { kind: 'hand-over', handOver: { entries: new Map(holders.map((holder, index) => [holder, lists[index] ?? []])) } }
    }
    case 'find': {
      if (!isContentKey(head.key)) throw new WireError('a peer looked for something that is not a content key')
      return { kind: 'find', key: head.key }
    }
    default: throw new WireError('a peer asked a directory for something that nobody knows')
  }
}

/** @throws WireError for anything malformed */
export function decodeReportAnswer ({ head }: Frame): ReportAnswer {
  if (head.kind === 'again') return { kind: 'again' }
  if (head.kind !== 'ok') throw new WireError('a peer answered a report with a kind that nobody knows')
  return { kind: 'ok', count: head.count === undefined ? undefined : integer(head.count, 'count', Number.MAX_SAFE_INTEGER) }
}

/** @throws WireError for anything malformed */
export function decodeHolders ({ head }: Frame): PeerName[] {
  return peerNames(head.holders)
}

function encodeKeys (lists: ReadonlyArray<readonly ContentKey[]>): Uint8Array {
  const bytes = Buffer.allocUnsafe(keyBytes * lists.reduce((sum, keys) => sum + keys.length, 0))
  let at = 0
  for (const keys of lists) {
    for (const key of keys) at += bytes.write(key, at, keyBytes, 'base64url')
  }
  return bytes
}

/** @returns the payload's keys, cut into lists of so many each; `counts` must use up the payload */
function decodeKeys (payload: Uint8Array, counts: readonly number[]): ContentKey[][] {
  const total = counts.reduce((sum, count) => sum + count, 0)
  if (total > keysMax || payload.byteLength !== total * keyBytes) throw new WireError(`a peer announced ${total} keys in ${payload.byteLength} bytes`)
  const bytes = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength)
  let at = 0
  return counts.map((count) => Array.from({ length: count }, () => {
    at += keyBytes
    return bytes.toString('base64url', at - keyBytes, at) as ContentKey
  }))
}

function integer (value: unknown, name: string, max: number): number {
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0 || value > max) throw new WireError(`a peer sent ${name} outside 0 to ${max}`)
  return value
}

function peerNames (value: unknown): PeerName[] {
  if (!Array.isArray(value) || value.length > holdersMax) throw new WireError(`a peer sent holders that are not a list of at most ${holdersMax}`)
  const names = value.map((name: unknown) => {
    if (typeof name !== 'string' || name.length === 0 || name.length > peerNameMax) throw new WireError(`a peer sent a holder that is not a name of at most ${peerNameMax} characters`)
    return name
  })
  if (new Set(names).size !== names.length) throw new WireError('a peer sent a holder twice')
  return names
}
