/** What becomes of a change that was asked for, and what is known when its deadline has passed. */
import type { ChangeDescription } from '../../protocols/config/diff.ts'
import type { Scope } from '../../protocols/config/merge.ts'
import type { Lack, Vector } from '../../protocols/config/token.ts'
import type { Refusal } from '../../protocols/config/versions.ts'
import { codeOf, messageOf } from '../../protocols/errors.ts'
import type { PeerName } from '../../protocols/ids.ts'
import type { AgreedGroup } from './group.ts'

/** A voter that cannot be reached from here. */
export interface Missing { readonly peer: PeerName, readonly name?: string | undefined, readonly region?: string | undefined }

export type Outcome =
  /** Agreed: it is in the log. A staged one is being rolled out. `unchanged`: it says what is agreed already. */
  | { readonly kind: 'done', readonly version: number, readonly hash: string, readonly token: Vector, readonly unchanged?: true | undefined }
  /** Nothing changed, and asking again with the same key gets the same answer. */
  | { readonly kind: 'refused', readonly why: Refusal, readonly reason: string }
  /** What it would do; nothing was proposed. */
  | { readonly kind: 'described', readonly base: number, readonly description: ChangeDescription, readonly objects: Readonly<Record<string, number>> }
  /** What the author had seen is not here yet, or never will be. */
  | { readonly kind: 'lacking', readonly lacks: readonly Lack[] }
  /** Nothing was handed to a leader: nothing changed. */
  | { readonly kind: 'unavailable', readonly reason: string, readonly missing: readonly Missing[] }
  /** It may be agreed, or be agreed later. The same key asks again and is never applied twice. */
  | { readonly kind: 'unknown', readonly reason: string, readonly missing: readonly Missing[] }
  | { readonly kind: 'too-large', readonly reason: string }

const nothingDone = new Set(['COLONY_RAFT_NO_LEADER', 'COLONY_RAFT_NOT_LEADER', 'COLONY_RAFT_BUSY', 'COLONY_RAFT_REFUSED', 'COLONY_RAFT_NOT_MEMBER'])

/** @param handed whether it may have reached a leader's log when the error came */
export function outcomeOf (error: unknown, { scope, group, missing, handed, timeoutMs }: {
  readonly scope: Scope
  readonly group: AgreedGroup | undefined
  readonly missing: readonly Missing[]
  readonly handed: boolean
  readonly timeoutMs: number
}): Outcome {
  const code = codeOf(error)
  if (code === 'COLONY_RAFT_TOO_LARGE') return { kind: 'too-large', reason: messageOf(error) }
  const late = (error as { name?: unknown } | undefined)?.name === 'TimeoutError'
  const what = late ? `the ${scope} group did not answer within ${timeoutMs} ms` : messageOf(error)
  const reason = `${what}; ${whoIsMissing(scope, group, missing)}`
  return handed && (late || code === undefined || !nothingDone.has(code)) ? { kind: 'unknown', reason, missing } : { kind: 'unavailable', reason, missing }
}

/** The part of a sentence that says why there is no agreement. */
export function whoIsMissing (scope: Scope, group: AgreedGroup | undefined, missing: readonly Missing[]): string {
  const status = group?.status()
  if (group === undefined || status === undefined) return `this edge has no part in a ${scope} group`
  if (status.standing === 'failed') return `this edge takes no part any more: ${status.failure ?? 'its log failed'}`
  if (status.raft === undefined) return `this edge was not taken into the ${scope} group yet`
  const { voters } = status.raft.configuration
  const names = missing.map(({ peer, name, region }) => name === undefined ? peer : `${name}${region === undefined ? '' : ` (${region})`}`)
  if (names.length > 0) return `${names.length} of ${voters.length} voters cannot be reached: ${names.join(', ')}`
  return group.leader === undefined ? `no leader is elected among its ${voters.length} voters now` : 'its leader may be busy'
}
