/**
 * Proposals and reads that wait for their outcome at one member: what was asked, where it stands in the log, and how each may
 * end. A proposal is tried again by itself where that cannot do it twice: when it was refused, when its place in
 * the log went to another entry, and, with an idempotency key, when the leader that it was handed to is gone.
 */
import type { Clock } from '../clock.ts'
import type { PeerName } from '../ids.ts'
import type { Place } from './commands.ts'
import { RaftError, type RaftErrorCode } from './errors.ts'
import { Refusal } from './messages.ts'
import type { ProposalOutcome, Proposed, ReadStanding } from './ready.ts'

export interface Applied extends Place {
  /** What the state machine returned; undefined when the command had been applied before. */
  readonly result: unknown
}

export interface RequestOptions { readonly signal?: AbortSignal }

interface Proposal {
  readonly ticket: string
  readonly data: Uint8Array
  readonly key: string
  /** A change of configuration: only its leader can make it again. */
  readonly isChange: boolean
  readonly outcome: PromiseWithResolvers<Applied>
  place: Place | undefined
  /** It may be in some leader's log without our knowing where. */
  handed: boolean
  refusal: Refusal | undefined
  cancelRetry: () => void
  end: () => void
}

interface Read {
  readonly ticket: string
  readonly lease: boolean
  readonly outcome: PromiseWithResolvers<number>
  index: number | undefined
  refusal: Refusal | undefined
  cancelRetry: () => void
  end: () => void
}

export interface RequestsInit {
  readonly clock: Clock
  readonly timeoutMs: number
  readonly retryMs: number
  readonly resendMs: number
  readonly waitingMax: number
  readonly propose: (data: Uint8Array, ticket: string) => Proposed
  readonly read: (ticket: string, lease: boolean) => ReadStanding
  readonly leader: () => PeerName | undefined
  readonly applied: () => number
}

/** Refusals that the next leader, or the same one a little later, need not repeat. */
const passing: ReadonlySet<Refusal> = new Set([Refusal.NoLeader, Refusal.NotLeader, Refusal.Transferring])

const codes: Partial<Record<Refusal, RaftErrorCode>> = {
  [Refusal.NoLeader]: 'COLONY_RAFT_NO_LEADER',
  [Refusal.NotLeader]: 'COLONY_RAFT_NOT_LEADER',
  [Refusal.Transferring]: 'COLONY_RAFT_NO_LEADER',
  [Refusal.Busy]: 'COLONY_RAFT_BUSY',
  [Refusal.TooLarge]: 'COLONY_RAFT_TOO_LARGE',
  [Refusal.NotMember]: 'COLONY_RAFT_NOT_MEMBER'
}

export function refused (what: string, refusal: Refusal, leader: PeerName | undefined): RaftError {
  return new RaftError(codes[refusal] ?? 'COLONY_RAFT_REFUSED', `${what} was refused (${refusal})${leader === undefined ? '' : `; ${leader} leads`}`, { leader, refusal })
}

export class Requests {
  readonly #init: RequestsInit
  readonly #proposals = new Map<string, Proposal>()
  readonly #byIndex = new Map<number, Proposal[]>()
  readonly #byKey = new Map<string, Proposal>()
  readonly #reads = new Map<string, Read>()
  #tickets = 0
  /** Of the last entry that was applied. */
  #appliedTerm = 0

  constructor (init: RequestsInit) { this.#init = init }

  get size (): number { return this.#proposals.size + this.#reads.size }

  async propose (data: Uint8Array, key: string, { signal }: RequestOptions): Promise<Applied> {
    signal?.throwIfAborted()
    const same = key === '' ? undefined : this.#byKey.get(key)
    if (same !== undefined) return await same.outcome.promise
    this.#checkRoom()
    const proposal: Proposal = { ticket: this.#ticket(), data, key, isChange: false, outcome: Promise.withResolvers(), place: undefined, handed: false, refusal: undefined, cancelRetry: () => {}, end: () => {} }
    proposal.end = this.#limit(signal, proposal.outcome.reject, () => {
      if (proposal.handed) return new RaftError('COLONY_RAFT_UNKNOWN', 'no outcome of the proposal came in time: it may be done, or be done later; ask again with the same idempotency key', { leader: this.#init.leader() })
      return this.#noLeader(proposal.refusal)
    }, () => { this.#forget(proposal) })
    this.#proposals.set(proposal.ticket, proposal)
    if (key !== '') this.#byKey.set(key, proposal)
    this.#try(proposal)
    return await proposal.outcome.promise
  }

  /** @returns what the entry that was appended at `place` comes to */
  async placed (place: Place, { signal }: RequestOptions): Promise<Applied> {
    const proposal: Proposal = { ticket: this.#ticket(), data: new Uint8Array(0), key: '', isChange: true, outcome: Promise.withResolvers(), place, handed: true, refusal: undefined, cancelRetry: () => {}, end: () => {} }
    proposal.end = this.#limit(signal, proposal.outcome.reject, () => new RaftError('COLONY_RAFT_UNKNOWN', 'the change was not committed in time: it may be done later', { leader: this.#init.leader() }), () => { this.#forget(proposal) })
    this.#proposals.set(proposal.ticket, proposal)
    this.#put(proposal, place)
    return await proposal.outcome.promise
  }

  /** @returns the index that the state had reached, once it is applied here */
  async read (lease: boolean, { signal }: RequestOptions): Promise<number> {
    signal?.throwIfAborted()
    this.#checkRoom()
    const read: Read = { ticket: this.#ticket(), lease, outcome: Promise.withResolvers(), index: undefined, refusal: undefined, cancelRetry: () => {}, end: () => {} }
    const end = this.#limit(signal, read.outcome.reject, () => this.#noLeader(read.refusal), () => { this.#forgetRead(read) })
    read.end = () => {
      end()
      read.cancelRetry()
    }
    this.#reads.set(read.ticket, read)
    this.#tryRead(read)
    return await read.outcome.promise
  }

  /** Another leader, or an end of waiting for one: what nobody may have now is tried with it. */
  leaderChanged (): void {
    if (this.#init.leader() === undefined) return
    for (const proposal of [...this.#proposals.values()]) {
      if (proposal.place === undefined && (!proposal.handed || proposal.key !== '')) this.#try(proposal)
    }
    for (const read of [...this.#reads.values()]) if (read.index === undefined) this.#tryRead(read)
  }

  forwarded (outcome: ProposalOutcome): void {
    const proposal = this.#proposals.get(outcome.context)
    if (proposal === undefined || proposal.place !== undefined) return
    if (outcome.kind === 'appended') this.#put(proposal, outcome)
    else this.#refused(proposal, outcome.refusal)
  }

  readCurrent (ticket: string, index: number): void {
    const read = this.#reads.get(ticket)
    if (read === undefined) return
    read.index = index
    if (index <= this.#init.applied()) this.#endRead(read)
  }

  readRefused (ticket: string, refusal: Refusal): void {
    const read = this.#reads.get(ticket)
    if (read !== undefined) this.#refusedRead(read, refusal)
  }

  /**
   * The entry at a place was applied. Whatever waits further behind it in an earlier term is lost, too, as terms never fall along a
   * log: it need not wait until something else fills its place, which may be never.
   */
  applied (place: Place, result: unknown): void {
    const proposals = this.#byIndex.get(place.index) ?? []
    this.#byIndex.delete(place.index)
    for (const proposal of proposals) {
      if (proposal.place?.term !== place.term) this.#displaced(proposal)
      else {
        proposal.outcome.resolve({ index: place.index, term: place.term, result })
        this.#forget(proposal)
      }
    }
    if (place.term <= this.#appliedTerm) return
    this.#appliedTerm = place.term
    for (const proposal of [...this.#byIndex.values()].flat()) {
      if (proposal.place!.index <= place.index || proposal.place!.term >= place.term) continue
      this.#unplace(proposal)
      this.#displaced(proposal)
    }
  }

  /** Its place is another's for ever, so it cannot be done twice. */
  #displaced (proposal: Proposal): void {
    if (proposal.isChange) {
      proposal.outcome.reject(new RaftError('COLONY_RAFT_NOT_LEADER', 'another leader took over before the change was committed: it is not done', { leader: this.#init.leader() }))
      this.#forget(proposal)
      return
    }
    proposal.place = undefined
    proposal.handed = false
    this.#try(proposal)
  }

  /** The state is that of a snapshot now: which entries led to it is not known. */
  restored (index: number, place: (key: string) => Place | undefined): void {
    for (const proposal of [...this.#proposals.values()]) {
      if (proposal.place === undefined || proposal.place.index > index) continue
      const done = place(proposal.key)
      if (done !== undefined) proposal.outcome.resolve({ ...done, result: undefined })
      else proposal.outcome.reject(new RaftError('COLONY_RAFT_UNKNOWN', 'this member was brought up to date by a snapshot: whether the proposal is in it is not known', { leader: this.#init.leader() }))
      this.#forget(proposal)
    }
  }

  /** After entries were applied. */
  settleReads (): void {
    const applied = this.#init.applied()
    for (const read of this.#reads.values()) if (read.index !== undefined && read.index <= applied) this.#endRead(read)
  }

  /** Everything that waits ends with `error`. */
  rejectAll (error: unknown): void {
    this.#appliedTerm = 0
    for (const proposal of [...this.#proposals.values()]) {
      proposal.outcome.reject(error)
      this.#forget(proposal)
    }
    for (const read of [...this.#reads.values()]) {
      read.outcome.reject(error)
      this.#forgetRead(read)
    }
  }

  #try (proposal: Proposal): void {
    const standing = this.#init.propose(proposal.data, proposal.ticket)
    if (standing.kind === 'appended') this.#put(proposal, standing)
    else if (standing.kind === 'forwarded') {
      proposal.handed = true
      if (proposal.key !== '') this.#later(proposal, this.#init.resendMs)
    } else this.#refused(proposal, standing.refusal)
  }

  #put (proposal: Proposal, { index, term }: Place): void {
    proposal.handed = true
    proposal.place = { index, term }
    const others = this.#byIndex.get(index)
    if (others === undefined) this.#byIndex.set(index, [proposal])
    else others.push(proposal)
  }

  #refused (proposal: Proposal, refusal: Refusal): void {
    proposal.refusal = refusal
    if (passing.has(refusal)) {
      if (!proposal.handed || proposal.key !== '') this.#later(proposal, this.#init.retryMs)
      return
    }
    proposal.outcome.reject(refused('the proposal', refusal, this.#init.leader()))
    this.#forget(proposal)
  }

  #later (proposal: Proposal, delayMs: number): void {
    proposal.cancelRetry()
    proposal.cancelRetry = this.#init.clock.after(delayMs, () => { if (proposal.place === undefined) this.#try(proposal) })
  }

  #forget (proposal: Proposal): void {
    proposal.cancelRetry()
    proposal.end()
    this.#proposals.delete(proposal.ticket)
    this.#unplace(proposal)
    if (this.#byKey.get(proposal.key) === proposal) this.#byKey.delete(proposal.key)
  }

  #unplace ({ ticket, place }: Proposal): void {
    const others = place === undefined ? undefined : this.#byIndex.get(place.index)?.filter((each) => each.ticket !== ticket)
    if (others?.length === 0) this.#byIndex.delete(place!.index)
    else if (others !== undefined) this.#byIndex.set(place!.index, others)
  }

  #tryRead (read: Read): void {
    const standing = this.#init.read(read.ticket, read.lease)
    if (standing.kind === 'current') this.readCurrent(read.ticket, standing.index)
    else if (standing.kind === 'refused') this.#refusedRead(read, standing.refusal)
    this.#askAgain(read)
  }

  /** The asking or the answer may be lost, and asking twice is harmless. */
  #askAgain (read: Read): void {
    if (read.index !== undefined || !this.#reads.has(read.ticket)) return
    read.cancelRetry()
    read.cancelRetry = this.#init.clock.after(this.#init.retryMs, () => { this.#tryRead(read) })
  }

  #refusedRead (read: Read, refusal: Refusal): void {
    read.refusal = refusal
    if (passing.has(refusal)) return
    read.outcome.reject(refused('the read', refusal, this.#init.leader()))
    this.#forgetRead(read)
  }

  #endRead (read: Read): void {
    read.outcome.resolve(read.index!)
    this.#forgetRead(read)
  }

  #forgetRead (read: Read): void {
    read.end()
    this.#reads.delete(read.ticket)
  }

  #noLeader (refusal: Refusal | undefined): RaftError {
    const leader = this.#init.leader()
    return new RaftError('COLONY_RAFT_NO_LEADER', leader === undefined ? 'the group has no leader now, or its majority cannot be reached: nothing was done' : `${leader} leads and did not answer in time: nothing was done`, { leader, ...(refusal !== undefined && { refusal }) })
  }

  #checkRoom (): void {
    const { waitingMax } = this.#init
    if (this.size >= waitingMax) throw new RaftError('COLONY_RAFT_BUSY', `${waitingMax} requests wait already`, { leader: this.#init.leader() })
  }

  #limit (signal: AbortSignal | undefined, reject: (error: unknown) => void, late: () => RaftError, forget: () => void): () => void {
    const fail = (error: unknown): void => {
      reject(error)
      forget()
    }
    const onAbort = (): void => { fail(signal?.reason) }
    const cancel = this.#init.clock.after(this.#init.timeoutMs, () => { fail(late()) })
    signal?.addEventListener('abort', onAbort, { once: true })
    return () => {
      cancel()
      signal?.removeEventListener('abort', onAbort)
    }
  }

  #ticket (): string { return (this.#tickets++).toString(36) }
}
