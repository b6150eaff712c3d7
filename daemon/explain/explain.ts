/**
 * Explains a URL: where its content is, who should know, who knows, and what a request now would do. Gathers from every
 * part of this edge and, by a survey, from every member; what is said of it comes from pure functions beside. Only for
 * people and scripts that ask: it may take seconds where edges do not answer, and changes nothing.
 */
import { deadline, type Clock } from '../../protocols/clock.ts'
import { messageOf } from '../../protocols/errors.ts'
import type { Fields } from '../../protocols/fields.ts'
import type { ContentKey, PeerName, Region } from '../../protocols/ids.ts'
import type { Locate } from '../../protocols/locate/locate.ts'
import type { Member, Membership } from '../../protocols/membership/service.ts'
import type { Call } from '../../protocols/rpc.ts'
import type { HeldVariant, Holdings } from '../../protocols/survey/messages.ts'
import type { SurveySettings } from '../../protocols/survey/settings.ts'
import { survey, type Reply } from '../../protocols/survey/survey.ts'
import { freshnessOf, whileRevalidateMs, type Located, type Sites } from '../cache/sites.ts'
import { requestCacheControl } from '../http/cache-control.ts'
import { validators } from '../http/conditional.ts'
import { currentAgeMs, lifetimeMs, requestAllows } from '../http/freshness.ts'
import { selectVariant } from '../http/vary.ts'
import { originMs } from '../routing/patience.ts'
import type { Peers } from '../routing/peers.ts'
import type { RoutingSettings } from '../routing/settings.ts'
import type { Store } from '../store/store.ts'
import type { Decisions } from './decisions.ts'
import { disagreements, type Evidence } from './disagreements.ts'
import type { DecisionReport, EdgeRef, EdgeReport, Explanation, OwnerReport, SourcesReport } from './explanation.ts'
import { fittingVariant } from './holdings.ts'
import { plan } from './plan.ts'
import type { ExplainSettings } from './settings.ts'
import { readFields, readSubject, type SiteHosts } from './subject.ts'
import { shortPeer } from './words.ts'

/** The ways of finding that an edge may have; each may be left out. */
export interface ExplainSources {
  /** Whether the peer's filter names the key; undefined where this edge has no filter of it. */
  readonly filterHas?: (peer: PeerName, key: ContentKey) => boolean | undefined
  /** Members and others that the DHT names. */
  readonly findProviders?: (key: ContentKey, signal: AbortSignal) => Promise<readonly PeerName[]>
}

export interface ExplainInit extends ExplainSources {
  /** Settings of the directory that a disagreement is judged by. */
  readonly directory?: Evidence['directory']
  readonly clock: Clock
  readonly settings: ExplainSettings
  readonly surveySettings: SurveySettings
  readonly routing: RoutingSettings
  readonly rangeWaitBytesMax: number
  readonly sites: Sites
  readonly hosts: readonly SiteHosts[]
  readonly membership: Pick<Membership, 'self' | 'members' | 'member'>
  /** As the router sees them. */
  readonly peers: Pick<Peers, 'owners' | 'homeRegions' | 'previousOwner' | 'holders' | 'neighbours' | 'rttMs'>
  readonly locate: Pick<Locate, 'ringHash'>
  readonly store: Pick<Store, 'variants'>
  /** Whether requests for the key pass for a while. */
  readonly notShareable: (key: ContentKey) => boolean
  /** What this edge answers to a survey. */
  readonly holdings: (key: ContentKey) => Holdings
  readonly decisions: Pick<Decisions, 'of'>
  readonly call: Call
}

export class Explainer {
  readonly #init: ExplainInit

  constructor (init: ExplainInit) { this.#init = init }

  /**
   * @param url `http(s)://HOST/PATH`, `SITE:/PATH`, or `/PATH` where there is one site
   * @param headers request fields that select a variant, each `Name: value`
   * @throws ExplainError, and the signal's reason
   */
  async explain (url: string, headers: readonly string[], signal: AbortSignal): Promise<Explanation> {
    const { sites, hosts, clock, membership, peers, routing } = this.#init
    const fields = readFields(headers)
    const located = readSubject(url, sites, hosts)
    const { key } = located
    const self = membership.self()
    const home = peers.homeRegions(key)[0]
    const owners = peers.owners(key, routing.ownersMax, self.region)
    const homeOwners = home === undefined || home === self.region ? [] : peers.owners(key, routing.ownersMax, home)
    const members = inOrder(membership.members(), self, home)

    const others = members.filter(({ peer }) => peer !== self.peer).map(({ peer }) => peer)
    const [replies, dht] = await Promise.all([
      survey({ call: this.#init.call, clock, settings: this.#init.surveySettings }, key, others, signal),
      this.#askDht(key, signal)
    ])
    const byPeer = new Map(replies.map((reply) => [reply.peer, reply]))
    byPeer.set(self.peer, { peer: self.peer, holdings: this.#init.holdings(key) })

    const edges = members.map((member) => this.#edge(member, key, byPeer.get(member.peer), self))
    const sources: SourcesReport = { directories: this.#directories([owners[0], homeOwners[0]], byPeer), filters: this.#filters(key, members.map(({ peer }) => peer)), dht }
    const hasFilterOf = (peer: PeerName): boolean => this.#init.filterHas?.(peer, key) !== undefined
    return {
      url, site: located.site.name, target: located.target, host: located.host, key, request: fields,
      ...plan(this.#situation(located, fields, self, home, owners, homeOwners, byPeer)),
      atMs: clock.wallMs(), edge: this.#ref(self.peer), home,
      owners: this.#owners(owners), homeOwners: this.#owners(homeOwners), edges, sources,
      disagreements: disagreements({ edges, sources, hasFilterOf, directory: this.#init.directory, region: self.region, ringHash: (region) => this.#init.locate.ringHash(region) }),
      decisions: this.#decisions(key)
    }
  }

  #situation ({ site, key }: Located, fields: Fields, self: Member, home: Region | undefined, owners: readonly PeerName[], homeOwners: readonly PeerName[], replies: ReadonlyMap<PeerName, Reply>): Parameters<typeof plan>[0] {
    const { clock, store, peers, routing, rangeWaitBytesMax, notShareable } = this.#init
    const wallMs = clock.wallMs()
    const control = requestCacheControl(fields)
    const variants = store.variants(key)
    const head = selectVariant(variants, fields)
    const ages = head === undefined ? undefined : { ageMs: currentAgeMs(head, wallMs), lifetimeMs: lifetimeMs(head, freshnessOf(site, head.target, head.status)), whileRevalidateMs: whileRevalidateMs(site, head), receivedAgoMs: Math.max(0, wallMs - head.receivedAtMs) }
    const holds = (peer: PeerName): HeldVariant | undefined | 'unknown' => {
      const reply = replies.get(peer)
      return reply === undefined || 'error' in reply ? 'unknown' : fittingVariant(reply.holdings.variants, fields)
    }
    const fresh = (peer: PeerName): number => (holds(peer) as HeldVariant).ttlMs
    return {
      name: self.name,
      fields,
      stored: head === undefined || ages === undefined ? undefined : { head, ...ages },
      otherVary: [...new Set(variants.flatMap(({ vary }) => vary))].sort(),
      underway: this.#init.holdings(key).fetching > 0,
      notShareable: notShareable(key),
      rangeWaitBytesMax,
      route: {
        self: self.peer, region: self.region, owners, home, homeOwners,
        nameOf: (peer) => this.#nameOf(peer),
        previousOwner: peers.previousOwner(key),
        neighbours: peers.neighbours(key),
        directory: peers.holders(key),
        directoryOf: (peer) => {
          const reply = replies.get(peer)
          return reply === undefined || 'error' in reply ? [] : reply.holdings.directory ?? []
        },
        rttMs: (peer) => peers.rttMs(peer),
        holds,
        fits: ({ ageMs, ttlMs }) => requestAllows({ fields: [] }, control, ageMs, ageMs + ttlMs),
        holders: [...replies.keys()].filter((peer) => peer !== self.peer && typeof holds(peer) === 'object').sort((one, other) => fresh(other) - fresh(one)),
        site: site.name,
        origins: (site.origin?.all ?? []).map((origin) => ({ url: origin.url, ttfbMs: origin.ttfbMs(), breaker: origin.state().breaker })),
        originMs: originMs(site),
        validators: head === undefined ? [] : validators(head.fields).map(([name]) => name),
        settings: routing
      }
    }
  }

  #edge (member: Member, key: ContentKey, reply: Reply | undefined, self: Member): EdgeReport {
    const { peers } = this.#init
    const common = { ...this.#ref(member.peer), self: member.peer === self.peer, rttMs: peers.rttMs(member.peer), owner: peers.owners(key, 1, member.region)[0] === member.peer }
    if (reply === undefined || 'error' in reply) return { ...common, error: reply?.error.replaceAll(member.peer, shortPeer(member.peer)) ?? 'it was not asked', variants: [], moreVariants: 0, fetching: 0 }
    const { variants, moreVariants, fetching, ring, owner } = reply.holdings
    return { ...common, variants, moreVariants, fetching, ring, ownerByItself: owner }
  }

  #directories (owners: ReadonlyArray<PeerName | undefined>, replies: ReadonlyMap<PeerName, Reply>): SourcesReport['directories'] {
    return owners.flatMap((owner): SourcesReport['directories'] => {
      const reply = owner === undefined ? undefined : replies.get(owner)
      if (reply === undefined) return []
      if ('error' in reply) return [{ of: this.#ref(reply.peer), error: 'it did not answer' }]
      const { directory } = reply.holdings
      return directory === undefined ? [] : [{ of: this.#ref(reply.peer), holders: directory.map((peer) => this.#ref(peer)) }]
    })
  }

  /** Those that this edge was sent, and what it tells of itself. */
  #filters (key: ContentKey, peers: readonly PeerName[]): SourcesReport['filters'] {
    const { filterHas } = this.#init
    if (filterHas === undefined) return undefined
    const known = peers.filter((peer) => filterHas(peer, key) !== undefined)
    return { known: known.length, holders: known.filter((peer) => filterHas(peer, key) === true).map((peer) => this.#ref(peer)) }
  }

  async #askDht (key: ContentKey, signal: AbortSignal): Promise<SourcesReport['dht']> {
    const { findProviders, clock, settings } = this.#init
    if (findProviders === undefined) return undefined
    const limit = deadline(clock, settings.findTimeoutMs, 'the look-up', signal)
    try {
      return { providers: (await findProviders(key, limit.signal)).map((peer) => this.#ref(peer)) }
    } catch (error) {
      signal.throwIfAborted()
      return { providers: [], error: messageOf(error) }
    } finally {
      limit.clear()
    }
  }

  #owners (owners: readonly PeerName[]): OwnerReport[] {
    return owners.map((peer, index) => ({ ...this.#ref(peer), rank: index + 1, rttMs: this.#init.peers.rttMs(peer) }))
  }

  #decisions (key: ContentKey): DecisionReport[] {
    const { decisions, store, clock } = this.#init
    return decisions.of(key).map((decision) => {
      const by = decision.byKey === undefined ? undefined : store.variants(decision.byKey)[0]
      return {
        ...decision,
        agoMs: Math.max(0, clock.wallMs() - decision.atMs),
        by: by === undefined ? undefined : `${by.site}:${by.target}`,
        from: decision.peer === undefined ? undefined : this.#nameOf(decision.peer)
      }
    })
  }

  #ref (peer: PeerName): EdgeRef {
    const { membership } = this.#init
    const member = membership.member(peer)
    if (member === undefined) return { peer }
    const { name, region } = member
    const shared = membership.members().filter((each) => each.name === name).length > 1
    return { peer, region, name: shared ? `${name} (${shortPeer(peer)})` : name }
  }

  #nameOf (peer: PeerName): string {
    return this.#ref(peer).name ?? `peer ${shortPeer(peer)}`
  }
}

/** This edge, its region, the home region, the others; by name within each. */
function inOrder (members: readonly Member[], self: Member, home: Region | undefined): Member[] {
  const rank = ({ peer, region }: Member): number => peer === self.peer ? 0 : region === self.region ? 1 : region === home ? 2 : 3
  return members.toSorted((one, other) => rank(one) - rank(other) || one.region.localeCompare(other.region) || one.name.localeCompare(other.name))
}
