/**
 * What this edge holds of a scope's settings beside any log: the state that it copied from a member (copies.ts), as long as it runs, else
 * the version that it keeps to start with (kept.ts). Not asked for but where every log of the group is gone (recovery.ts).
 */
import { canonicalJson, hashOf } from '../../protocols/config/canonical.ts'
import { documentOfLayer } from '../../protocols/config/merge.ts'
import { ConfigState } from '../../protocols/config/state.ts'
import type { PeerName } from '../../protocols/ids.ts'
import type { CopyPlace } from '../../protocols/raft/copy-claim.ts'
import type { ConfigMachine } from './group.ts'
import type { Kept } from './kept.ts'

export interface HeldCopy extends CopyPlace {
  readonly term: number
  /** Who voted in the group. */
  readonly voters: readonly PeerName[]
  /** False where there is the version alone: without the ones before it, and the answers to keys. */
  readonly whole: boolean
  /** Of the state machine. */
  readonly snapshot: () => Uint8Array
}

export interface HeldCopyInit {
  readonly machine: ConfigMachine
  readonly kept: Kept
  /** The group whose state the machine holds, where that was copied. */
  readonly copied?: { readonly group: string | undefined, readonly term: number, readonly members: readonly PeerName[] } | undefined
}

/** @returns undefined where this edge was never told of a version */
export function heldCopy ({ machine: { state }, kept, copied }: HeldCopyInit): HeldCopy | undefined {
  if (copied?.group !== undefined && state.head > 0 && !(kept.group === copied.group && kept.index > state.index)) {
    const { group, term, members: voters } = copied
    return { group, voters, index: state.index, term: Math.max(term, state.term), version: state.base, whole: true, snapshot: () => state.snapshot() }
  }
  const { group, active, index, term, voters } = kept
  if (group === undefined || active.version === 0) return undefined
  return { group, voters, index, term, version: active.version, whole: false, snapshot: () => stateOf(state.group, kept).snapshot() }
}

function stateOf (group: string, { active, layer, said, index, term, head, currentWallMs }: Kept): ConfigState {
  const document = documentOfLayer(layer)
  const hash = hashOf(document)
  // Where a region keeps to an older version in some fields, or nothing was written down of it, it is no version that anybody knows.
  const known = said?.hash === hash ? said : { bytes: Buffer.byteLength(canonicalJson(document)), author: 'colony', wallMs: currentWallMs, reason: 'what ran here', index, term }
  const version = { ...known, hash, document, number: active.version, base: 0, outcome: 'good' as const, notes: ['founded anew from a copy of this version'] }
  return ConfigState.ofVersion(group, layer, version, { index, term, head })
}
