/**
 * `colony config recover`: a scope's group is founded anew by this edge when a majority of its voters is gone for ever. Guarded
 * by what the others that are left say (each is asked): nobody leads it, a majority is really missing or has lost its log, nobody left has more
 * of the log than this edge, and the operator names every voter that is given up. What is begun is written down
 * first, so asking again after a crash, or for want of an answer, founds no second one. Voters that were given up and
 * come back after all find the new group, which counts as older than theirs (protocols/raft/group-id.ts): theirs dissolves,
 * and what only they had agreed on is listed as conflicts.
 */
import { z } from 'zod'
import type { Scope } from '../../protocols/config/merge.ts'
import type { PeerName } from '../../protocols/ids.ts'
import { isOlder, recoveredGroupId } from '../../protocols/raft/group-id.ts'
import { majorityOf } from '../../protocols/raft/quorum.ts'
import type { Call } from '../../protocols/rpc.ts'
import { decodeHead, encodeHead } from '../../protocols/wire.ts'
import type { Logger } from '../log.ts'
import type { AgreedGroup } from './group.ts'
import type { Records } from './kept.ts'
import type { Missing } from './outcome.ts'

export type Recovered =
  | { readonly kind: 'recovered', readonly group: string }
  /** Nothing has changed. `gone`: whom to name, where that is what is missing. */
  | { readonly kind: 'refused', readonly reason: string, readonly gone?: readonly Missing[] }
  /** There is no way for this scope on this edge. */
  | { readonly kind: 'none', readonly reason: string }

export interface RecoveryInit {
  readonly scope: Scope
  readonly self: PeerName
  readonly group: () => AgreedGroup | undefined
  /** Founds the group anew as `id` from the log of group `of`; may be repeated. Absent where the scope has no log. */
  readonly recover?: ((of: string, id: string) => Promise<void>) | undefined
  /** Voters that cannot be reached. */
  readonly missing: () => readonly Missing[]
  readonly named: (peer: PeerName) => Missing
  readonly call: Call
  readonly timeoutMs: number
  readonly records: Records
  readonly logger: Logger
}

/** How a member stands, as it says itself. */
const logSchema = z.object({
  group: z.string().max(128).optional(),
  isMember: z.boolean(),
  leads: z.boolean(),
  lastTerm: z.int().min(0),
  lastIndex: z.int().min(0)
})
type LogStanding = z.output<typeof logSchema>

const begunSchema = z.object({ of: z.string(), id: z.string(), gone: z.array(z.string()) })

export class Recovery {
  readonly #init: RecoveryInit
  #last: Promise<unknown> = Promise.resolve()

  constructor (init: RecoveryInit) { this.#init = init }

  /** What this edge answers to another one that wants to recover the group. */
  standing (): LogStanding {
    const group = this.#init.group()
    const { standing, raft } = group?.status() ?? {}
    return { group: group?.group, isMember: standing === 'member', leads: group?.leads() !== undefined, lastTerm: raft?.lastTerm ?? 0, lastIndex: raft?.lastIndex ?? 0 }
  }

  /** @param gone every voter that is given up, in any order. May be asked again. @throws RaftError, RaftStoreError */
  async recover (gone: readonly PeerName[], by: { readonly author: string, readonly reason: string }): Promise<Recovered> {
    // One after the other: the second of two finds what the first has done.
    const mine = this.#last.then(async () => await this.#recover([...new Set(gone)].sort(), by))
    this.#last = mine.catch(() => {})
    return await mine
  }

  async #recover (given: readonly PeerName[], by: { readonly author: string, readonly reason: string }): Promise<Recovered> {
    const { scope, group: groupOf, recover, records, logger, named } = this.#init
    if (recover === undefined) return { kind: 'none', reason: `the ${scope} scope has no group that this edge could found anew` }
    const group = groupOf()
    const of = group?.group
    const raft = group?.status().raft
    if (group === undefined || of === undefined || raft?.lastIndex === undefined) return { kind: 'refused', reason: `this edge has no log of the ${scope} group: recover it through one that takes part in it` }
    const { voters } = raft.configuration
    const begun = await this.#begun()
    if (begun?.id === of && begun.gone.join() === given.join() && !given.some((peer) => voters.includes(peer))) return { kind: 'recovered', group: of }

    const { lost, objection } = await this.#look(group, of)
    if (objection !== undefined) return { kind: 'refused', reason: objection }
    if (voters.length - lost.length >= majorityOf(voters.length)) return { kind: 'refused', reason: `only ${lost.length} of ${voters.length} voters of the ${scope} group are missing: they have a majority without them` }
    if ([...lost].sort().join() !== given.join()) {
      return { kind: 'refused', reason: `recovering the ${scope} group gives up what only these voters may have: name each of them in "gone": ${[...lost].sort().join(', ')}`, gone: lost.map(named) }
    }
    const id = begun?.of === of && begun.gone.join() === given.join() ? begun.id : recoveredGroupId(of)
    await records.put(this.#name, encodeHead({ of, id, gone: given }))
    logger.warn({ agreed: scope, group: of, anew: id, gone: given, ...by }, 'founds a group anew, as the majority of it was given up')
    await recover(of, id)
    return { kind: 'recovered', group: id }
  }

  /** Which voters are lost, and why the group must not be founded anew by this edge whoever is. */
  async #look (group: AgreedGroup, of: string): Promise<{ readonly lost: readonly PeerName[], readonly objection?: string }> {
    const { scope, self, call, timeoutMs, named, missing } = this.#init
    const { raft } = group.status()
    const { voters, learners } = raft!.configuration
    const own = this.standing()
    if (own.leads) return { lost: [], objection: `the ${scope} group has a leader (${self}): there is nothing to recover` }
    const unreachable = new Set(missing().map(({ peer }) => peer))
    const lost = new Set(voters.filter((peer) => unreachable.has(peer)))
    const objections: string[] = []
    await Promise.all([...voters, ...learners].filter((peer) => peer !== self && !unreachable.has(peer)).map(async (peer) => {
      const { name = peer } = named(peer)
      try {
        const said = logSchema.parse((await call(peer, { kind: 'log', scope }, { timeoutMs })).head)
        if (said.leads && said.group === of) objections.push(`the ${scope} group has a leader (${name}): there is nothing to recover`)
        else if (said.leads && said.group !== undefined && isOlder(said.group, of)) objections.push(`${name} leads a ${scope} group that takes the place of this one: this edge will be taken in`)
        else if (!said.isMember || said.group !== of) lost.add(peer)
        else if (said.lastTerm > own.lastTerm || (said.lastTerm === own.lastTerm && said.lastIndex > own.lastIndex)) objections.push(`${name} has more of what was agreed on: recover the ${scope} group through that edge`)
      } catch {
        // It is there, or was, and says nothing: who recovers has to give it up by name.
        lost.add(peer)
      }
    }))
    return { lost: voters.filter((peer) => lost.has(peer)), ...(objections[0] !== undefined && { objection: objections.sort()[0]! }) }
  }

  get #name (): string { return `recovery/${this.#init.scope}` }

  async #begun (): Promise<z.output<typeof begunSchema> | undefined> {
    const bytes = await this.#init.records.get(this.#name)
    return bytes === undefined ? undefined : begunSchema.parse(decodeHead(bytes))
  }
}
