/**
 * Sites: what this edge serves, for which host names, from which origin. Turns a request's host and
 * target into a site and a content key. The key holds the site's name, never the host name or port a
 * client happened to use, unless the site preserves the host. Sites come from this edge's own configuration and from what
 * the colony agrees on; the latter are put in place whole, between two requests.
 */
import { createHash } from 'node:crypto'
import type { AgreedSite } from '../../protocols/config/schema.ts'
import { contentKey, normaliseTarget, type ContentKey } from '../../protocols/ids.ts'
import type { SiteConfig } from '../config.ts'
import { OriginsInTurn, type SiteOrigin } from '../origin/in-turn.ts'
import type { Origin } from '../origin/origin.ts'
import { revalidationWindowMs, type FreshnessPolicy } from '../http/freshness.ts'
import type { StoredResponse } from '../store/store.ts'
import { fieldRule, lifetimes, targetRule, type FieldRule, type Lifetimes, type TargetRule } from './site-rules.ts'

export interface Site {
  readonly name: string
  /** Absent on an edge that only serves what its peers have. */
  readonly origin?: SiteOrigin | undefined
  readonly defaultTtlMs: number
  readonly preserveHost: boolean
  /** Content is published to it: it has no origin, or asks the mesh before that. */
  readonly published: boolean
  /** Which of the query counts; all of it where it is absent. */
  readonly targetRule?: TargetRule | undefined
  /** What `targetRule` was made of; absent where there is none. */
  readonly ruleText?: string
  /** In place of `defaultTtlMs`. */
  readonly lifetimes?: Lifetimes | undefined
  /** How long past its lifetime content is served at once while it is fetched anew, ms; 0 where it is absent. */
  readonly staleWhileRevalidateMs?: number | undefined
  /** How long past its lifetime content is served when no origin answers, ms; for ever where it is absent. */
  readonly staleIfErrorMs?: number | undefined
  /** Whether `PURGE` from this machine is an order to purge. */
  readonly purgeMethod?: boolean
  /** What clients get instead of a response's fields. */
  readonly fieldRule?: FieldRule | undefined
}

/** How long an answer of a site lives that states nothing, and at all. */
export function freshnessOf (site: Site | undefined, target: string, status: number): FreshnessPolicy {
  return site?.lifetimes?.(target, status) ?? { defaultTtlMs: site?.defaultTtlMs ?? 0 }
}

/**
 * How long past its lifetime a response of a site is served at once while it is fetched anew, ms. Never where content is
 * published: who reads that is promised that it is no older than its lifetime.
 */
export function whileRevalidateMs (site: Site, head: Pick<StoredResponse, 'fields' | 'status'>): number {
  return site.origin === undefined || site.published ? 0 : revalidationWindowMs(head, site.staleWhileRevalidateMs)
}

/** By which a site makes keys, or made them before its rules were last changed. */
export interface KeyRule {
  readonly preserveHost: boolean
  readonly targetRule?: TargetRule | undefined
  /** Equal for equal rules. */
  readonly ruleText: string
}

export interface Located {
  readonly site: Site
  readonly key: ContentKey
  /** Normalised, without what does not count of its query. */
  readonly target: string
  /** Normalised, with all of its query: for what is passed on, and not kept. */
  readonly whole: string
  /** The client's host, where the site preserves it. */
  readonly host?: string
}

/** All sites at one time; replaced, never changed. */
interface Table {
  readonly byHost: ReadonlyMap<string, Site>
  readonly byName: ReadonlyMap<string, Site>
  /** Whether some host is a pattern such as `*.example.org`. */
  readonly patterns: boolean
  readonly hosts: ReadonlyArray<{ readonly name: string, readonly hosts: readonly string[] }>
}

interface Entry { readonly site: Site, readonly hosts: readonly string[] }

export class Sites {
  readonly #own: readonly Entry[]
  readonly #originFor: (url: string) => Origin
  #table: Table
  /** The rule before the current one, of each site that had another; also of those that are no more. */
  readonly #formerRules = new Map<string, KeyRule>()
  /**
   * Says in announcements which origins stand behind this edge's own sites: edges that differ are warned about. Agreed sites
   * differ by intention, or while they are rolled out.
   */
  readonly originHash: string

  constructor (configs: readonly SiteConfig[], originFor: (url: string) => Origin) {
    this.#originFor = originFor
    this.#own = configs.map((config) => ({
      hosts: config.hosts,
      site: {
        name: config.name,
        origin: inTurn(originsOf(config), originFor),
        defaultTtlMs: config.defaultTtlMs,
        preserveHost: config.hostHeader === 'preserve',
        purgeMethod: config.purgeMethod === 'loopback',
        published: config.published ?? originsOf(config).length === 0
      }
    }))
    this.#table = tableOf(this.#own)
    const digest = createHash('sha256')
    for (const config of configs) digest.update(`${config.name}\0${originsOf(config).join(' ')}\0`)
    this.originHash = digest.digest('base64url').slice(0, 11)
  }

  /** Every site with the hosts that lead to it. */
  hosts (): Table['hosts'] { return this.#table.hosts }

  /**
   * Puts agreed sites in place of those that were agreed before. They go before this edge's own ones: a name, or a host, that
   * both have is the agreed one's. Requests under way end as they began.
   *
   * @throws OriginUrlError for an origin that this edge cannot ask; then nothing has changed
   */
  agree (agreed: Readonly<Record<string, AgreedSite>>): void {
    const entries = Object.entries(agreed).map(([name, each]): Entry => ({
      hosts: each.hosts,
      site: {
        name,
        origin: inTurn(each.origins, this.#originFor),
        defaultTtlMs: each.ttl.default,
        preserveHost: each.hostHeader === 'preserve',
        published: each.published,
        targetRule: targetRule(each.key),
        ruleText: JSON.stringify([each.key.query, each.key.ignore]),
        lifetimes: lifetimes(each.ttl),
        staleWhileRevalidateMs: each.stale.whileRevalidate,
        staleIfErrorMs: each.stale.ifError,
        purgeMethod: each.purgeMethod === 'loopback',
        fieldRule: fieldRule(each.headers)
      }
    }))
    const names = new Set(entries.map(({ site }) => site.name))
    const table = tableOf([...entries, ...this.#own.filter(({ site }) => !names.has(site.name))])
    for (const [name, site] of this.#table.byName) {
      const [before, now] = [ruleOf(site), table.byName.get(name)]
      if (now === undefined || !isSameRule(before, ruleOf(now))) this.#formerRules.set(name, before)
    }
    this.#table = table
  }

  /** By what the site makes keys, and by what it did before that; none where it was never heard of. */
  keyRules (name: string): KeyRule[] {
    const site = this.byName(name)
    const former = this.#formerRules.get(name)
    return [...(site === undefined ? [] : [ruleOf(site)]), ...(former === undefined ? [] : [former])]
  }

  /** Every site with a rule, of now or before. */
  ruledSites (): string[] {
    return [...new Set([...this.#table.byName.keys(), ...this.#formerRules.keys()])].filter((name) => this.keyRules(name).some(({ targetRule }) => targetRule !== undefined))
  }

  all (): readonly Site[] { return [...this.#table.byName.values()] }

  byName (name: string): Site | undefined { return this.#table.byName.get(name) }

  /** @param authority host, maybe with a port, as the client sent it */
  byHost (authority: string): Site | undefined {
    const { byHost, patterns } = this.#table
    const host = hostOf(authority)
    return byHost.get(host) ?? (patterns ? byPattern(byHost, host) : undefined) ?? byHost.get('*')
  }

  /** @returns undefined when the target cannot be a key (then it is a bad request) */
  locate (site: Site, target: string, authority: string): Located | undefined {
    const normal = normaliseTarget(target)
    if (normal === undefined) return undefined
    const host = site.preserveHost ? authority.toLowerCase() : undefined
    const counted = site.targetRule === undefined ? normal : site.targetRule(normal)
    return { site, target: counted, whole: normal, host, key: contentKey(keyName(site, host), counted) }
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

/** @param entries a host that several have leads to the first of them */
function tableOf (entries: readonly Entry[]): Table {
  const byHost = new Map<string, Site>()
  const hosts: Array<Table['hosts'][number]> = []
  const all = entries.length > 0 ? entries : [{ site: { name: 'default', defaultTtlMs: 0, preserveHost: false, published: true }, hosts: ['*'] }]
  for (const { site, hosts: named } of all) {
    const led = named.filter((host) => !byHost.has(host))
    for (const host of led) byHost.set(host, site)
    hosts.push({ name: site.name, hosts: led })
  }
  return {
    byHost, hosts,
    byName: new Map(all.map(({ site }) => [site.name, site])),
    patterns: [...byHost.keys()].some((host) => host.startsWith('*.'))
  }
}

/** The longest `*.example.org` that the host lies below. */
function byPattern (byHost: ReadonlyMap<string, Site>, host: string): Site | undefined {
  for (let at = host.indexOf('.'); at !== -1; at = host.indexOf('.', at + 1)) {
    const site = byHost.get(`*${host.slice(at)}`)
    if (site !== undefined) return site
  }
  return undefined
}

const noRule = JSON.stringify(['keep', []])

function ruleOf ({ preserveHost, targetRule, ruleText = noRule }: Site): KeyRule { return { preserveHost, targetRule, ruleText } }

function isSameRule (one: KeyRule, other: KeyRule): boolean { return one.preserveHost === other.preserveHost && one.ruleText === other.ruleText }

function keyName (site: Site, host?: string): string {
  return host === undefined ? site.name : `${site.name}|${host}`
}

/** The origins of an edge's own site, in turn. */
export function originsOf ({ origin, origins }: SiteConfig): readonly string[] {
  return origins ?? (origin === undefined ? [] : [origin])
}

/** @throws OriginUrlError */
function inTurn (urls: readonly string[], originFor: (url: string) => Origin): SiteOrigin | undefined {
  // Two spellings of one URL are one origin: it need not be asked twice.
  const all = [...new Set(urls.map(originFor))]
  return all.length > 1 ? new OriginsInTurn(all) : all[0]
}

/** Without its port. */
export function hostOf (authority: string): string {
  return authority.toLowerCase().replace(/:\d*$/, '')
}
