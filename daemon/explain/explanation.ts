/**
 * The document behind /v1/explain: where a URL's content is, what each part of the mesh says of it, and what a request
 * now would do. Times are durations at `atMs`, so that no reader needs this edge's clock.
 */
import type { HeldVariant } from '../../protocols/survey/messages.ts'
import type { ContentKey, PeerName, Region } from '../../protocols/ids.ts'
import type { Phase } from '../cache/phase.ts'
import type { Decision } from './decisions.ts'

export interface EdgeRef {
  readonly peer: PeerName
  /** With the end of its peer id where another member has the same name. Absent for who is no member. */
  readonly name?: string
  readonly region?: Region
}

export interface PlanStep {
  readonly do: string
  readonly why: string
}

export interface Plan {
  /** What the request would most likely be counted as. */
  readonly outcome: Phase
  /** One sentence for a person. */
  readonly verdict: string
  /** In order; each after the first only where those before brought nothing. */
  readonly steps: readonly PlanStep[]
}

export interface EdgeReport extends EdgeRef {
  /** The edge that was asked to explain. */
  readonly self: boolean
  /** Round trip, ms: measured where a link is kept, else estimated, where it can be. */
  readonly rttMs?: number
  /** Why nothing is known of what it holds. */
  readonly error?: string
  /** The variants that it holds; none where it did not answer. */
  readonly variants: readonly HeldVariant[]
  readonly moreVariants: number
  readonly fetching: number
  /** Whether this edge counts it as the first owner of the key in its region. */
  readonly owner: boolean
  /** Whether it counts itself so; unknown where it did not answer. */
  readonly ownerByItself?: boolean
  readonly ring?: string
}

export interface OwnerReport extends EdgeRef {
  /** 1 for the first owner. */
  readonly rank: number
  readonly rttMs?: number
}

/** What each way of finding says; absent where the edge has no such way. */
export interface SourcesReport {
  /** Of the first owners, in this edge's region and in the home region. */
  readonly directories: ReadonlyArray<{ readonly of: EdgeRef, readonly holders?: readonly EdgeRef[], readonly error?: string }>
  /** Edges whose filter names the key; `known` filters were looked into. */
  readonly filters?: { readonly known: number, readonly holders: readonly EdgeRef[] }
  readonly dht?: { readonly providers: readonly EdgeRef[], readonly error?: string }
}

export interface DecisionReport extends Decision {
  readonly agoMs: number
  /** What `byKey` is, where that is still held here: `site:/path`. */
  readonly by?: string
  /** The name of `peer`. */
  readonly from?: string
}

export interface Explanation extends Plan {
  /** As asked. */
  readonly url: string
  readonly site: string
  /** Normalised, origin-form. */
  readonly target: string
  /** Where the site preserves the client's Host: part of the key. */
  readonly host?: string
  readonly key: ContentKey
  /** Request fields that were taken into account. */
  readonly request: ReadonlyArray<readonly [name: string, value: string]>
  /** Wall clock, ms. */
  readonly atMs: number
  readonly edge: EdgeRef
  readonly home?: Region
  /** In this edge's region. */
  readonly owners: readonly OwnerReport[]
  /** In the home region, where another. */
  readonly homeOwners: readonly OwnerReport[]
  /** Every member: this edge, its region, then the others. */
  readonly edges: readonly EdgeReport[]
  readonly sources: SourcesReport
  /** Where what is believed and what is held differ, a sentence each. */
  readonly disagreements: readonly string[]
  /** Of this edge about this key, the latest first. */
  readonly decisions: readonly DecisionReport[]
}
