/**
 * What edges say to each other about published content, `/colony/publish/1.0.0`: calls of protocols/rpc.ts. Every
 * one may be repeated: taking a body or a manifest that is there already changes nothing.
 *
 *     hold     take this body (from `sources`), do not show it; answers the key's history
 *     keep     make this manifest part of the key's history, its body taken from `sources` where it is not here
 *     look     the key's history and which of its bodies are here
 *     compare  for pairs of key and newest version: which of them the other side lacks, and where it knows a newer one
 *     list     current objects of a site, a page at a time
 */
import { WireError } from '../errors.ts'
import { isContentKey, type ContentKey, type PeerName } from '../ids.ts'
import { decodeHead, encodeHead, type Frame } from '../wire.ts'
import type { History } from './history.ts'
import { decodeBodyName, decodeManifest, targetCharsMax, type BodyName, type Manifest } from './manifest.ts'
import { compareVersions, decodeVersion, type Version } from './version.ts'

export interface Known { readonly key: ContentKey, readonly version: Version }

export type Request =
  | { readonly verb: 'hold', readonly body: BodyName, readonly sources: readonly PeerName[] }
  | { readonly verb: 'keep', readonly manifest: Manifest, readonly sources: readonly PeerName[] }
  | { readonly verb: 'look', readonly key: ContentKey }
  | { readonly verb: 'compare', readonly known: readonly Known[] }
  | { readonly verb: 'list', readonly site: string, readonly after: string, readonly limit: number }

/** What an edge knows of a key. */
export interface Looked {
  readonly history: History
  /** Hashes of the bodies that it has. */
  readonly holds: readonly string[]
}

export interface Compared {
  /** Places in the list asked about: the answering side knows only older versions, or none. */
  readonly lacking: readonly number[]
  /** It knows a newer one. */
  readonly newer: readonly number[]
}

export interface Page { readonly manifests: readonly Manifest[], readonly more: boolean }

const sourcesMax = 8
/** Of one answer; what the sender's settings allow beyond is cut by the payload. */
const manifestsMax = 10_000
const comparedMax = 10_000

export interface Encoded { readonly head: object, readonly payload?: Uint8Array }

export function encodeRequest (request: Request): Encoded {
  if (request.verb !== 'compare') return { head: request }
  const known = request.known.map(({ key, version }) => [key, version.wallMs, version.counter, version.peer])
  return { head: { verb: 'compare' }, payload: encodeHead({ known }) }
}

/** @throws WireError */
export function decodeRequest ({ head, payload }: Frame): Request {
  switch (head.verb) {
    case 'hold': return { verb: 'hold', body: decodeBodyName(head.body), sources: sources(head.sources) }
    case 'keep': return { verb: 'keep', manifest: decodeManifest(head.manifest), sources: sources(head.sources) }
    case 'look': return { verb: 'look', key: key(head.key) }
    case 'compare': return { verb: 'compare', known: list(decodeHead(payload).known, comparedMax).map(known) }
    case 'list': {
      const { site, after, limit } = head
      if (typeof site !== 'string' || site.length > 256) throw new WireError('a peer asked to list a site without a name')
      if (typeof after !== 'string' || after.length > targetCharsMax + 400) throw new WireError('a peer asked to list after something that is no target')
      return { verb: 'list', site, after, limit: integer(limit, 1, manifestsMax) }
    }
    default: throw new WireError('a peer asked something about published content that nobody knows')
  }
}

export function encodeLooked ({ history, holds }: Looked): Encoded {
  return { head: { holds }, payload: encodeHead({ manifests: history }) }
}

/** @throws WireError, also when the history is not that of `key` in order */
export function decodeLooked ({ head, payload }: Frame, key: ContentKey): Looked {
  const history = manifests(payload)
  for (const [index, manifest] of history.entries()) {
    const before = history[index - 1]
    if (manifest.key !== key || (before !== undefined && compareVersions(before.version, manifest.version) <= 0)) {
      throw new WireError('a peer sent a history that is not the key\'s, the newest version first')
    }
  }
  return { history, holds: list(head.holds ?? [], manifestsMax).filter((hash) => typeof hash === 'string') }
}

/** @param asked how many were asked about */
export function decodeCompared ({ head }: Frame, asked: number): Compared {
  const places = (value: unknown): number[] => list(value, comparedMax).map((place) => integer(place, 0, asked - 1))
  return { lacking: places(head.lacking), newer: places(head.newer) }
}

export function encodePage ({ manifests, more }: Page): Encoded {
  return { head: { more }, payload: encodeHead({ manifests }) }
}

export function decodePage ({ head, payload }: Frame): Page {
  return { manifests: manifests(payload), more: head.more === true }
}

function manifests (payload: Uint8Array): Manifest[] {
  return list(decodeHead(payload).manifests, manifestsMax).map(decodeManifest)
}

function known (value: unknown): Known {
  const [name, wallMs, counter, peer] = list(value, 4)
  return { key: key(name), version: decodeVersion({ wallMs, counter, peer }) }
}

function sources (value: unknown): PeerName[] {
  return list(value, sourcesMax).map((peer) => {
    if (typeof peer !== 'string' || peer.length > 128) throw new WireError('a peer named a source that is not a peer')
    return peer
  })
}

function key (value: unknown): ContentKey {
  if (!isContentKey(value)) throw new WireError('a peer named something that is not a content key')
  return value
}

function list (value: unknown, max: number): unknown[] {
  if (!Array.isArray(value) || value.length > max) throw new WireError(`a peer sent something that is not a list of at most ${max}`)
  return value
}

function integer (value: unknown, min: number, max: number): number {
  if (!Number.isSafeInteger(value) || (value as number) < min || (value as number) > max) throw new WireError(`a peer sent a number outside ${min} to ${max}`)
  return value as number
}
