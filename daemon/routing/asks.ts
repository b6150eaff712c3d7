/** How a request of the cache becomes an ask, and a peer's answer an upstream. */
import { silentMax, Verb, type Ask, type Version } from '../../protocols/fetch/messages.ts'
import type { PeerAnswer } from '../../protocols/fetch/transfer.ts'
import type { PeerName } from '../../protocols/ids.ts'
import type { CacheRequest, Obtained, ObtainRequest } from '../cache/cache.ts'
import { Source } from '../cache/phase.ts'
import { versionOf, type Upstream } from '../cache/upstream.ts'
import { upstreamRequestFields } from '../http/fields.ts'

export interface AskInit {
  readonly verb: Verb
  readonly self: PeerName
  readonly silent: ReadonlySet<PeerName>
  readonly offset?: number
  readonly version?: Version
  readonly staleOk?: boolean
  readonly headOnly?: boolean
  readonly turnedAway?: boolean
  readonly last?: boolean
}

/** Credit and block size are the fetch protocol's to lower. */
const everything = 1_000
const oneMiB = 1024 * 1024

export function askFor (request: CacheRequest & Partial<Pick<ObtainRequest, 'stored'>>, init: AskInit): Ask {
  return {
    verb: init.verb,
    key: request.key,
    site: request.site.name,
    target: request.target,
    host: request.host,
    // A peer is never given credentials: such requests do not come here (Cache passes them).
    fields: upstreamRequestFields(request.fields),
    path: init.verb === Verb.Fill ? [...request.path, init.self] : [],
    // The last were found last: those before were told by others, who know them.
    silent: [...init.silent].slice(-silentMax),
    offset: init.offset ?? 0,
    version: init.version,
    held: request.stored === undefined || init.offset !== undefined ? undefined : versionOf(request.stored),
    staleOk: init.staleOk ?? false,
    headOnly: init.headOnly ?? false,
    turnedAway: init.turnedAway ?? false,
    last: init.last ?? false,
    credit: everything,
    blockBytes: oneMiB,
    traceparent: request.traceparent
  }
}

/** What a peer's hit is to the cache: a body, or word that what is stored is current. */
export function foundOf (answer: Extract<PeerAnswer, { kind: 'hit' }>, verb: Verb, wallMs: number): Obtained {
  if (!answer.same) return { kind: 'upstream', upstream: upstreamOf(answer, verb, wallMs) }
  return { kind: 'not-modified', fields: answer.head.fields, receivedAtMs: wallMs, initialAgeMs: answer.head.ageMs, source: Source.Peer, peer: answer.peer, stale: answer.stale }
}

export function upstreamOf (answer: Extract<PeerAnswer, { kind: 'hit' }>, verb: Verb, wallMs: number): Upstream {
  return {
    source: 'peer',
    peer: answer.peer,
    verb,
    status: answer.head.status,
    fields: answer.head.fields,
    receivedAtMs: wallMs,
    initialAgeMs: answer.head.ageMs,
    length: answer.head.length,
    hash: answer.head.hash,
    stale: answer.stale,
    body: answer.body,
    total: answer.total,
    cancel: answer.cancel
  }
}
