/**
 * Proposals and reads that wait at one simulated member, as protocols/raft/requests.ts has them for the daemon, without promises.
 * With an idempotency key a proposal is handed in again until it is applied; without one it goes to this edge's own leadership alone, and
 * its place in the log decides.
 */
import { decodeCommand, encodeCommand, type Place } from '../../../protocols/raft/commands.ts'
import { EntryKind, Refusal, type Entry } from '../../../protocols/raft/messages.ts'
import type { Proposed, ReadStanding, Ready } from '../../../protocols/raft/ready.ts'
import type { Machine } from '../machine.ts'

/** `unknown`: it may be done, or be done later. `failed`: it never is. */
export type Outcome =
  | { readonly kind: 'done', readonly index: number, readonly result: unknown }
  | { readonly kind: 'unknown' | 'failed' }

interface Waiting {
  readonly ticket: string
  readonly done: (outcome: Outcome) => void
  readonly cancels: Array<() => void>
}

interface Proposal extends Waiting {
  readonly key: string
  readonly data: Uint8Array
  place: Place | undefined
  handed: boolean
}

interface Read extends Waiting {
  readonly lease: boolean
  index: number | undefined
}

export interface AgreementRequestsInit {
  readonly machine: Machine
  readonly timeoutMs: number
  readonly retryMs: number
  readonly propose: (data: Uint8Array, ticket: string) => Proposed
  readonly read: (ticket: string, lease: boolean) => ReadStanding
}

const passing: ReadonlySet<Refusal> = new Set([Refusal.NoLeader, Refusal.NotLeader, Refusal.Transferring, Refusal.Busy])

export class AgreementRequests {
  readonly #init: AgreementRequestsInit
  readonly #proposals = new Map<string, Proposal>()
  readonly #reads = new Map<string, Read>()
  #tickets = 0

  constructor (init: AgreementRequestsInit) { this.#init = init }

  /** @param key '' for a proposal that is made once, and only where this edge leads */
  propose (command: Uint8Array, key: string, done: (outcome: Outcome) => void): void {
    const proposal: Proposal = { ticket: this.#ticket(), key, data: encodeCommand(key, command), done, cancels: [], place: undefined, handed: false }
    this.#proposals.set(proposal.ticket, proposal)
    this.#limit(proposal, () => { this.#end(proposal, { kind: proposal.handed ? 'unknown' : 'failed' }) })
    this.#try(proposal)
  }

  /** Done once this edge's state is current. */
  read (lease: boolean, done: (outcome: Outcome) => void): void {
    const read: Read = { ticket: this.#ticket(), lease, done, cancels: [], index: undefined }
    this.#reads.set(read.ticket, read)
    this.#limit(read, () => { this.#end(read, { kind: 'failed' }) })
    this.#ask(read)
  }

  /** What the core has found out, all that is committed being applied. */
  settle ({ proposals, reads }: Pick<Ready, 'proposals' | 'reads'>, applied: number): void {
    for (const outcome of proposals) {
      const proposal = this.#proposals.get(outcome.context)
      if (proposal !== undefined && outcome.kind === 'appended') proposal.place ??= outcome
    }
    for (const { context, index } of reads) {
      const read = this.#reads.get(context)
      if (read !== undefined) read.index ??= index
    }
    for (const read of [...this.#reads.values()]) {
      if (read.index !== undefined && read.index <= applied) this.#end(read, { kind: 'done', index: read.index, result: undefined })
    }
  }

  /** @param result undefined where its key had been applied before */
  applied ({ index, term, kind, data }: Entry, result: unknown): void {
    if (this.#proposals.size === 0) return
    const key = kind === EntryKind.Data ? decodeCommand(data).key : ''
    for (const proposal of [...this.#proposals.values()]) {
      if (proposal.key === '' ? proposal.place?.index !== index : proposal.key !== key) continue
      if (proposal.key === '' && proposal.place?.term !== term) this.#end(proposal, { kind: 'failed' })
      else this.#end(proposal, { kind: 'done', index, result })
    }
  }

  /** A snapshot took the place of entries, and with them of what they came to. */
  restored (index: number, placeOf: (key: string) => Place | undefined): void {
    for (const proposal of [...this.#proposals.values()]) {
      const place = placeOf(proposal.key)
      if (place !== undefined) this.#end(proposal, { kind: 'done', index: place.index, result: undefined })
      else if (proposal.key === '' && (proposal.place?.index ?? 0) <= index) this.#end(proposal, { kind: 'unknown' })
    }
  }

  /** The process is gone. */
  clear (): void {
    const proposals = [...this.#proposals.values()]
    const reads = [...this.#reads.values()]
    for (const proposal of proposals) this.#end(proposal, { kind: proposal.handed ? 'unknown' : 'failed' })
    for (const read of reads) this.#end(read, { kind: 'failed' })
  }

  #try (proposal: Proposal): void {
    if (!this.#proposals.has(proposal.ticket)) return
    const proposed = this.#init.propose(proposal.data, proposal.ticket)
    if (proposed.kind === 'appended') {
      proposal.handed = true
      proposal.place = proposed
    } else if (proposed.kind === 'forwarded') proposal.handed = true
    else if (proposal.key === '' || (!passing.has(proposed.refusal) && !proposal.handed)) return this.#end(proposal, { kind: 'failed' })
    if (proposal.key !== '') this.#again(proposal, () => { this.#try(proposal) })
  }

  #ask (read: Read): void {
    if (!this.#reads.has(read.ticket) || read.index !== undefined) return
    const standing = this.#init.read(read.ticket, read.lease)
    if (standing.kind === 'current') read.index = standing.index
    this.#again(read, () => { this.#ask(read) })
  }

  #again (waiting: Waiting, again: () => void): void {
    const { machine, retryMs } = this.#init
    waiting.cancels.push(machine.after(retryMs, again))
  }

  #limit (waiting: Waiting, late: () => void): void {
    const { machine, timeoutMs } = this.#init
    waiting.cancels.push(machine.after(timeoutMs, late))
  }

  #end (waiting: Waiting, outcome: Outcome): void {
    if (!this.#proposals.delete(waiting.ticket) && !this.#reads.delete(waiting.ticket)) return
    for (const cancel of waiting.cancels) cancel()
    waiting.done(outcome)
  }

  #ticket (): string { return (this.#tickets++).toString(36) }
}
