/**
 * Brings what a dissolved group had agreed on into the older group that it met (DESIGN.md, Rules of agreement), where what
 * both say differently stands as conflicts from then on. Every edge of the dissolved group may do it; who comes later finds it
 * there, and forgets its own copy.
 */
import type { Clock } from '../../protocols/clock.ts'
import { hashOf, type Json } from '../../protocols/config/canonical.ts'
import { layerEntries, mergeLayers, type Layer, type Write } from '../../protocols/config/merge.ts'
import { ConfigState } from '../../protocols/config/state.ts'
import type { Vector } from '../../protocols/config/token.ts'
import { messageOf } from '../../protocols/errors.ts'
import type { Logger } from '../log.ts'
import type { AgreedGroup, ConfigMachine } from './group.ts'
import type { Outcome } from './outcome.ts'

/** What is left of groups that this edge was in, kept until it is forgotten. */
export interface DissolvedGroups {
  /** `snapshot` is of the group's `ConfigMachine`. */
  all: () => Promise<ReadonlyArray<{ readonly group: string, readonly snapshot: Uint8Array }>>
  forget: (group: string) => Promise<void>
}

export interface AbsorberInit {
  readonly clock: Clock
  /** Between two looks while something is left, ms. */
  readonly retryMs: number
  readonly machine: ConfigMachine
  /** The group that this edge is in now. */
  readonly group: () => AgreedGroup | undefined
  readonly dissolved: () => DissolvedGroups
  readonly logger: Logger
  readonly absorb: (layer: Layer, id: string) => Promise<Outcome>
}

export class Absorber {
  readonly #init: AbsorberInit
  readonly #hopeless = new Set<string>()
  #dueMs = -Infinity
  #working = false
  #refusals = 0

  constructor (init: AbsorberInit) { this.#init = init }

  /** There may be something that was not looked at. */
  wake (): void { this.#dueMs = -Infinity }

  /** To be called now and then: does what is left to do, where there is a group to do it in. */
  tick (): void {
    const { clock, retryMs } = this.#init
    const now = this.#init.group()?.group
    if (clock.nowMs() < this.#dueMs || this.#working || now === undefined) return
    this.#working = true
    this.#dueMs = Infinity
    void this.#work(now).catch((error: unknown) => {
      this.#dueMs = clock.nowMs() + retryMs
      this.#init.logger.warn({ reason: messageOf(error) }, 'what a dissolved group had agreed on cannot be compared yet')
    }).finally(() => { this.#working = false })
  }

  async #work (now: string): Promise<void> {
    const { logger, clock, retryMs } = this.#init
    const dissolved = this.#init.dissolved()
    const all = await dissolved.all()
    // An edge that was just taken in has nothing of the group yet, so that all would seem to be new.
    if (all.length > 0) await this.#init.group()?.read('lease')
    for (const { group, snapshot } of all) {
      if (group === now || this.#hopeless.has(group)) continue
      try {
        if (await this.#absorb(group, snapshot)) await dissolved.forget(group)
        else this.#dueMs = Math.min(this.#dueMs, clock.nowMs() + retryMs)
      } catch (error) {
        // No snapshot of ours, or together they make settings that nobody can run: it stays where it is, for people.
        this.#hopeless.add(group)
        logger.error({ group, reason: messageOf(error) }, 'what a dissolved group had agreed on cannot be taken in')
      }
    }
  }

  /** @returns whether it is in */
  async #absorb (group: string, snapshot: Uint8Array): Promise<boolean> {
    const { machine, absorb, logger } = this.#init
    const { group: name } = machine.state
    const left = ConfigState.restore(name, snapshot)
    const layer = marked(left.layer(), sharedVersions(left, machine.state), name, `${name.slice(0, 48)}@${group.replace(/[^A-Za-z0-9]/g, '').slice(-12)}`)
    const before = machine.state.layer()
    if (digestOf(mergeLayers(before, layer)) === digestOf(before)) return true
    // The answer to a key is the same for ever, so what was refused as another roll-out ran is asked again with another.
    const outcome = await absorb(layer, `dissolved:${digestOf(layer)}:${this.#refusals}`)
    if (outcome.kind === 'refused') this.#refusals++
    if (outcome.kind !== 'done') return false
    logger.info({ group, version: outcome.version }, 'takes in what a dissolved group had agreed on')
    // It is in when its roll-out has ended well: then the next look finds nothing new in it.
    return false
  }
}

/** The highest version that both agreed on: of a group that was founded anew, what it took over from the one before. */
function sharedVersions (one: ConfigState, other: ConfigState): number {
  const same = one.history().findLast(({ number, index, hash, wallMs }) => {
    const twin = other.version(number)
    return twin?.index === index && twin.hash === hash && twin.wallMs === wallMs
  })
  return same?.number ?? 0
}

/**
 * Both groups counted their versions under one name, and beyond the `shared` ones knew nothing of each other: those marks of the
 * dissolved one get a name of their own, or one would pass for having seen the other.
 */
function marked (layer: Layer, shared: number, from: string, to: string): Layer {
  const vector = (given: Vector): Vector => Object.fromEntries(Object.entries(given).flatMap(([name, counter]) => {
    if (name !== from || counter <= shared) return [[name, counter]]
    return shared === 0 ? [[to, counter]] : [[from, shared], [to, counter]]
  }))
  return new Map([...layer].map(([path, writes]) => [path, writes.map((write): Write => ({ ...write, vector: vector(write.vector) }))]))
}

function digestOf (layer: Layer): string {
  return hashOf(layerEntries(layer).map(([path, writes]) => [path, writes.map(({ value, ...rest }) => value === undefined ? rest : { ...rest, value })]) as unknown as Json)
}
