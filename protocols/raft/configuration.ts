/**
 * Who takes part, as it changes: one voter at a time, so that any majority of the old configuration and any of
 * the new one share a server (thesis section 4.1), and of learners, which are in no majority, as many as may be. A configuration counts as soon as it stands in the log, committed or
 * not; when its entry is replaced by another leader's, the one before counts again.
 */
import { decode, encode } from 'cborg'
import { messageOf, WireError } from '../errors.ts'
import type { PeerName } from '../ids.ts'
import { ChangeKind, EntryKind, type Configuration, type ConfigurationChange, type Entry } from './messages.ts'

export const noConfiguration: Configuration = Object.freeze({ voters: [], learners: [] })

const peerNameMax = 128

/** What `change` makes of `configuration`; undefined where it would do nothing, take the last voter, or change several. */
export function changed ({ voters, learners }: Configuration, { kind, peers }: ConfigurationChange): Configuration | undefined {
  const meant = new Set(peers)
  const named = (some: readonly PeerName[]): PeerName[] => some.filter((peer) => meant.has(peer))
  const others = (some: readonly PeerName[]): PeerName[] => some.filter((peer) => !meant.has(peer))
  const next = {
    [ChangeKind.AddLearner]: () => ({ voters, learners: [...learners, ...meant.difference(new Set([...voters, ...learners]))] }),
    [ChangeKind.Promote]: () => ({ voters: [...voters, ...named(learners)], learners: others(learners) }),
    [ChangeKind.Demote]: () => ({ voters: others(voters), learners: [...learners, ...named(voters)] }),
    [ChangeKind.Remove]: () => ({ voters: others(voters), learners: others(learners) })
  }[kind]()
  const votersMoved = Math.abs(next.voters.length - voters.length)
  const isIdle = votersMoved === 0 && next.learners.length === learners.length
  return isIdle || votersMoved > 1 || next.voters.length === 0 ? undefined : { voters: sorted(next.voters), learners: sorted(next.learners) }
}

export function sizeOf ({ voters, learners }: Configuration): number {
  return voters.length + learners.length
}

/** The data of a `Configuration` entry: the whole configuration, so that the latest entry says it all. */
export function encodeConfiguration ({ voters, learners }: Configuration): Uint8Array {
  return encode({ voters: sorted(voters), learners: sorted(learners) })
}

/** @throws WireError for anything but at least one voter and disjoint lists of names, at most `membersMax` together */
export function decodeConfiguration (data: Uint8Array, membersMax: number): Configuration {
  let value: { voters?: unknown, learners?: unknown } | null
  try {
    value = decode(data, { allowIndefinite: false, rejectDuplicateMapKeys: true }) as typeof value
  } catch (error) {
    throw new WireError(`a peer sent a configuration that is not CBOR: ${messageOf(error)}`, { cause: error })
  }
  const voters = names(value?.voters, membersMax)
  const learners = names(value?.learners, membersMax)
  const all = new Set([...voters, ...learners])
  if (voters.length === 0 || all.size !== voters.length + learners.length || all.size > membersMax) {
    throw new WireError(`a peer sent a configuration of ${voters.length} voters and ${learners.length} learners that has none, repeats a name or is too large`)
  }
  return { voters: sorted(voters), learners: sorted(learners) }
}

interface Placed { readonly index: number, readonly configuration: Configuration }

/** The configurations of a log: the snapshot's, and those of the entries behind it. */
export class Configurations {
  readonly #membersMax: number
  #placed: Placed[]

  constructor (base: Placed, membersMax: number) {
    this.#placed = [base]
    this.#membersMax = membersMax
  }

  get latest (): Configuration { return this.#last().configuration }
  get index (): number { return this.#last().index }

  /** The one that counted when `index` was the last entry. */
  at (index: number): Configuration {
    return this.#placed.findLast((placed) => placed.index <= index)?.configuration ?? noConfiguration
  }

  /** Takes what `entries` say, in place of all that stood from the first of them on. @throws WireError when one says nonsense; nothing is taken then */
  take (entries: readonly Entry[]): void {
    const first = entries[0]
    if (first === undefined) return
    const placed = this.read(entries)
    if (this.index >= first.index) this.#placed = this.#placed.filter(({ index }) => index < first.index)
    this.#placed.push(...placed)
  }

  /** @throws WireError when a `Configuration` entry holds none */
  read (entries: readonly Entry[]): Placed[] {
    return entries.filter(({ kind }) => kind === EntryKind.Configuration)
      .map(({ index, data }) => ({ index, configuration: decodeConfiguration(data, this.#membersMax) }))
  }

  /** A snapshot came in place of everything. */
  restore (index: number, configuration: Configuration): void {
    this.#placed = [{ index, configuration }]
  }

  /** Forgets those that a snapshot up to `index` has made history. */
  compact (index: number): void {
    const from = this.#placed.findLastIndex((placed) => placed.index <= index)
    if (from > 0) this.#placed = this.#placed.slice(from)
  }

  #last (): Placed { return this.#placed[this.#placed.length - 1]! }
}

function sorted (peers: readonly PeerName[]): PeerName[] { return [...peers].sort() }

function names (value: unknown, max: number): PeerName[] {
  if (!Array.isArray(value) || value.length > max) throw new WireError(`a peer sent members that are not a list of at most ${max}`)
  return value.map((name: unknown) => {
    if (typeof name !== 'string' || name.length === 0 || name.length > peerNameMax) throw new WireError(`a peer sent a member that is not a name of at most ${peerNameMax} characters`)
    return name
  })
}
