/**
 * `/v1/content`: publishing, reading back, listing and deleting content that no origin has. A PUT or DELETE is answered once
 * it is on disk on as many edges as were asked for; both may be repeated with the same Idempotency-Key.
 * What goes wrong is a problem document with one sentence, and the `code` of its kind.
 */
import { fieldValue } from '../../protocols/fields.ts'
import type { PeerName } from '../../protocols/ids.ts'
import { PublishError } from '../../protocols/publish/errors.ts'
import { isSameWrite, merged, type History } from '../../protocols/publish/history.ts'
import { etagOf, type Address, type Manifest } from '../../protocols/publish/manifest.ts'
import { isReadLevel, ReadLevel } from '../../protocols/publish/reader.ts'
import type { PublishSettings } from '../../protocols/publish/settings.ts'
import { parseVersion, versionText } from '../../protocols/publish/version.ts'
import type { Sites } from '../cache/sites.ts'
import type { EdgeResponse } from '../http/message.ts'
import { problem } from '../http/problem.ts'
import type { Publish } from '../publish/publish.ts'
import { versionField } from '../publish/published-store.ts'
import { jsonResponse, type AdminRequest, type AdminRoute } from './route.ts'

export interface ContentSource {
  readonly publish: Pick<Publish, 'address' | 'put' | 'remove' | 'read' | 'object' | 'list' | 'counts' | 'stats' | 'placeOf'>
  readonly sites: Pick<Sites, 'all' | 'byHost'>
  readonly settings: PublishSettings
  /** A member's own name. */
  readonly member: (peer: PeerName) => { readonly name: string } | undefined
}

/** An edge as listings name it. */
export interface Holder {
  readonly peer: PeerName
  readonly name: string
  readonly region: string
  readonly zone?: string | undefined
}

/** One version of an object. */
export interface ContentVersion {
  readonly version: string
  /** SHA-256, base64url. */
  readonly hash: string
  readonly etag: string
  readonly length: number
  readonly type?: string | undefined
  readonly copies: number
  /** ISO 8601. */
  readonly createdAt: string
  readonly deleted: boolean
  /** Edges that have its bytes; of a deletion, those that know of it. */
  readonly holders: readonly Holder[]
}

export interface ContentObject extends ContentVersion {
  readonly site: string
  readonly path: string
  readonly host?: string | undefined
}

export interface ContentWritten extends ContentObject {
  /** Nothing was published there before. */
  readonly created: boolean
  /** Different regions and zones among the holders. */
  readonly zones: number
}

export interface ContentList {
  readonly site: string
  readonly objects: readonly ContentObject[]
  /** For `?after=`; absent at the end. */
  readonly next?: string
  /** Edges that did not answer in time: what only they hold is not listed. */
  readonly missing: readonly Holder[]
}

export interface ContentDetail {
  readonly site: string
  readonly path: string
  readonly host?: string | undefined
  /** The newest first; the first is what readers get. */
  readonly versions: readonly ContentVersion[]
  /** Replicas that did not answer. */
  readonly missing: readonly Holder[]
}

export interface ContentSites {
  readonly sites: ReadonlyArray<{ readonly name: string, readonly published: boolean, readonly origin: boolean, readonly objects: number }>
  readonly bytes: number
  readonly bytesMax: number
}

/** Which object a URL means: `?url=`. */
export interface ContentPlace {
  readonly site: string
  readonly path: string
  readonly host?: string | undefined
}

const listLimitMax = 1_000

export function contentRoutes (source: ContentSource): AdminRoute[] {
  const content = new Content(source)
  const route = (method: AdminRoute['method'], path: string, run: (request: AdminRequest) => Promise<EdgeResponse>): AdminRoute => ({
    method,
    path,
    run: async (request) => {
      try {
        return await run(request)
      } catch (error) {
        if (!(error instanceof PublishError)) throw error
        return problem(error.status, undefined, error.message, { code: error.code })
      }
    }
  })
  return [
    route('GET', '/v1/content', async (request) => content.sites(request)),
    route('GET', '/v1/content/:site', async (request) => await content.list(request)),
    route('GET', '/v1/content/:site/*', async (request) => request.query.has('body') ? await content.read(request) : await content.detail(request)),
    route('PUT', '/v1/content/:site/*', async (request) => await content.put(request)),
    route('DELETE', '/v1/content/:site/*', async (request) => await content.remove(request))
  ]
}

class Content {
  readonly #source: ContentSource

  constructor (source: ContentSource) { this.#source = source }

  sites ({ query }: AdminRequest): EdgeResponse {
    const url = query.get('url')
    if (url !== null) return this.#place(url)
    const { sites, publish } = this.#source
    const counts = publish.counts()
    const { bytes, bytesMax } = publish.stats()
    const list = sites.all().map(({ name, origin, published }) => ({ name, published, origin: origin !== undefined, objects: counts.get(name) ?? 0 }))
    return jsonResponse(200, { sites: list, bytes, bytesMax } satisfies ContentSites)
  }

  async list ({ request, params, query }: AdminRequest): Promise<EdgeResponse> {
    const { publish, settings } = this.#source
    const site = decoded(params.site)
    const limit = Number(query.get('limit') ?? settings.listPageMax)
    if (!Number.isInteger(limit) || limit < 1 || limit > listLimitMax) return problem(400, undefined, `limit is ${JSON.stringify(query.get('limit'))}: expected a whole number from 1 to ${listLimitMax}`)
    // Says what is wrong with the site, if anything is.
    publish.address(site, '/', 'any')
    const { objects, next, missing } = await publish.list(site, query.get('after') ?? '', limit, request.signal)
    return jsonResponse(200, {
      site,
      objects: objects.map(({ manifest, holders }) => this.#object(manifest, holders)),
      ...(next === undefined ? {} : { next }),
      missing: missing.map((peer) => this.#holder(peer))
    } satisfies ContentList)
  }

  async detail (request: AdminRequest): Promise<EdgeResponse> {
    const { publish } = this.#source
    const address = this.#address(request)
    const { answers, missing } = await publish.object(address, request.request.signal)
    const all = [...answers].flatMap(([, { history }]) => history).reduce<History>((before, manifest) => merged(before, manifest, Infinity), [])
    const holdersOf = (manifest: Manifest): PeerName[] => [...answers]
      .filter(([, { history, holds }]) => history.some((own) => isSameWrite(own, manifest)) && (manifest.deleted || holds.includes(manifest.hash)))
      .map(([peer]) => peer)
    if (all.length === 0) return problem(404, undefined, `nothing is published at ${address.target} of the site ${address.site}`)
    return jsonResponse(200, {
      site: address.site,
      path: address.target,
      host: address.host,
      versions: all.map((manifest) => this.#version(manifest, holdersOf(manifest))),
      missing: missing.map((peer) => this.#holder(peer))
    } satisfies ContentDetail)
  }

  async read (request: AdminRequest): Promise<EdgeResponse> {
    const { publish } = this.#source
    const address = this.#address(request)
    const level = request.query.get('consistency') ?? fieldValue(request.request.fields, 'colony-consistency') ?? ReadLevel.One
    if (!isReadLevel(level)) return problem(400, undefined, `consistency is ${JSON.stringify(level.slice(0, 40))}: expected one, quorum or all`)
    const wanted = request.query.get('version')
    const version = wanted === null ? undefined : parseVersion(wanted)
    if (wanted !== null && version === undefined) return problem(400, undefined, `version is ${JSON.stringify(wanted.slice(0, 80))}: expected one as the listing shows it`)
    const result = await publish.read(address, level, request.request.signal, version)
    if (result.kind === 'none') {
      const { tombstone } = result
      const why = wanted !== null ? `no replica that answered knows the version ${wanted} of ${address.target}` : tombstone === undefined ? `nothing is published at ${address.target} of the site ${address.site}` : `what was published at ${address.target} was deleted at ${new Date(tombstone.createdAtMs).toISOString()}`
      return problem(wanted === null && tombstone !== undefined ? 410 : 404, undefined, why)
    }
    const { head, read } = result
    return { status: 200, fields: head.fields, length: head.length, body: read(0, head.length) }
  }

  async put (request: AdminRequest): Promise<EdgeResponse> {
    const { publish } = this.#source
    const { fields, body, signal } = request.request
    const { manifest, holders, created } = await publish.put(this.#address(request), { fields, body, copies: copiesOf(request.query), signal })
    return this.#written(manifest, holders, created)
  }

  async remove (request: AdminRequest): Promise<EdgeResponse> {
    const { publish } = this.#source
    const { fields, signal } = request.request
    const { manifest, holders } = await publish.remove(this.#address(request), { fields, copies: copiesOf(request.query), signal })
    return this.#written(manifest, holders, false)
  }

  #written (manifest: Manifest, holders: readonly PeerName[], created: boolean): EdgeResponse {
    const object = this.#object(manifest, holders)
    const zones = new Set(object.holders.map(({ region, zone }) => JSON.stringify([region, zone]))).size
    const response = jsonResponse(created ? 201 : 200, { ...object, created, zones } satisfies ContentWritten)
    const told = [[versionField, object.version] as const, ...(manifest.deleted ? [] : [['etag', object.etag] as const])]
    return { ...response, fields: [...response.fields, ...told] }
  }

  /** Which object a URL means on this edge. */
  #place (text: string): EdgeResponse {
    const { sites, publish } = this.#source
    const url = URL.canParse(text) ? new URL(text) : undefined
    if (url === undefined || !/^https?:$/.test(url.protocol)) return problem(400, undefined, `url is ${JSON.stringify(text.slice(0, 80))}: expected an http or https URL`)
    const site = sites.byHost(url.host)
    if (site === undefined) return problem(404, undefined, `no site of this edge answers for the host ${url.host}: expected one of the sites ${sites.all().map(({ name }) => name).join(', ')}, as in SITE:/PATH`)
    const { target, host } = publish.address(site.name, url.pathname + url.search, url.host)
    return jsonResponse(200, { site: site.name, path: target, host } satisfies ContentPlace)
  }

  #address ({ params, query }: AdminRequest): Address {
    return this.#source.publish.address(decoded(params.site), `/${params.rest ?? ''}`, query.get('host') ?? undefined)
  }

  #object (manifest: Manifest, holders: readonly PeerName[]): ContentObject {
    return { site: manifest.site, path: manifest.target, host: manifest.host, ...this.#version(manifest, holders) }
  }

  #version (manifest: Manifest, holders: readonly PeerName[]): ContentVersion {
    return {
      version: versionText(manifest.version),
      hash: manifest.hash,
      etag: etagOf(manifest),
      length: manifest.length,
      type: fieldValue(manifest.fields, 'content-type'),
      copies: manifest.copies,
      createdAt: new Date(manifest.createdAtMs).toISOString(),
      deleted: manifest.deleted,
      holders: holders.map((peer) => this.#holder(peer))
    }
  }

  #holder (peer: PeerName): Holder {
    const { member, publish } = this.#source
    const place = publish.placeOf(peer)
    return { peer, name: member(peer)?.name ?? peer, region: place?.region ?? '', zone: place?.zone }
  }
}

/** @throws PublishError by the writer for a number out of bounds; NaN for what is none */
function copiesOf (query: URLSearchParams): number | undefined {
  const text = query.get('copies')
  return text === null ? undefined : /^\d{1,9}$/.test(text) ? Number(text) : NaN
}

function decoded (text = ''): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
