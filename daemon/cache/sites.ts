/**
 * Sites: what this edge serves, for which host names, from which origin. Turns a request's host and
 * target into a site and a content key. The key holds the site's name, never the host name or port a
 * client happened to use, unless the site preserves the host.
 */
import { createHash } from 'node:crypto'
import { contentKey, normaliseTarget, type ContentKey } from '../../protocols/ids.ts'
import type { SiteConfig } from '../config.ts'
import type { Origin } from '../origin/origin.ts'

export interface Site {
  readonly name: string
  /** Absent on an edge that only serves what its peers have. */
  readonly origin?: Origin
  readonly defaultTtlMs: number
  readonly preserveHost: boolean
  /** Content is published to it: it has no origin, or asks the mesh before that. */
  readonly published: boolean
}

export interface Located {
  readonly site: Site
  readonly key: ContentKey
  readonly target: string
  /** The client's host, where the site preserves it. */
  readonly host?: string
}

export class Sites {
  readonly #byHost = new Map<string, Site>()
  readonly #byName = new Map<string, Site>()
  /** Says in announcements which origins stand behind the sites: edges that differ are warned about. */
  readonly originHash: string

  constructor (configs: readonly SiteConfig[], originFor: (url: string) => Origin) {
    const digest = createHash('sha256')
    if (configs.length === 0) this.#add({ name: 'default', defaultTtlMs: 0, preserveHost: false, published: true }, ['*'])
    for (const config of configs) {
      this.#add({
        name: config.name,
        origin: config.origin === undefined ? undefined : originFor(config.origin),
        defaultTtlMs: config.defaultTtlMs,
        preserveHost: config.hostHeader === 'preserve',
        published: config.published ?? config.origin === undefined
      }, config.hosts)
      digest.update(`${config.name}\0${config.origin ?? ''}\0`)
    }
    this.originHash = digest.digest('base64url').slice(0, 11)
  }

  #add (site: Site, hosts: readonly string[]): void {
    this.#byName.set(site.name, site)
    for (const host of hosts) this.#byHost.set(host, site)
  }

  all (): readonly Site[] { return [...this.#byName.values()] }

  byName (name: string): Site | undefined { return this.#byName.get(name) }

  /** @param authority host, maybe with a port, as the client sent it */
  byHost (authority: string): Site | undefined {
    return this.#byHost.get(hostOf(authority)) ?? this.#byHost.get('*')
  }

  /** @returns undefined when the target cannot be a key (then it is a bad request) */
  locate (site: Site, target: string, authority: string): Located | undefined {
    const normal = normaliseTarget(target)
    if (normal === undefined) return undefined
    const host = site.preserveHost ? authority.toLowerCase() : undefined
    return { site, target: normal, host, key: contentKey(keyName(site, host), normal) }
  }

  /**
   * Whether `key` is what this edge would compute itself, from a target and host that are in their normal form:
   * a peer cannot have one thing stored as another, nor what an origin answers to another spelling of it.
   */
  keyMatches (key: ContentKey, site: Site, target: string, host?: string): boolean {
    const located = this.locate(site, target, host ?? '')
    return located?.key === key && located.target === target && located.host === host
  }
}

function keyName (site: Site, host?: string): string {
  return host === undefined ? site.name : `${site.name}|${host}`
}

function hostOf (authority: string): string {
  return authority.toLowerCase().replace(/:\d*$/, '')
}
