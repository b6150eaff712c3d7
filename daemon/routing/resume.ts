/**
 * A transfer broke off in mid-body: where the rest comes from. Only the same version will do, known by
 * its whole hash or strong ETag (RFC 9110 section 8.8.1); bytes of two versions are never joined, so without
 * one the transfer is cut visibly. Peers first, as they may all have lost the same one; then the origin, by
 * range (RFC 9110 section 14.2, If-Range section 13.1.5).
 */
import { ColonyError } from '../../protocols/errors.ts'
import { fieldValue } from '../../protocols/fields.ts'
import { Verb, type Version } from '../../protocols/fetch/messages.ts'
import type { PeerName } from '../../protocols/ids.ts'
import type { ObtainRequest } from '../cache/cache.ts'
import type { FillHead } from '../cache/fill.ts'
import { Level } from '../cache/flight.ts'
import { sameVersion, versionOf, type Upstream } from '../cache/upstream.ts'
import { contentLength, upstreamRequestFields } from '../http/fields.ts'
import { withVia } from '../http/via.ts'
import type { OriginResponse } from '../origin/origin.ts'
import { askFor, upstreamOf } from './asks.ts'
import type { RoutingInit } from './fetcher.ts'
import type { Peers } from './peers.ts'
import type { RoutingSettings } from './settings.ts'
import { originUpstream } from './origin-source.ts'

/** No other source has the same version. The transfer ends here, visibly. */
export class ResumeError extends ColonyError {
  constructor (message: string) {
    super('COLONY_RESUME', message)
  }
}

/** @throws ResumeError when no source of the same version is left */
export async function resume (init: RoutingInit, request: ObtainRequest, offset: number, head: FillHead, failed: Upstream): Promise<Upstream> {
  const version = versionOf(head)
  if (version.etag === undefined && version.hash === undefined) {
    throw new ResumeError('its source broke off, and it has no strong validator by which another could be joined to it')
  }
  return await fromPeers(init, request, offset, version, failed) ?? await fromOriginAt(init.name, request, offset, version)
}

/**
 * Whoever may be asked, nearest to the origin's side last. Only what came by a `fill` goes on by one, and only
 * from owners that stand before this edge in the key's order, or in its home region: all who lost the
 * same peer then share one fetch again, and none waits for one that waits for it (see `Level`). All others
 * are asked for what they have.
 */
function * candidates (peers: Peers, request: ObtainRequest, failed: Upstream, settings: RoutingSettings): Generator<[PeerName, Verb]> {
  const owners = peers.owners(request.key, settings.ownersMax + 1, peers.region)
  const home = peers.homeRegions(request.key)[0]
  const homeOwners = home === undefined || home === peers.region ? [] : peers.owners(request.key, settings.ownersMax, home)
  const own = owners.indexOf(peers.self)
  const before = own === -1 ? owners : owners.slice(0, own)
  const mayFill = failed.verb === Verb.Fill
  const isAsker = request.level === Level.Asker && own !== 0
  for (const peer of before) yield [peer, mayFill && isAsker ? Verb.Fill : Verb.Have]
  for (const peer of homeOwners) yield [peer, mayFill && !isAsker && request.level !== Level.Home ? Verb.Fill : Verb.Have]
  if (own !== -1) for (const peer of owners.slice(own + 1)) yield [peer, Verb.Have]
}

async function fromPeers ({ peers, settings, clock }: RoutingInit, request: ObtainRequest, offset: number, version: Version, failed: Upstream): Promise<Upstream | undefined> {
  const silent = new Set(failed.peer === undefined ? request.silent : [...request.silent, failed.peer])
  const left = candidates(peers, request, failed, settings).filter(([peer]) => !silent.has(peer) && !request.path.includes(peer)).toArray()
  // It waits on no fill from here on, so those who lost the same peer, and ask this edge next, may wait on it.
  if (!left.some(([, verb]) => verb === Verb.Fill)) request.onLevel(Level.Home)
  for (const [peer, verb] of left) {
    const ask = askFor(request, { verb, self: peers.self, silent, offset, version, last: true })
    const answer = await peers.ask(peer, ask, { signal: request.signal })
    if (answer.kind === 'silent') silent.add(peer)
    if (answer.kind !== 'hit') continue
    if (sameVersion(version, versionOf(answer.head))) return upstreamOf(answer, verb, clock.wallMs())
    answer.cancel()
  }
  return undefined
}

async function fromOriginAt (name: string, request: ObtainRequest, offset: number, version: Version): Promise<Upstream> {
  const { origin } = request.site
  if (origin === undefined || version.etag === undefined) throw new ResumeError('its source broke off, and no other has the same version')
  const response = await origin.request({
    method: 'GET',
    target: request.target,
    fields: withVia([...upstreamRequestFields(request.fields), ['range', `bytes=${offset}-`], ['if-range', version.etag]], name),
    host: request.host,
    signal: request.signal,
    traceparent: request.traceparent
  })
  const upstream = originUpstream(response)
  if (response.status === 206 && isRest(response, offset, version)) return { ...upstream, length: undefined }
  const whole = { etag: versionOf(upstream).etag, length: contentLength(response.fields) }
  if (response.status === 200 && sameVersion(version, whole)) return { ...upstream, body: skip(response.body, offset) }
  upstream.cancel()
  throw new ResumeError(`its source broke off, and the origin now has another version (status ${response.status})`)
}

function isRest (response: OriginResponse, offset: number, version: Version): boolean {
  const match = /^bytes (\d+)-(\d+)\/(\d+|\*)$/.exec(fieldValue(response.fields, 'content-range') ?? '')
  if (match === null || Number(match[1]) !== offset) return false
  const length = match[3] === '*' ? undefined : Number(match[3])
  if (length !== undefined && Number(match[2]) !== length - 1) return false
  return sameVersion(version, { etag: versionOf(response).etag, length })
}

/** The body without its first bytes, which the reader has had already. */
async function * skip (body: AsyncIterable<Uint8Array>, count: number): AsyncGenerator<Uint8Array> {
  let left = count
  for await (const chunk of body) {
    if (left >= chunk.byteLength) left -= chunk.byteLength
    else {
      yield left === 0 ? chunk : chunk.subarray(left)
      left = 0
    }
  }
}
