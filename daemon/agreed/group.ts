/**
 * What agreed configuration needs of a group that agrees: a port that a Raft group (protocols/raft/group.ts) satisfies as
 * it is, and the state machine that is handed to that group. The local scope has a group of its own kind: one edge,
 * which agrees with itself as soon as it is on disk.
 */
import { ConfigState } from '../../protocols/config/state.ts'
import type { PeerName } from '../../protocols/ids.ts'
import type { StateMachine } from '../../protocols/raft/ports.ts'

export interface AgreedGroup {
  /** @returns what the machine returned, undefined where the same key was applied before */
  propose: (command: Uint8Array, options?: { readonly idempotency?: string, readonly signal?: AbortSignal }) => Promise<{ readonly result: unknown }>
  /** Until the state here is as new as all that was acknowledged before the call. */
  read: (how: 'lease' | 'index', options?: { readonly signal?: AbortSignal }) => Promise<number>
  /** The term in which this edge leads, while its lease runs. */
  leads: () => number | undefined
  readonly leader: PeerName | undefined
  /** Which log it is: another one counts its versions anew. Undefined while this edge is no member. */
  readonly group: string | undefined
  status: () => {
    readonly standing: string
    readonly failure: string | undefined
    /** Voters that do not answer, where that is known. */
    readonly silent?: readonly PeerName[]
    readonly raft: { readonly term: number, readonly commit: number, readonly applied: number, readonly configuration: { readonly voters: readonly PeerName[], readonly learners: readonly PeerName[] }, readonly lastTerm?: number, readonly lastIndex?: number } | undefined
  }
}

/**
 * A group's state, and who wants to hear of its changes. An entry that only newer edges understand is thrown: the group
 * ends its part here, as an edge that guessed, or passed over it, would have another state than the others.
 */
export class ConfigMachine implements StateMachine {
  #state: ConfigState
  readonly #listeners = new Set<() => void>()

  /** @param group its name in vectors and tokens: `global`, a region, `local:PEER` */
  constructor (group: string) { this.#state = new ConfigState(group) }

  get state (): ConfigState { return this.#state }

  apply (bytes: Uint8Array, { index, term }: { readonly index: number, readonly term: number }): unknown {
    const answer = this.#state.apply({ index, term, bytes })
    this.#tell()
    return answer
  }

  snapshot (): Uint8Array { return this.#state.snapshot() }

  restore (snapshot: Uint8Array | undefined): void {
    const { group } = this.#state
    this.#state = snapshot === undefined ? new ConfigState(group) : ConfigState.restore(group, snapshot)
    this.#tell()
  }

  /** Called after each change; must not throw. */
  onChange (listener: () => void): void { this.#listeners.add(listener) }

  #tell (): void { for (const listener of this.#listeners) listener() }
}

/** The local scope: this edge alone. */
export class LocalGroup implements AgreedGroup {
  readonly group = 'local'
  readonly leader: PeerName
  readonly #machine: ConfigMachine
  readonly #keep: (snapshot: Uint8Array) => Promise<void>
  #last: Promise<unknown> = Promise.resolve()

  /** @param keep resolves when the state is synced */
  constructor (self: PeerName, machine: ConfigMachine, keep: (snapshot: Uint8Array) => Promise<void>) {
    this.leader = self
    this.#machine = machine
    this.#keep = keep
  }

  /** What is under way when `signal` aborts may be done all the same. */
  async propose (bytes: Uint8Array, { signal }: { readonly signal?: AbortSignal } = {}): Promise<{ result: unknown }> {
    const mine = this.#last.then(async () => {
      // On a copy: what could not be written has not happened.
      const next = ConfigState.restore(this.#machine.state.group, this.#machine.snapshot())
      const result = next.apply({ index: next.index + 1, term: 1, bytes })
      const snapshot = next.snapshot()
      await this.#keep(snapshot)
      this.#machine.restore(snapshot)
      return { result }
    })
    this.#last = mine.catch(() => {})
    const aborted = Promise.withResolvers<never>()
    const onAbort = (): void => { aborted.reject(signal?.reason) }
    signal?.addEventListener('abort', onAbort, { once: true })
    return await Promise.race([mine, aborted.promise]).finally(() => { signal?.removeEventListener('abort', onAbort) })
  }

  async read (): Promise<number> { return this.#machine.state.index }
  leads (): number { return 1 }

  status (): ReturnType<AgreedGroup['status']> {
    const { index } = this.#machine.state
    return { standing: 'member', failure: undefined, raft: { term: 1, commit: index, applied: index, configuration: { voters: [this.leader], learners: [] } } }
  }
}
