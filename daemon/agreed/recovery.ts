/**
 * `colony config recover`: a scope's group is founded anew by this edge when a majority of its voters is gone for ever. Guarded
 * by what the others that are left say (each is asked): nobody leads it, a majority is really missing or has lost its log, nobody left has more
 * of the log than this edge, and the operator names every voter that is given up. Where no log of it is left at all, an edge that
 * holds a copy of what was agreed on founds it from that, by the rules of protocols/raft/copy-claim.ts. What is begun is written down
 * first, so asking again after a crash, or for want of an answer, founds no second one. Voters that were given up and
 * come back after all find the new group, which counts as older than theirs (protocols/raft/group-id.ts): theirs dissolves,
 * and what only they had agreed on is listed as conflicts.
 */
import { z } from 'zod'
import type { Scope } from '../../protocols/config/merge.ts'
import type { PeerName } from '../../protocols/ids.ts'
import { objectionTo, type ClaimObjection, type GroupStanding } from '../../protocols/raft/copy-claim.ts'
import { isOlder, recoveredGroupId } from '../../protocols/raft/group-id.ts'
import { majorityOf } from '../../protocols/raft/quorum.ts'
import type { Call } from '../../protocols/rpc.ts'
import { decodeHead, encodeHead } from '../../protocols/wire.ts'
import type { Logger } from '../log.ts'
import type { AgreedGroup } from './group.ts'
import type { HeldCopy } from './held-copy.ts'
import type { Records } from './kept.ts'
import type { Missing } from './outcome.ts'

export type Recovered =
  | { readonly kind: 'recovered', readonly group: string }
  /** Nothing has changed. `gone`: whom to name, where that is what is missing. */
  | { readonly kind: 'refused', readonly reason: string, readonly gone?: readonly Missing[] }
  /** There is no way for this scope on this edge. */
  | { readonly kind: 'none', readonly reason: string }

/** Founds the group anew as `id` from the log of group `of`, or where there is none from a copy of its state; may be repeated. Absent where the scope has no log. */
export type Recover = (of: string, id: string, copy?: { readonly copy: Uint8Array, readonly index: number, readonly term: number }) => Promise<void>

interface Author { readonly author: string, readonly reason: string }

export interface RecoveryInit {
  readonly scope: Scope
  readonly self: PeerName
  /** The group whose log is here, also where nobody adds to that any more. */
  readonly group: () => AgreedGroup | undefined
  /** What is held beside a log. */
  readonly copy: () => HeldCopy | undefined
  /** How old that may be, ms. */
  readonly ageMs: () => number | undefined
  readonly recover?: Recover | undefined
  /** All others that are there. */
  readonly others: () => readonly PeerName[]
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
  lastIndex: z.int().min(0),
  /** Not said by older edges. */
  copy: z.object({ group: z.string().max(128), index: z.int().min(0), version: z.int().min(0) }).optional()
})

const begunSchema = z.object({ of: z.string(), id: z.string(), gone: z.array(z.string()) })

export class Recovery {
  readonly #init: RecoveryInit
  #last: Promise<unknown> = Promise.resolve()

  constructor (init: RecoveryInit) { this.#init = init }

  /** What this edge answers to another one that wants to recover the group. */
  standing (): GroupStanding {
    const group = this.#init.group()
    const { standing, raft } = group?.status() ?? {}
    const copy = this.#init.copy()
    return {
      group: group?.group,
      isMember: standing === 'member',
      leads: group?.leads() !== undefined,
      lastTerm: raft?.lastTerm ?? 0,
      lastIndex: raft?.lastIndex ?? 0,
      ...(copy !== undefined && { copy: { group: copy.group, index: copy.index, version: copy.version } })
    }
  }

  /**
   * @param gone every voter that is given up, in any order. May be asked again.
   * @param fromCopy from what is held beside a log, as no log of the group is left
   * @throws RaftError, RaftStoreError
   */
  async recover (gone: readonly PeerName[], by: Author, fromCopy = false): Promise<Recovered> {
    // One after the other: the second of two finds what the first has done.
    const mine = this.#last.then(async () => {
      const given = [...new Set(gone)].sort()
      return await (fromCopy ? this.#recoverCopy(given, by) : this.#recover(given, by))
    })
    this.#last = mine.catch(() => {})
    return await mine
  }

  async #recover (given: readonly PeerName[], by: Author): Promise<Recovered> {
    const { scope, group: groupOf, recover } = this.#init
    if (recover === undefined) return this.#none()
    const group = groupOf()
    const of = group?.group
    const raft = group?.status().raft
    if (group === undefined || of === undefined || raft?.lastIndex === undefined) return refused(`this edge has no log of the ${scope} group: recover it through one that takes part in it, or where there is none left from a copy (--from-copy)`)
    const { voters } = raft.configuration
    if (await this.#isDone(of, given) && !given.some((peer) => voters.includes(peer))) return { kind: 'recovered', group: of }

    const { lost, objection } = await this.#look(group, of)
    if (objection !== undefined) return refused(objection)
    if (voters.length - lost.length >= majorityOf(voters.length)) return refused(`only ${lost.length} of ${voters.length} voters of the ${scope} group are missing: they have a majority without them`)
    if (!isSame(lost, given)) return this.#unnamed(lost, `recovering the ${scope} group gives up what only these voters may have`)
    return await this.#found(of, given, by, async (id) => { await recover(of, id) })
  }

  async #recoverCopy (given: readonly PeerName[], by: Author): Promise<Recovered> {
    const { scope, self, group: groupOf, copy: copyOf, ageMs, recover, call, others, timeoutMs } = this.#init
    if (recover === undefined) return this.#none()
    const log = groupOf()?.group
    if (log !== undefined && await this.#isDone(log, given)) return { kind: 'recovered', group: log }
    const copy = copyOf()
    if (copy === undefined) return refused(`this edge holds no copy of what the ${scope} group agreed on: ask one that does`)

    const said = new Map([[self, this.standing()]])
    // Whoever says nothing cannot be compared with: of voters that is what they are given up for.
    await Promise.all(others().map(async (peer) => {
      try {
        said.set(peer, logSchema.parse((await call(peer, { kind: 'log', scope }, { timeoutMs })).head))
      } catch {}
    }))
    const objection = objectionTo(copy, copy.voters, said)
    if (objection !== undefined) return refused(this.#sentence(objection, copy))
    const lost = copy.voters.filter((peer) => peer !== self)
    if (!isSame(lost, given)) {
      const age = ageMs()
      const since = age === undefined ? 'of unknown age' : `known to be current ${Math.round(age / 1000)} s ago`
      return this.#unnamed(lost, `founding the ${scope} group anew from a copy of version ${copy.version}, ${since}, gives up what was agreed on after it${copy.whole ? '' : ', and the history before it'}`)
    }
    return await this.#found(copy.group, given, by, async (id) => { await recover(copy.group, id, { copy: copy.snapshot(), index: copy.index, term: copy.term }) })
  }

  /** Both ways end here. Asked again it goes on with the id that was written down. */
  async #found (of: string, given: readonly PeerName[], by: Author, run: (id: string) => Promise<void>): Promise<Recovered> {
    const { scope, records, logger } = this.#init
    const begun = await this.#begun()
    const id = begun?.of === of && isSame(begun.gone, given) ? begun.id : recoveredGroupId(of)
    await records.put(this.#name, encodeHead({ of, id, gone: given }))
    logger.warn({ agreed: scope, group: of, anew: id, gone: given, ...by }, 'founds a group anew, as the majority of it was given up')
    await run(id)
    return { kind: 'recovered', group: id }
  }

  async #isDone (group: string, given: readonly PeerName[]): Promise<boolean> {
    const begun = await this.#begun()
    return begun?.id === group && isSame(begun.gone, given)
  }

  #none (): Recovered { return { kind: 'none', reason: `the ${this.#init.scope} scope has no group that this edge could found anew` } }

  #unnamed (lost: readonly PeerName[], what: string): Recovered {
    const names = [...lost].sort()
    return { kind: 'refused', reason: `${what}: ${names.length === 0 ? 'no voter is to be named in "gone"' : `name each of them in "gone": ${names.join(', ')}`}`, gone: names.map(this.#init.named) }
  }

  #sentence (objection: ClaimObjection, copy: HeldCopy): string {
    const { scope, self, named } = this.#init
    const name = (peer: PeerName): string => peer === self ? 'this edge' : named(peer).name ?? peer
    switch (objection.kind) {
      case 'leader': return `the ${scope} group has a leader (${name(objection.peer)}): there is nothing to recover`
      case 'majority': return `${objection.peers.map(name).join(', ')} are a majority of the ${scope} group's voters: they will elect a leader`
      case 'log': return `${name(objection.peer)} has a log of the ${scope} group that goes as far as the copy here: recover the group through it, without --from-copy`
      case 'newer': return `${name(objection.peer)} has a newer copy (version ${objection.copy.version}, up to entry ${objection.copy.index}; here version ${copy.version}, up to entry ${copy.index}): recover the ${scope} group through that edge`
    }
  }

  /** Which voters are lost, and why the group must not be founded anew by this edge whoever is. */
  async #look (group: AgreedGroup, of: string): Promise<{ readonly lost: readonly PeerName[], readonly objection?: string }> {
    const { scope, self, call, timeoutMs, named, missing, others } = this.#init
    const { raft } = group.status()
    const { voters, learners } = raft!.configuration
    const own = this.standing()
    if (own.leads) return { lost: [], objection: `the ${scope} group has a leader (${self}): there is nothing to recover` }
    const unreachable = new Set(missing().map(({ peer }) => peer))
    const lost = new Set(voters.filter((peer) => unreachable.has(peer)))
    const objections: string[] = []
    const inGroup = new Set([...voters, ...learners])
    await Promise.all([...new Set([...inGroup, ...others()])].filter((peer) => peer !== self && !unreachable.has(peer)).map(async (peer) => {
      const { name = peer } = named(peer)
      try {
        const said = logSchema.parse((await call(peer, { kind: 'log', scope }, { timeoutMs })).head)
        // Where this edge was taken out of the group, or was away: copies may have seen more than what is left of the log.
        if (said.copy?.group === of && said.copy.index > own.lastIndex) objections.push(`${name} has a copy of what was agreed on later (version ${said.copy.version}): recover the ${scope} group through that edge, with --from-copy`)
        if (!inGroup.has(peer)) return
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

function refused (reason: string): Recovered { return { kind: 'refused', reason } }

function isSame (one: readonly PeerName[], other: readonly PeerName[]): boolean { return [...one].sort().join() === [...other].sort().join() }
