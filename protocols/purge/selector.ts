/**
 * What a selector may say, and how a purge goes over the wire. The same checks stand before what a client orders, what a
 * person types and what a peer sends; what passes is in its normal form (RFC 3986 section 6.2.2), so that every edge compares
 * the same text. Whoever cannot tell exactly what is meant forgets more, never less: ports are left out of hosts, and a kind of selector
 * that a newer edge made is taken for everything of its site.
 */
import { ColonyError, WireError } from '../errors.ts'
import { normaliseTarget, type PeerName } from '../ids.ts'
import { printable } from '../text.ts'
import { encodeHead } from '../wire.ts'
import type { Purge, PurgeId, Selector } from './purge.ts'

export const selectorDefaults = Object.freeze({
  /** Selectors of one order. Higher lets one call forget more by name; each costs every edge a mark. */
  selectorsMax: 256,
  /** Length of a target, or of the beginning of one, characters: what the HTTP front takes at most would leave no room for others in an order. */
  targetCharsMax: 8 * 1024,
  /** Length of a tag, characters. RFC 9875 section 2 asks for at least 32; those who tag by what a page was made from need more. */
  tagCharsMax: 1024,
  /** An order as it is sent, bytes. It has to fit, with what a log or a batch puts around it, into the head of one frame (64 KiB). */
  purgeBytesMax: 32 * 1024
})

/** A selector, or an order, says what none may: the text is one sentence for whoever wrote it. */
export class SelectorError extends ColonyError {
  constructor (message: string) { super('COLONY_PURGE_SELECTOR', message) }
}

const siteText = /^[^\s|/:?#\p{Cc}]{1,256}$/u
const hostText = /^(\[[0-9a-f:.]{2,45}\]|[a-z0-9]([a-z0-9._-]{0,251}[a-z0-9])?)(:\d{0,5})?$/i
/** What all three fields can bear; RFC 8941 strings are printable ASCII. */
const tagText = /^[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?$/
const peerText = /^[A-Za-z0-9]{1,128}$/

/**
 * @param value of any shape
 * @returns the selector in its normal form; fields that are not known are left out
 * @throws SelectorError
 */
export function readSelector (value: unknown): Selector {
  if (typeof value !== 'object' || value === null) throw new SelectorError(`the selector ${quoted(value)} is none: expected such as {"kind":"host","host":"shop.example"}`)
  const { kind, site, host, target, queries = 'exact', prefix, tag } = value as Record<string, unknown>
  const ofSite = site === undefined ? {} : { site: checked(site, siteText, 'site', 'the name of a site') }
  const ofHost = host === undefined ? {} : { host: readHost(host) }
  switch (kind) {
    case 'url': return { kind, ...ofSite, ...ofHost, ...readTarget(target, queries) }
    case 'prefix': return { kind, ...ofSite, ...ofHost, prefix: readPrefix(prefix) }
    case 'host': return { kind, host: readHost(host) }
    case 'tag': return { kind, ...ofSite, tag: readTag(tag) }
    case 'everything': return { kind, ...ofSite }
    default: throw new SelectorError(`the selector's kind is ${quoted(kind)}: expected url, prefix, host, tag or everything`)
  }
}

/** @throws SelectorError also when there is none, or too many of them for one order */
export function readSelectors (value: unknown): Selector[] {
  const { selectorsMax, purgeBytesMax } = selectorDefaults
  if (!Array.isArray(value) || value.length === 0) throw new SelectorError('the order names nothing: expected at least one selector')
  if (value.length > selectorsMax) throw new SelectorError(`the order has ${value.length} selectors: expected at most ${selectorsMax}; send it in parts, or purge by prefix or tag`)
  const selectors = value.map(readSelector)
  const bytes = encodeHead({ selectors }).byteLength
  if (bytes > purgeBytesMax - 512) throw new SelectorError(`the order takes ${bytes} bytes: expected at most ${purgeBytesMax - 512}; send it in parts, or purge by prefix or tag`)
  return selectors
}

/** For the wire and the log: plain data for `encodeHead`. */
export function encodePurge ({ id, selectors, soft, atMs }: Purge): object {
  return { id: [id.peer, id.incarnation, id.sequence], selectors, soft, atMs }
}

/** @param value what `encodePurge` made, here or elsewhere. @throws WireError */
export function decodePurge (value: unknown): Purge {
  if (typeof value !== 'object' || value === null) throw new WireError('a peer sent a purge that is not a map')
  const { id, selectors, soft, atMs } = value as Record<string, unknown>
  if (!Array.isArray(selectors) || selectors.length === 0 || selectors.length > selectorDefaults.selectorsMax) throw new WireError(`a peer sent a purge without a list of 1 to ${selectorDefaults.selectorsMax} selectors`)
  if (typeof soft !== 'boolean') throw new WireError('a peer sent a purge that is neither soft nor hard')
  if (typeof atMs !== 'number' || !Number.isSafeInteger(atMs) || atMs < 0) throw new WireError('a peer sent a purge without the time of its order')
  return { id: decodePurgeId(id), selectors: selectors.map(decodeSelector), soft, atMs }
}

/** @throws WireError */
export function decodePurgeId (value: unknown): PurgeId {
  const [peer, incarnation, sequence] = Array.isArray(value) ? value as unknown[] : []
  if (typeof peer !== 'string' || !peerText.test(peer)) throw new WireError('a peer sent a purge without the peer that took the order')
  return { peer: peer as PeerName, incarnation: count(incarnation, 0, 'incarnation'), sequence: count(sequence, 1, 'sequence') }
}

/** Unique for the colony; for people, for `colony purge status`, and as a map's key. */
export function purgeIdText ({ peer, incarnation, sequence }: PurgeId): string {
  return `${peer}-${incarnation}-${sequence}`
}

/** @returns undefined when it is no id */
export function parsePurgeId (text: string): PurgeId | undefined {
  const [, peer, incarnation, sequence] = /^([A-Za-z0-9]{1,128})-(\d{1,15})-([1-9]\d{0,14})$/.exec(text) ?? []
  return peer === undefined ? undefined : { peer, incarnation: Number(incarnation), sequence: Number(sequence) }
}

function decodeSelector (value: unknown): Selector {
  const { kind, site } = (value ?? {}) as Record<string, unknown>
  try {
    // Made by an edge that knows more kinds: what it means lies within its site, or anywhere.
    if (typeof kind === 'string' && !isKind(kind)) return readSelector({ kind: 'everything', site })
    return readSelector(value)
  } catch (error) {
    if (!(error instanceof SelectorError)) throw error
    throw new WireError(`a peer sent a purge with what may not stand in one: ${error.message}`, { cause: error })
  }
}

function isKind (kind: string): kind is Selector['kind'] {
  return kind === 'url' || kind === 'prefix' || kind === 'host' || kind === 'tag' || kind === 'everything'
}

function readTarget (value: unknown, queries: unknown): { readonly target: string, readonly queries: 'exact' | 'all' } {
  if (queries !== 'exact' && queries !== 'all') throw new SelectorError(`queries is ${quoted(queries)}: expected exact or all`)
  const target = normal(value, 'target')
  return queries === 'exact' ? { target, queries } : { target: target.split('?', 1)[0]!, queries }
}

function readPrefix (value: unknown): string {
  const prefix = normal(value, 'prefix')
  if (/\/\.\.?$/.test(value as string)) throw new SelectorError(`the prefix ${quoted(value)} ends in a dot segment, which no normalised path has: write more of it, or end it with /`)
  if (/%[0-9A-Fa-f]?$/.test(prefix)) throw new SelectorError(`the prefix ${quoted(value)} ends within a percent-encoded octet: leave that off, or write all of it`)
  return prefix
}

function normal (value: unknown, name: string): string {
  const { targetCharsMax } = selectorDefaults
  const short = typeof value === 'string' && value.length <= targetCharsMax ? value : undefined
  const found = short === undefined ? undefined : normaliseTarget(short)
  if (found === undefined) throw new SelectorError(`the ${name} is ${quoted(value)}: expected a path such as /img/a.png of at most ${targetCharsMax} characters, without spaces or #`)
  return found
}

function readHost (value: unknown): string {
  return checked(value, hostText, 'host', 'a host name such as shop.example').toLowerCase().replace(/:\d*$/, '')
}

function readTag (value: unknown): string {
  const { tagCharsMax } = selectorDefaults
  return checked(typeof value === 'string' && value.length > tagCharsMax ? undefined : value, tagText, 'tag', `up to ${tagCharsMax} printable ASCII characters, no space at either end`)
}

function checked (value: unknown, allowed: RegExp, name: string, expected: string): string {
  if (typeof value !== 'string' || !allowed.test(value)) throw new SelectorError(`the ${name} is ${quoted(value)}: expected ${expected}`)
  return value
}

function count (value: unknown, min: number, name: string): number {
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < min) throw new WireError(`a peer sent a purge whose ${name} is no whole number from ${min} on`)
  return value
}

function quoted (value: unknown): string {
  const text = printable(JSON.stringify(value) ?? 'missing')
  return text.length > 80 ? `${text.slice(0, 77)}...` : text
}
