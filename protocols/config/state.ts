/**
 * The replicated state machine of one configuration group: committed entries in, in the order of the log, and the same
 * state comes out on every edge. It knows the versions, which one is good, which one is being rolled out to whom, the
 * epoch of each region, and what was answered to whom. Which version an edge really runs is no part of it: that is
 * reported (active.ts), as is health (driver.ts). Raft's service feeds it; snapshots keep the log short.
 */
import assert from 'node:assert/strict'
import { z } from 'zod'
import { messageOf, WireError } from '../errors.ts'
import { decodeHead, encodeHead } from '../wire.ts'
import { canonicalJson, configLimits, hashOf, type JsonMap } from './canonical.ts'
import { decodeCommand, type CommandOf } from './commands.ts'
import { conflictsOf, documentOfLayer, layerEntries, layerSchema, mergeLayers, writeDocument, type Conflict, type Layer, type Stamp } from './merge.ts'
import { beginStep, desiredOf, rolloutSchema, type Desired, type Rollout } from './rollout.ts'
import { answerSchema, Answers, Versions, versionSchema, type Answer, type Refusal, type Version } from './versions.ts'
import { mergeVectors, type Vector } from './token.ts'
import type { PeerName, Region } from '../ids.ts'

export interface Entry {
  readonly index: number
  readonly term: number
  readonly bytes: Uint8Array
}

const snapshotFormat = 1
const snapshotSchema = z.object({
  format: z.literal(snapshotFormat),
  group: z.string(),
  index: z.int().min(0),
  term: z.int().min(0),
  head: z.int().min(0),
  base: z.int().min(0),
  layer: layerSchema,
  candidate: layerSchema.optional(),
  rollout: rolloutSchema.optional(),
  versions: z.array(versionSchema),
  answers: z.array(z.tuple([z.string(), z.string(), answerSchema])),
  epoch: z.int().min(0),
  epochs: z.array(z.tuple([z.string(), z.int().min(0)]))
})

export class ConfigState {
  /** Names the group in vectors and tokens: `global`, or a region. */
  readonly group: string
  #index = 0
  #term = 0
  #head = 0
  #base = 0
  #layer: Layer = new Map()
  #candidate: Layer | undefined
  #rollout: Rollout | undefined
  #versions = new Versions()
  #answers = new Answers()
  /** Entry that last changed what is region-wide everywhere, and later ones for single regions. */
  #epoch = 0
  #epochs = new Map<Region, number>()

  constructor (group: string) {
    this.group = group
  }

  /** The last entry applied. */
  get index (): number { return this.#index }
  get term (): number { return this.#term }
  /** The last good version's number; 0 before the first, which is empty. */
  get base (): number { return this.#base }
  /** The highest number given. */
  get head (): number { return this.#head }
  get rollout (): Rollout | undefined { return this.#rollout }
  /** How far this group's log has been seen, for tokens: by version, so that elections do not move it. */
  get vector (): Vector { return this.#head === 0 ? {} : { [this.group]: this.#head } }

  version (number: number): Version | undefined { return this.#versions.get(number) }
  /** Oldest first; the oldest ones leave. */
  history (): Version[] { return this.#versions.all() }
  /** The last good version's settings, as they were written. */
  document (): JsonMap { return this.#versions.get(this.#base)?.document ?? {} }
  conflicts (): Conflict[] { return conflictsOf(this.#layer) }
  /** The answer that was given to a request of this key; undefined for a new one. */
  answered (id: string, digest: string): Answer | undefined { return this.#answers.find(id, digest) }
  /** What an edge should run, as far as this group decides. */
  desired (edge: { readonly peer: PeerName, readonly region: Region }): Desired { return desiredOf(this.#rollout, this.#base, edge) }
  /** The entry that decided what is region-wide in a region now. Edges of equal epochs compute the same keys and owners. */
  epoch (region: Region): number { return Math.max(this.#epoch, this.#epochs.get(region) ?? 0) }

  /** A version's leaves with the marks of their writes; only the last good one and the one under way have them. */
  layer (): Layer
  layer (number: number): Layer | undefined
  layer (number: number = this.#base): Layer | undefined {
    if (number === this.#base) return this.#layer
    return number === this.#rollout?.version ? this.#candidate : undefined
  }

  /**
   * @returns what to answer to whoever proposed it; undefined for an entry that was applied before
   * @throws ConfigFormatError when this edge is too old for the entry: it must apply nothing further
   */
  apply ({ index, term, bytes }: Entry): Answer | undefined {
    if (index <= this.#index) return undefined
    assert(term >= this.#term, `entry ${index} has term ${term}, below term ${this.#term} of entry ${this.#index}`)
    const command = decodeCommand(bytes)
    this.#index = index
    this.#term = term
    if (command === undefined) return refused('malformed', 'the entry is no configuration command')
    if (command.kind === 'put' || command.kind === 'absorb') {
      const known = this.#answers.find(command.id, command.digest)
      if (known !== undefined) return known
      const answer = this.#edit(command)
      this.#answers.add(command.id, command.digest, answer)
      return answer
    }
    const rollout = this.#rollout
    if (rollout?.version !== command.version) return refused('stale', `version ${command.version} is not being rolled out`)
    if (command.kind === 'abort') return this.#abort(rollout, command)
    return command.kind === 'step' ? this.#step(rollout, command) : this.#finish(rollout, command)
  }

  #edit (command: CommandOf<'put'> | CommandOf<'absorb'>): Answer {
    const running = this.#rollout
    if (running !== undefined) return refused('busy', `version ${running.version} is being rolled out; wait for it, or abort it`)
    if (command.base !== this.#base) return refused('base', `the change starts from version ${command.base}, but version ${this.#base} is agreed now; look at it and try again`)
    const number = this.#head + 1
    const { author, wallMs, reason, priority, seen } = command
    const stamp: Stamp = { vector: mergeVectors(seen, { [this.group]: number }), priority, source: this.group, author, wallMs }
    const layer = command.kind === 'put'
      ? writeDocument(this.#layer, command.document, stamp, command.settles)
      : mergeLayers(this.#layer, command.layer)
    const document = documentOfLayer(layer)
    const bytes = Buffer.byteLength(canonicalJson(document))
    if (bytes > configLimits.documentBytesMax) return refused('too-large', `the configuration would have ${bytes} bytes; at most ${configLimits.documentBytesMax} are allowed`)
    const hash = hashOf(document)
    const agreed = this.#versions.get(this.#base)
    if (agreed?.hash === hash && command.kind === 'put' && command.settles === undefined) return { ...this.#done(agreed), unchanged: true }
    this.#head = number
    const staged = command.steps.length > 0
    const version: Version = {
      number, hash, bytes, document, author, wallMs, reason, base: this.#base,
      ...(command.kind === 'put' && command.restores !== undefined && { restores: command.restores }),
      index: this.#index, term: this.#term, outcome: staged ? 'rolling-out' : 'good', notes: []
    }
    this.#versions.add(version)
    if (staged) {
      const { steps, bounds, moved } = command
      this.#candidate = layer
      this.#rollout = { version: number, base: this.#base, steps, at: -1, edges: [], regions: [], all: false, switched: [], switchedAll: false, reached: { edges: [], regions: [] }, bounds, moved, notes: [] }
    } else {
      this.#base = number
      this.#layer = layer
      if (command.regionWide) this.#switchAll()
    }
    this.#trim()
    return this.#done(version)
  }

  #step (rollout: Rollout, { step, edges, regions, before, note }: CommandOf<'step'>): Answer {
    const next = rollout.steps[rollout.at + 1]
    if (step !== rollout.at + 1 || next === undefined) return refused('stale', `step ${step} of version ${rollout.version} is not the next one`)
    this.#rollout = beginStep(rollout, { edges, regions, before }, note)
    if (next.act === 'switch' && next.reach === 'all') this.#switchAll()
    else if (next.act === 'switch') for (const region of regions) this.#epochs.set(region, this.#index)
    return this.#done(this.#versions.get(rollout.version)!)
  }

  #finish (rollout: Rollout, { step, note }: CommandOf<'finish'>): Answer {
    if (step !== rollout.at || step !== rollout.steps.length - 1) return refused('stale', `version ${rollout.version} has not come to its last step`)
    this.#base = rollout.version
    this.#layer = this.#candidate!
    return this.#end('good', rollout, note)
  }

  /** Everyone returns to the last good version; regions that had switched return in all that is region-wide by this one entry. */
  #abort (rollout: Rollout, { reason }: CommandOf<'abort'>): Answer {
    if (rollout.switchedAll) this.#switchAll()
    else for (const region of rollout.switched) this.#epochs.set(region, this.#index)
    return this.#end('aborted', rollout, reason)
  }

  #end (outcome: 'good' | 'aborted', rollout: Rollout, note?: string): Answer {
    const ended: Version = { ...this.#versions.get(rollout.version)!, outcome, notes: note === undefined ? rollout.notes : [...rollout.notes, note] }
    this.#versions.add(ended)
    this.#rollout = undefined
    this.#candidate = undefined
    this.#trim()
    return this.#done(ended)
  }

  #switchAll (): void {
    this.#epoch = this.#index
    this.#epochs.clear()
  }

  #trim (): void {
    this.#versions.trim(new Set([this.#base, this.#rollout?.version ?? this.#base]))
  }

  #done ({ number, hash }: Version): Extract<Answer, { kind: 'done' }> {
    return { kind: 'done', version: number, hash, token: { [this.group]: number } }
  }

  /** All of it, up to the entry `index`: same state, same bytes. */
  snapshot (): Uint8Array {
    return encodeHead({
      format: snapshotFormat,
      group: this.group,
      index: this.#index,
      term: this.#term,
      head: this.#head,
      base: this.#base,
      layer: layerEntries(this.#layer),
      candidate: this.#candidate && layerEntries(this.#candidate),
      rollout: this.#rollout,
      versions: this.#versions.all(),
      answers: this.#answers.entries(),
      epoch: this.#epoch,
      epochs: [...this.#epochs].sort(([a], [b]) => a < b ? -1 : 1)
    })
  }

  /**
   * From the last good version alone, where nothing else is left of a group: its numbers go on from `head`. Older versions, and who was answered
   * what, are forgotten.
   *
   * @param place the last entry that the version is known to have outlived
   */
  static ofVersion (group: string, layer: Layer, version: Version, place: { readonly index: number, readonly term: number, readonly head: number }): ConfigState {
    const state = new ConfigState(group)
    state.#index = state.#epoch = place.index
    state.#term = place.term
    state.#base = version.number
    state.#head = Math.max(place.head, version.number)
    state.#layer = layer
    state.#versions.add(version)
    return state
  }

  /** @throws WireError for bytes that are no snapshot of this group; nothing is changed then */
  static restore (group: string, bytes: Uint8Array): ConfigState {
    const read = readSnapshot(bytes)
    if (read.group !== group) throw new WireError(`a snapshot of group ${JSON.stringify(read.group).slice(0, 80)} came for group ${group}`)
    const state = new ConfigState(group)
    state.#index = read.index
    state.#term = read.term
    state.#head = read.head
    state.#base = read.base
    state.#layer = read.layer
    state.#candidate = read.candidate
    state.#rollout = read.rollout
    for (const version of read.versions) state.#versions.add(version)
    for (const [id, digest, answer] of read.answers) state.#answers.add(id, digest, answer)
    state.#epoch = read.epoch
    state.#epochs = new Map(read.epochs)
    return state
  }
}

function readSnapshot (bytes: Uint8Array): z.output<typeof snapshotSchema> {
  const head = decodeHead(bytes)
  try {
    const read = snapshotSchema.parse(head)
    const known = new Set(read.versions.map(({ number }) => number))
    const needed = [read.base, read.rollout?.version ?? 0].filter((number) => number !== 0)
    if (!needed.every((number) => known.has(number)) || (read.rollout !== undefined) !== (read.candidate !== undefined)) throw new Error('it lacks a version that it speaks of')
    return read
  } catch (error) {
    const issue = error instanceof z.ZodError ? error.issues[0] : undefined
    throw new WireError(`a configuration snapshot that cannot be read: ${issue === undefined ? messageOf(error) : `${issue.path.join('/')}: ${issue.message}`}`, { cause: error })
  }
}

function refused (why: Refusal, reason: string): Answer {
  return { kind: 'refused', why, reason }
}
