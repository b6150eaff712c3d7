/**
 * `peers.allowed`, the peers that may be members: whom a list shuts out, and which lists must not be agreed on, as those who
 * agree would lock themselves out. A group whose majority is shut out can agree on nothing more, the way back included; and an
 * edge that hears no more of whoever leads a roll-out hears nothing of its end either.
 */
import { majorityOf } from '../raft/quorum.ts'
import { isMap, type JsonMap } from './canonical.ts'
import type { PeerName } from '../ids.ts'

/** Those that a document lets be members; undefined where that is everybody. */
export function allowedBy (document: JsonMap | undefined): ReadonlySet<PeerName> | undefined {
  const allowed = isMap(document?.peers) ? document.peers.allowed : undefined
  return Array.isArray(allowed) && allowed.length > 0 ? new Set(allowed as readonly PeerName[]) : undefined
}

/** Of these, those that may be members by a document. */
export function allowedOf<Each extends { readonly peer: PeerName }> (members: readonly Each[], document: JsonMap | undefined): readonly Each[] {
  const allowed = allowedBy(document)
  return allowed === undefined ? members : members.filter(({ peer }) => allowed.has(peer))
}

export interface Agreeing {
  /** `regional`, `global`. */
  readonly scope: string
  readonly voters: readonly PeerName[]
}

export interface LockOutInit {
  /** The edge that was asked. */
  readonly self: PeerName
  /** All groups that it knows of. */
  readonly groups: readonly Agreeing[]
  /** Who leads the roll-out of the list; undefined where there is none. */
  readonly leader: PeerName | undefined
  readonly nameOf: (peer: PeerName) => string
}

/** @returns why a list must not be agreed on, as a sentence that names whom it leaves out; undefined where it may */
export function lockOut (allowed: ReadonlySet<PeerName>, { self, groups, leader, nameOf }: LockOutInit): string | undefined {
  const parts = groups.flatMap(({ scope, voters }): string[] => {
    const out = voters.filter((peer) => !allowed.has(peer))
    if (out.length === 0 || voters.length - out.length >= majorityOf(voters.length)) return []
    return [`${out.length} of ${voters.length} voters of the ${scope} group, which could agree on nothing more: ${out.map(nameOf).join(', ')}`]
  })
  if (leader !== undefined && leader !== self && !allowed.has(leader)) parts.unshift(`${nameOf(leader)}, which leads the roll-out (let --plan now do without one, or stop that edge first)`)
  if (!allowed.has(self)) parts.unshift(`${nameOf(self)}, the edge that was asked`)
  return parts.length === 0 ? undefined : `peers.allowed: leaves out ${parts.join('; and ')}`
}
