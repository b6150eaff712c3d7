/**
 * Where what the mesh believes of a key and what its edges hold differ, in sentences for a person. A few are the price
 * of saying things later (reports are batched, filters travel as changes) and mend themselves; the sentence says so.
 * The answers were gathered over some milliseconds, so a fill or an eviction in between shows as one too. Pure.
 */
import { Tier, type HeldVariant } from '../../protocols/survey/messages.ts'
import type { PeerName, Region } from '../../protocols/ids.ts'
import type { EdgeRef, EdgeReport, SourcesReport } from './explanation.ts'
import { duration, listed, shortPeer } from './words.ts'

export interface Evidence {
  readonly edges: readonly EdgeReport[]
  readonly sources: SourcesReport
  /** Of the directories: how many holders of a key one names at most, and by when a change has reached it, ms. */
  readonly directory?: { readonly holdersPerKeyMax: number, readonly retryMaxMs: number }
  /** Whether this edge has a filter of the peer to look into. */
  readonly hasFilterOf: (peer: PeerName) => boolean
  /** This edge's region: filters and directories reach no further. */
  readonly region: Region
  /** `Locate.ringHash` here. */
  readonly ringHash: (region: Region) => string | undefined
}

export function disagreements (evidence: Evidence): string[] {
  return [...rings(evidence), ...directories(evidence), ...filters(evidence), ...dht(evidence), ...versions(evidence)]
}

const answered = ({ error }: EdgeReport): boolean => error === undefined
/** What has arrived: a running fill has not been reported to anybody yet. */
const stored = ({ variants }: EdgeReport): HeldVariant[] => variants.filter(({ tier }) => tier !== Tier.Filling)
const name = (edge: EdgeRef): string => edge.name ?? `peer ${shortPeer(edge.peer)}`

function reportOf ({ edges }: Evidence, peer: PeerName): EdgeReport | undefined {
  return edges.find((edge) => edge.peer === peer)
}

function rings ({ edges, ringHash }: Evidence): string[] {
  return edges.filter(answered).flatMap((edge) => {
    const own = edge.region === undefined ? undefined : ringHash(edge.region)
    if (edge.ownerByItself !== edge.owner) {
      return [edge.owner
        ? `${name(edge)} is the owner as seen from here, and does not count itself so: its view of the members of ${edge.region} is another`
        : `${name(edge)} counts itself as the owner, which it is not as seen from here: its view of the members of ${edge.region} is another`]
    }
    return edge.ring === own ? [] : [`${name(edge)} sees another ring of ${edge.region} (${edge.ring ?? 'none'}, here ${own ?? 'none'}): it may ask other owners`]
  })
}

function directories (evidence: Evidence): string[] {
  const { sources, directory } = evidence
  const reported = directory === undefined ? 'reported' : `reported, which takes at most ${duration(directory.retryMaxMs)}`
  return sources.directories.flatMap(({ of, holders }) => {
    if (holders === undefined) return []
    const named = new Set(holders.map(({ peer }) => peer))
    const wrong = holders.flatMap((holder) => {
      const edge = reportOf(evidence, holder.peer)
      if (edge === undefined) return [`the directory of ${name(of)} names ${name(holder)}, which is no member: it will be dropped from it`]
      if (!answered(edge)) return [`the directory of ${name(of)} names ${name(edge)}, which does not answer`]
      return stored(edge).length > 0 ? [] : [`the directory of ${name(of)} names ${name(edge)}, which does not hold it: dropped since and not yet ${reported}; asking it costs one round trip`]
    })
    // It names no more than this: the others are not missing.
    if (holders.length >= (directory?.holdersPerKeyMax ?? Infinity)) return wrong
    // The owner itself needs no entry, and other regions report to owners of their own.
    const unknown = evidence.edges
      .filter((edge) => answered(edge) && edge.peer !== of.peer && edge.region === of.region && stored(edge).length > 0 && !named.has(edge.peer))
      .map((edge) => `${name(edge)} holds it, and the directory of ${name(of)} does not know: stored a moment ago and not yet ${reported}`)
    return [...wrong, ...unknown]
  })
}

function filters (evidence: Evidence): string[] {
  const { sources, edges, region, hasFilterOf } = evidence
  if (sources.filters === undefined) return []
  const named = new Set(sources.filters.holders.map(({ peer }) => peer))
  const wrong = edges
    .filter((edge) => named.has(edge.peer) && answered(edge) && stored(edge).length === 0)
    .map((edge) => `the filter of ${name(edge)} names it, which does not hold it: a false positive, or dropped since; asking it costs one round trip`)
  const missing = edges
    .filter((edge) => edge.region === region && !edge.owner && answered(edge) && stored(edge).length > 0 && hasFilterOf(edge.peer) && !named.has(edge.peer))
    .map((edge) => `${name(edge)} holds it, and the filter that it sent does not name it: stored since, or too long ago for its room`)
  return [...wrong, ...missing]
}

function dht (evidence: Evidence): string[] {
  return (evidence.sources.dht?.providers ?? []).flatMap((provider) => {
    const edge = reportOf(evidence, provider.peer)
    if (edge === undefined) return [`the DHT names ${name(provider)}, which is no member: its record does not count`]
    return answered(edge) && stored(edge).length === 0 ? [`the DHT names ${name(edge)}, which does not hold it: its record outlives what it held`] : []
  })
}

/** Different bytes under one variant: not wrong while both are within their lifetimes, but worth knowing. */
function versions ({ edges }: Evidence): string[] {
  const held = edges.flatMap((edge) => stored(edge).map((each) => ({ ...each, edge: name(edge) })))
  return [...Map.groupBy(held, ({ variant }) => variant).values()].flatMap((each) => {
    const byHash = Map.groupBy(each.filter(({ hash }) => hash !== undefined), ({ hash }) => hash)
    if (byHash.size < 2) return []
    const sides = [...byHash.values()].map((holders) => listed(holders.map(({ edge }) => edge)))
    return [`${byHash.size} versions are held: one by ${sides.join(', another by ')}`]
  })
}
