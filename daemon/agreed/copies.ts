/**
 * A group's state on edges that have no part in the group: the global one has a voter in each of a few regions, and every edge runs
 * what it agrees on. Such an edge copies the state from a member, when it is newer than its own, and has the member propose and read
 * for it. To everything above it is a group like any other that this edge does not lead.
 *
 *     { kind: 'copy', scope, group, index, read, at, offset } -> { group, index, leader, term, voters, length, offset } + part of the snapshot
 *     { kind: 'propose', scope, key } + command               -> { result } or { failed: { code, message } }
 *     either of an edge that has no part in it itself         -> { members }, as far as it knows them
 */
import { z } from 'zod'
import { sleep, type Clock } from '../../protocols/clock.ts'
import type { Scope } from '../../protocols/config/merge.ts'
import { answerSchema } from '../../protocols/config/versions.ts'
import { codeOf, messageOf, WireError } from '../../protocols/errors.ts'
import type { PeerName } from '../../protocols/ids.ts'
import { isOlder } from '../../protocols/raft/group-id.ts'
import { RaftError, type RaftErrorCode } from '../../protocols/raft/errors.ts'
import type { Answerer, Call } from '../../protocols/rpc.ts'
import type { AgreedGroup, ConfigMachine } from './group.ts'
import type { AgreedServiceSettings } from './settings.ts'

const name = z.string().min(1).max(128)
const number = z.int().min(0)
const headSchema = z.object({
  group: name, index: number, term: number, leader: name.optional(), voters: z.array(name).max(64), length: number, offset: number
})
/** Of an edge that is no member itself. */
const hintSchema = z.object({ members: z.array(name).max(64) })
type Head = z.output<typeof headSchema>

/** Bytes of a snapshot in one answer; well below what a call may carry. */
const partBytes = 128 * 1024

/** Of a command that is handed on: what a call may carry (`payloadBytesMax` of protocols/rpc.ts). */
const forwardedBytesMax = 256 * 1024

export interface CopiedGroupInit {
  readonly self: PeerName
  readonly scope: Scope
  readonly machine: ConfigMachine
  readonly clock: Clock
  readonly settings: AgreedServiceSettings
  readonly call: Call
  /** Members of the group that may be asked, the best first; none where there is no such group. */
  readonly sources: () => readonly PeerName[]
  /** Leader, voters or the group itself are others now. */
  readonly onChange: () => void
}

export class CopiedGroup implements AgreedGroup {
  readonly #init: CopiedGroupInit
  #known: Head | undefined
  /** Who was told to be a member by one that is not. */
  #hints: readonly PeerName[] = []
  /** Who answered last; after a failure the next in turn is asked. */
  #good: PeerName | undefined
  #turn = 0
  #stop = new AbortController()
  #pulling: Promise<void> | undefined

  constructor (init: CopiedGroupInit) { this.#init = init }

  /** Whether there is anybody to copy from. */
  get exists (): boolean { return this.#known !== undefined || this.#init.sources().length > 0 }
  /** Who is known to have a part in the group. */
  get members (): readonly PeerName[] { return this.#known?.voters ?? [] }
  get group (): string | undefined { return this.#known?.group }
  /** The highest that was told. */
  get term (): number { return this.#known?.term ?? 0 }
  get leader (): PeerName | undefined { return this.#known?.leader }
  leads (): undefined { return undefined }

  status (): ReturnType<AgreedGroup['status']> {
    const { index } = this.#init.machine.state
    return {
      standing: 'copy',
      failure: undefined,
      raft: this.#known && { term: this.#known.term, commit: this.#known.index, applied: index, configuration: { voters: this.#known.voters, learners: [] } }
    }
  }

  start (): void {
    this.#stop = new AbortController()
    void this.#poll(this.#stop.signal)
  }

  stop (): void { this.#stop.abort() }

  async propose (bytes: Uint8Array, { idempotency = '', signal }: { readonly idempotency?: string, readonly signal?: AbortSignal } = {}): Promise<{ result: unknown }> {
    const { call, scope } = this.#init
    if (bytes.byteLength > forwardedBytesMax) throw new RaftError('COLONY_RAFT_TOO_LARGE', `a change of ${bytes.byteLength} bytes: at most ${forwardedBytesMax} are handed on to the ${scope} group; ask an edge that has a part in it`)
    const { head } = await call(this.#source(), { kind: 'propose', scope, key: idempotency }, { payload: bytes, ...(signal !== undefined && { signal }) })
    this.#heed(head)
    const failed = head.failed as { code?: unknown, message?: unknown } | undefined
    if (failed !== undefined) throw new RaftError(String(failed.code) as RaftErrorCode, String(failed.message))
    // Applied here, too, when its author is told.
    await this.#current(signal)
    const result = answerSchema.safeParse(head.result)
    return { result: result.data }
  }

  async read (_how: 'lease' | 'index', { signal }: { readonly signal?: AbortSignal } = {}): Promise<number> {
    await this.#current(signal)
    return this.#init.machine.state.index
  }

  /** Asks one member after the other, as one may be gone, or in the middle of an election. */
  async #current (signal?: AbortSignal): Promise<void> {
    const { clock, settings } = this.#init
    for (let tries = 1; ; tries++) {
      this.#source()
      try {
        await this.#pull(true, signal)
        return
      } catch (error) {
        if (signal?.aborted === true || (signal === undefined && tries === 3)) throw error
        await sleep(clock, settings.copyRetryMs, signal).catch(() => {})
      }
    }
  }

  async #poll (signal: AbortSignal): Promise<void> {
    const { clock, settings, machine } = this.#init
    while (!signal.aborted) {
      if (this.#init.sources().length > 0) await this.#pull(false, signal).catch(() => {})
      await sleep(clock, machine.state.rollout === undefined ? settings.copyIntervalMs : settings.driveIntervalMs, signal).catch(() => {})
    }
  }

  /** One after the other: two that ran at once would fetch the same twice. */
  async #pull (read: boolean, signal?: AbortSignal): Promise<void> {
    while (this.#pulling !== undefined) await this.#pulling.catch(() => {})
    this.#pulling = this.#fetch(read, signal)
    try {
      await this.#pulling
    } catch (error) {
      this.#good = undefined
      this.#turn++
      throw error
    } finally {
      this.#pulling = undefined
    }
  }

  async #fetch (read: boolean, signal?: AbortSignal): Promise<void> {
    const { machine, scope, call, settings, onChange } = this.#init
    const source = this.#source()
    let parts: Uint8Array[] = []
    let at: Head | undefined
    for (let offset = 0; ;) {
      signal?.throwIfAborted()
      const asked = { kind: 'copy', scope, group: this.#known?.group ?? '', index: machine.state.index, read: read && at === undefined, at: at?.index ?? 0, offset }
      const { head, payload } = await call(source, asked, { timeoutMs: settings.copyTimeoutMs, ...(signal !== undefined && { signal }) })
      this.#heed(head)
      const parsed = headSchema.safeParse(head)
      if (!parsed.success) throw new WireError('a peer sent a part of a copy that cannot be read')
      const next = parsed.data
      if (next.length > settings.copyBytesMax) throw new WireError(`a peer announced a copy of ${next.length} bytes; at most ${settings.copyBytesMax} are taken`)
      // It went on meanwhile: what was collected belongs to an older state.
      if (next.offset === 0) parts = []
      else if (next.offset !== offset || next.index !== at?.index) throw new WireError('a peer sent another part of a copy than it was asked for')
      at = next
      parts.push(payload)
      offset = next.offset + payload.byteLength
      if (offset >= next.length) break
      if (payload.byteLength === 0) throw new WireError('a peer sent an empty part of a copy')
    }
    const another = this.#known?.group !== at.group
    // A member that was away may not know yet that its group was replaced.
    if (another && this.#known !== undefined && isOlder(this.#known.group, at.group)) throw new RaftError('COLONY_RAFT_NOT_MEMBER', 'the edge that was asked is in a younger group')
    this.#good = source
    const before = this.#known
    this.#known = at
    if (at.length > 0 && (another || at.index > machine.state.index)) machine.restore(Buffer.concat(parts))
    if (another || before?.leader !== at.leader || before?.term !== at.term) onChange()
  }

  /** @throws RaftError where the edge that was asked only knows who should be */
  #heed (head: unknown): void {
    const hint = hintSchema.safeParse(head)
    if (!hint.success) return
    this.#hints = hint.data.members
    throw new RaftError('COLONY_RAFT_NOT_MEMBER', `the edge that was asked is no member of the ${this.#init.scope} group`)
  }

  #source (): PeerName {
    const sources = [...new Set([...this.#init.sources(), ...this.#known?.voters ?? [], ...this.#hints])].filter((peer) => peer !== this.#init.self)
    const source = this.#good !== undefined && sources.includes(this.#good) ? this.#good : sources[this.#turn % sources.length]
    if (source === undefined) throw new RaftError('COLONY_RAFT_NO_LEADER', `no member of the ${this.#init.scope} group is known`)
    return source
  }
}

/** A member's side. */
export class Copies {
  readonly #machine: ConfigMachine
  readonly #group: () => AgreedGroup | undefined
  readonly #members: () => readonly PeerName[]
  /** The last one that was given out, while it is current. */
  #snapshot: { readonly group: string, readonly index: number, readonly bytes: Uint8Array } | undefined

  /** @param members who has a part in the group, as far as is known here */
  constructor (machine: ConfigMachine, group: () => AgreedGroup | undefined, members: () => readonly PeerName[]) {
    this.#members = members
    this.#machine = machine
    this.#group = group
  }

  readonly answer: Answerer = async ({ head, payload }, _from, signal) => {
    const group = this.#group()
    const id = group?.group
    const raft = group?.status().raft
    if (group === undefined || id === undefined || raft === undefined) {
      const members = this.#members()
      if (members.length === 0) throw new WireError('this edge is no member of that group')
      return { head: { members } }
    }
    if (head.kind === 'propose') {
      try {
        return { head: { result: (await group.propose(payload, { ...(typeof head.key === 'string' && head.key !== '' && { idempotency: head.key.slice(0, 128) }), signal })).result ?? null } }
      } catch (error) {
        return { head: { failed: { code: codeOf(error) ?? 'COLONY_RAFT_UNKNOWN', message: messageOf(error).slice(0, 500) } } }
      }
    }
    if (head.read === true) await group.read('lease', { signal })
    const { index } = this.#machine.state
    const about = { group: id, index, term: raft.term, leader: group.leader, voters: raft.configuration.voters }
    if (head.group === id && head.index === index) return { head: { ...about, length: 0, offset: 0 } }
    if (this.#snapshot?.index !== index || this.#snapshot.group !== id) this.#snapshot = { group: id, index, bytes: this.#machine.snapshot() }
    const { bytes } = this.#snapshot
    const offset = head.at === index && Number.isSafeInteger(head.offset) ? Math.max(0, Math.min(head.offset as number, bytes.byteLength)) : 0
    return { head: { ...about, length: bytes.byteLength, offset }, payload: bytes.subarray(offset, offset + partBytes) }
  }
}
