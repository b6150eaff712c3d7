/**
 * Publishing and deleting, from the edge that was asked to. Two rounds, so that a write that too few edges can take shows
 * nowhere: in the first each replica takes the bytes and tells what it knows of the key; then the version is
 * chosen, after all that was told; in the second each makes the manifest part of its history, on disk. Only
 * `copies` answers to the second round make a write done. An edge that cannot is replaced by the next candidate.
 *
 * What a crash leaves: before the second round nothing but bytes that nobody names, dropped by their holders;
 * in the midst of it some holders with the new version, from which repair brings it to the others. Either
 * way a reader gets the old version or the new one, whole.
 *
 * @see DeCandia and others 2007 (sloppy preference lists, last writer wins)
 */
import { messageOf } from '../errors.ts'
import type { ContentKey, PeerName } from '../ids.ts'
import { PublishError, PublishFault } from './errors.ts'
import type { History } from './history.ts'
import { emptyHash, etagOf, type Address, type BodyName, type Manifest } from './manifest.ts'
import type { PublishPorts } from './ports.ts'
import type { Replica } from './replica.ts'
import { compareVersions, nextVersion, versionText } from './version.ts'

export interface WriteRequest {
  /** The body is here already, held by a pin of the caller's. */
  readonly body: BodyName
  readonly fields: Manifest['fields']
  readonly copies: number
  readonly idempotencyKey?: string | undefined
  readonly deleted: boolean
  /** Values of If-Match and If-None-Match. Judged by what the replicas know before the write: two writers at once may both pass. */
  readonly ifMatch?: string | undefined
  readonly ifNoneMatch?: string | undefined
}

export interface Written {
  readonly manifest: Manifest
  /** Edges that have it on disk, as many as were wanted. */
  readonly holders: readonly PeerName[]
  /** Nothing was published there before. */
  readonly created: boolean
}

export interface WriterInit extends PublishPorts {
  readonly replicaAt: (peer: PeerName) => Replica
}

export class Writer {
  readonly #init: WriterInit
  readonly #turns = new Map<ContentKey, Promise<unknown>>()

  constructor (init: WriterInit) { this.#init = init }

  /**
   * Writes of one key take turns on this edge, so that a retry meets what its first attempt came to.
   *
   * @param signal counts until the second round begins; from then on the write is brought to its end
   * @throws PublishError
   */
  async write (request: WriteRequest, signal: AbortSignal): Promise<Written> {
    const { key } = request.body
    const before = this.#turns.get(key) ?? Promise.resolve()
    const turn = before.then(async () => await this.#write(request, signal))
    const over = turn.catch(() => {})
    this.#turns.set(key, over)
    try {
      return await turn
    } finally {
      if (this.#turns.get(key) === over) this.#turns.delete(key)
    }
  }

  async #write (request: WriteRequest, signal: AbortSignal): Promise<Written> {
    signal.throwIfAborted()
    const { placement, settings, replicaAt, holdings } = this.#init
    const { body, copies, deleted } = request
    const { key } = body
    const candidates = placement.replicas(key, copies + settings.sparesMax)
    const told = await gather(candidates, copies, async (peer) =>
      deleted ? (await replicaAt(peer).look(key, signal)).history : await replicaAt(peer).hold(body, [], signal))
    signal.throwIfAborted()
    if (told.done.size < copies) throw this.#tooFew(request, told, false)

    const known = [holdings.history(key), ...told.done.values()].flat().sort((a, b) => compareVersions(b.version, a.version))
    const manifest = this.#manifest(request, known)
    const order = [...told.done.keys(), ...candidates.filter((peer) => !told.done.has(peer))]
    const never = new AbortController().signal
    const done = await gather(order, copies, async (peer) => { await replicaAt(peer).keep(manifest, [], never) })
    if (done.done.size < copies) throw this.#tooFew(request, done, true)
    this.#tell(manifest, known, done.done)
    return { manifest, holders: [...done.done.keys()], created: isFirst(manifest, known) }
  }

  /** The one that this very request made before, or a new one after all that is known. */
  #manifest (request: WriteRequest, known: History): Manifest {
    const { self, clock } = this.#init
    const { body, fields, copies, idempotencyKey, deleted } = request
    const earlier = idempotencyKey === undefined ? undefined : known.find((each) => each.idempotencyKey === idempotencyKey)
    if (earlier !== undefined) {
      if (earlier.hash === body.hash && earlier.deleted === deleted) return earlier
      throw new PublishError(PublishFault.Reused, `the Idempotency-Key ${JSON.stringify(idempotencyKey)} was used for another ${earlier.deleted === deleted ? 'body' : 'operation'} at ${body.target} already: give each write its own key`)
    }
    const [newest] = known
    checkConditions(request, newest)
    // Deleted already: the tombstone is made sure of on as many edges as were asked for.
    if (deleted && newest?.deleted === true) return newest
    const wallMs = Math.floor(clock.wallMs())
    return {
      ...body,
      version: nextVersion(wallMs, known.map(({ version }) => version), self),
      fields,
      copies,
      ...(idempotencyKey === undefined ? {} : { idempotencyKey }),
      deleted,
      createdAtMs: wallMs
    }
  }

  /** Others that held an older version with more copies, or could not take this one in time: unwaited for. */
  #tell (manifest: Manifest, known: History, done: ReadonlyMap<PeerName, unknown>): void {
    const { placement, replicaAt } = this.#init
    const copies = known.reduce((most, each) => Math.max(most, each.copies), manifest.copies)
    const never = new AbortController().signal
    for (const peer of placement.replicas(manifest.key, copies)) {
      if (!done.has(peer)) replicaAt(peer).keep(manifest, [...done.keys()], never).catch(() => {})
    }
  }

  #tooFew ({ copies, deleted }: WriteRequest, { done, failed }: Gathered<unknown>, begun: boolean): PublishError {
    const { placement } = this.#init
    const what = deleted ? 'deleted' : 'published'
    const reasons = [...new Set(Array.from(failed.values(), messageOf))].slice(0, 3).join('; ')
    const few = placement.size < copies && failed.size === 0
    const why = few ? `the colony has ${placement.size === 1 ? 'one edge' : `${placement.size} edges`}` : `${done.size} of ${copies} edges ${begun ? 'confirmed it' : 'could take it'}${reasons === '' ? '' : ` (${reasons})`}`
    const then = begun ? `it may be ${what} nonetheless` : `nothing was ${what}`
    const how = few ? `start more edges, or ask for ${placement.size === 1 ? '1 copy' : `${placement.size} copies`}` : 'repeat the request with the same Idempotency-Key, or ask for fewer copies'
    return new PublishError(PublishFault.Copies, `${copies} copies were asked for and ${why}: ${then}; ${how}`)
  }
}

/** A body's name for a deletion. */
export function tombstoneOf (address: Address): BodyName {
  return { ...address, hash: emptyHash, length: 0 }
}

function isFirst (manifest: Manifest, known: History): boolean {
  const before = known.find(({ version }) => compareVersions(version, manifest.version) < 0)
  return before === undefined || before.deleted
}

/** RFC 9110 section 13.1: the strong comparison for both, as a write depends on it. */
function checkConditions ({ ifMatch, ifNoneMatch }: WriteRequest, newest: Manifest | undefined): void {
  const current = newest === undefined || newest.deleted ? undefined : newest
  const names = (list: string): boolean => current !== undefined && (list.trim() === '*' || list.split(',').some((tag) => tag.trim() === etagOf(current)))
  const state = current === undefined ? 'nothing is published there' : `the current version is ${versionText(current.version)} with ETag ${etagOf(current)}`
  if (ifMatch !== undefined && !names(ifMatch)) throw new PublishError(PublishFault.Precondition, `If-Match is ${ifMatch} and ${state}`)
  if (ifNoneMatch !== undefined && names(ifNoneMatch)) throw new PublishError(PublishFault.Precondition, `If-None-Match is ${ifNoneMatch} and ${state}`)
}

interface Gathered<T> {
  readonly done: Map<PeerName, T>
  readonly failed: Map<PeerName, unknown>
}

/** Does `work` at the first `wanted` candidates at once, and at the next one for each that fails. */
export async function gather<T> (candidates: readonly PeerName[], wanted: number, work: (peer: PeerName) => Promise<T>): Promise<Gathered<T>> {
  const done = new Map<PeerName, T>()
  const failed = new Map<PeerName, unknown>()
  const rest = candidates.values()
  await Promise.all(Array.from({ length: wanted }, async () => {
    for (const peer of rest) {
      try {
        done.set(peer, await work(peer))
        return
      } catch (error) {
        failed.set(peer, error)
      }
    }
  }))
  return { done, failed }
}
