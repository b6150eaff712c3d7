/**
 * Reading published content at a level, as in a Dynamo-style store. A write is done when all its copies are on disk, so
 * one replica is enough while nothing is broken; `quorum` still sees the newest version when a replica missed it
 * (it was away, or took over a moment ago), and `all` says so when one cannot be asked. Replicas that
 * answered with less than the newest are brought up to date afterwards.
 *
 *     one     the first replica that has anything
 *     quorum  the newest of a majority of the object's replicas
 *     all     the newest of every replica
 *
 * That nothing is there is believed from all who answer, never from a majority alone: a replica that has just
 * taken over may know nothing yet.
 */
import { messageOf } from '../errors.ts'
import type { ContentKey, PeerName } from '../ids.ts'
import { PublishError, PublishFault } from './errors.ts'
import type { Address, BodyName, Manifest } from './manifest.ts'
import type { Looked } from './messages.ts'
import type { PublishPorts } from './ports.ts'
import type { Replica } from './replica.ts'
import { compareVersions, type Version } from './version.ts'

export const ReadLevel = { One: 'one', Quorum: 'quorum', All: 'all' } as const
export type ReadLevel = typeof ReadLevel[keyof typeof ReadLevel]

export function isReadLevel (text: string): text is ReadLevel {
  return Object.values<string>(ReadLevel).includes(text)
}

/** What the replicas said of a key. */
export interface Seen {
  /** The newest version, a tombstone maybe; undefined where nobody knows the key. */
  readonly newest: Manifest | undefined
  readonly answers: ReadonlyMap<PeerName, Looked>
  /** Replicas that did not answer, or not before the level was reached. */
  readonly missing: readonly PeerName[]
}

export interface ReaderInit extends PublishPorts {
  readonly replicaAt: (peer: PeerName) => Replica
}

export class Reader {
  readonly #init: ReaderInit
  readonly #repairing = new Set<ContentKey>()

  constructor (init: ReaderInit) { this.#init = init }

  /**
   * @param tolerant takes what there is once no more answers can come, if there is one at all
   * @throws PublishError when too few replicas answer for the level
   */
  async look ({ key, target }: Pick<Address, 'key' | 'target'>, level: ReadLevel, signal: AbortSignal, tolerant = false): Promise<Seen> {
    const { placement, settings, replicaAt, holdings, self } = this.#init
    const answers = new Map<PeerName, Looked>()
    const failed = new Map<PeerName, unknown>()
    const asked = new Set<PeerName>()
    const pending = new Set<Promise<void>>()
    const leave = new AbortController()
    const onAbort = (): void => { leave.abort(signal.reason) }
    signal.addEventListener('abort', onAbort, { once: true })
    const ask = (peer: PeerName): void => {
      if (asked.has(peer)) return
      asked.add(peer)
      const answer = replicaAt(peer).look(key, leave.signal)
        .then((looked) => { answers.set(peer, looked) }, (error: unknown) => { failed.set(peer, error) })
        .finally(() => { pending.delete(answer) })
      pending.add(answer)
    }
    try {
      // What this edge knows is free to ask, and may be behind.
      if (holdings.history(key).length > 0) ask(self)
      for (;;) {
        signal.throwIfAborted()
        const newest = newestOf(answers)
        // How many replicas the object has, only its manifest tells.
        const replicas = placement.replicas(key, newest?.copies ?? settings.copies)
        for (const peer of replicas) ask(peer)
        const answered = replicas.filter((peer) => answers.has(peer)).length
        const enough = level === ReadLevel.One ? 1 : level === ReadLevel.All ? Math.max(1, replicas.length) : Math.floor(replicas.length / 2) + 1
        const missing = replicas.filter((peer) => !answers.has(peer))
        if ((newest !== undefined && answered >= enough) || (pending.size === 0 && answered >= (tolerant ? 1 : enough))) {
          const seen: Seen = { newest, answers, missing }
          this.#repair(seen)
          return seen
        }
        if (pending.size === 0) throw tooFew(target, level, answered, replicas.length, enough, failed)
        await Promise.race(pending)
      }
    } finally {
      signal.removeEventListener('abort', onAbort)
      leave.abort(new DOMException('enough replicas answered', 'AbortError'))
    }
  }

  /** Bytes of a version, from here or from whoever has them; goes on at another holder where one breaks off. */
  async * read (body: BodyName, holders: readonly PeerName[], start: number, end: number, signal: AbortSignal): AsyncGenerator<Uint8Array> {
    const { holdings, pull, self } = this.#init
    if (holdings.has(body.hash)) {
      yield * holdings.read(body, start, end)
      return
    }
    let at = start
    let failure: unknown
    for (const peer of holders) {
      if (at >= end) return
      if (peer === self) continue
      try {
        for await (const chunk of pull(peer, body, { signal, offset: at })) {
          const wanted = chunk.subarray(0, end - at)
          at += wanted.byteLength
          yield wanted
          if (at >= end) return
        }
        failure = new Error(`peer ${peer} ended at ${at} of ${body.length} bytes`)
      } catch (error) {
        signal.throwIfAborted()
        failure = error
      }
    }
    if (at < end) throw new PublishError(PublishFault.Bytes, `no holder of ${body.target} gave its bytes from ${at} on${failure === undefined ? '' : ` (${messageOf(failure)})`}`, { cause: failure })
  }

  /** Those that answered with less than the newest get it, unasked and unwaited for. */
  #repair ({ newest, answers }: Seen): void {
    if (newest === undefined || this.#repairing.has(newest.key)) return
    const behind = [...answers].filter(([, looked]) => isBehind(looked, newest.version)).map(([peer]) => peer)
    if (behind.length === 0) return
    const { replicaAt } = this.#init
    this.#repairing.add(newest.key)
    const never = new AbortController().signal
    void Promise.all(behind.map(async (peer) => {
      await replicaAt(peer).keep(newest, holdersOf(newest, answers), never).catch(() => {})
    })).finally(() => { this.#repairing.delete(newest.key) })
  }
}

/** Those who said that they have these bytes. */
export function holdersOf ({ hash }: BodyName, answers: ReadonlyMap<PeerName, Looked>): PeerName[] {
  return [...answers].filter(([, { holds }]) => holds.includes(hash)).map(([peer]) => peer)
}

function newestOf (answers: ReadonlyMap<PeerName, Looked>): Manifest | undefined {
  return Array.from(answers.values(), ({ history }) => history[0])
    .filter((manifest) => manifest !== undefined)
    .sort((a, b) => compareVersions(b.version, a.version))[0]
}

function isBehind ({ history }: Looked, newest: Version): boolean {
  const version = history[0]?.version
  return version === undefined || compareVersions(version, newest) < 0
}

function tooFew (target: string, level: ReadLevel, answered: number, replicas: number, enough: number, failed: ReadonlyMap<PeerName, unknown>): PublishError {
  if (replicas === 0) return new PublishError(PublishFault.Level, `no edge is known that could hold ${target}: this one has not joined its colony yet`)
  const reasons = [...new Set(Array.from(failed.values(), messageOf))].slice(0, 2).join('; ')
  const how = level === ReadLevel.One ? 'repeat later' : `repeat later, or ask for the level ${level === ReadLevel.All ? 'quorum or one' : 'one'}`
  return new PublishError(PublishFault.Level, `${answered} of ${replicas} replicas of ${target} answered and the level ${level} needs ${enough}${reasons === '' ? '' : ` (${reasons})`}: ${how}`)
}
