/**
 * What a group had agreed on that was dissolved when it met an older one (DESIGN.md, Rules of agreement): kept on disk until
 * the older group has taken it in, where what both say differently stands as conflicts. Every edge of the dissolved group may bring it
 * in; who comes later finds it there.
 */
import { z } from 'zod'
import { layerEntries, layerSchema, mergeLayers, type Layer, type Scope, type Write } from '../../protocols/config/merge.ts'
import { ConfigState } from '../../protocols/config/state.ts'
import type { Vector } from '../../protocols/config/token.ts'
import { hashOf, type Json } from '../../protocols/config/canonical.ts'
import { messageOf } from '../../protocols/errors.ts'
import { decodeHead, encodeHead } from '../../protocols/wire.ts'
import type { Logger } from '../log.ts'
import type { ConfigMachine } from './group.ts'
import type { Records } from './kept.ts'
import type { Outcome } from './outcome.ts'

export interface DissolvedInit {
  readonly scope: Scope
  readonly machine: ConfigMachine
  readonly records: Records
  readonly logger: Logger
  /** The group that this edge is in now. */
  readonly group: () => string | undefined
  readonly absorb: (layer: Layer, id: string) => Promise<Outcome>
}

const keptSchema = z.object({ group: z.string(), layer: layerSchema })

export class Dissolved {
  readonly #init: DissolvedInit
  #left: { readonly group: string, readonly layer: Layer } | undefined
  #absorbing = false
  #busy = 0

  constructor (init: DissolvedInit) { this.#init = init }

  get #name (): string { return `dissolved/${this.#init.scope}` }

  async start (): Promise<void> {
    const bytes = await this.#init.records.get(this.#name)
    if (bytes === undefined || bytes.byteLength === 0) return
    try {
      this.#left = keptSchema.parse(decodeHead(bytes))
    } catch (error) {
      this.#init.logger.error({ reason: messageOf(error) }, 'what a dissolved group had agreed on cannot be read')
    }
  }

  /**
   * May be called again with the same. Resolves when it is on disk.
   *
   * @param group id of the dissolved group
   * @param snapshot of its machine
   * @throws WireError for what is no snapshot of this scope
   */
  async keep (group: string, snapshot: Uint8Array): Promise<void> {
    const name = this.#init.machine.state.group
    const layer = marked(ConfigState.restore(name, snapshot).layer(), name, `${name.slice(0, 48)}@${group.slice(0, 12)}`)
    if (layer.size === 0) return
    const left = { group, layer: mergeLayers(this.#left?.layer ?? new Map(), layer) }
    await this.#init.records.put(this.#name, encodeHead({ group, layer: layerEntries(left.layer) }))
    this.#left = left
    this.#busy = 0
  }

  /** To be called now and then: brings it in as soon as there is another group. */
  tick (): void {
    const left = this.#left
    const group = this.#init.group()
    if (left === undefined || this.#absorbing || group === undefined || group === left.group) return
    this.#absorbing = true
    void this.#absorb(left).catch((error: unknown) => {
      // Together they make settings that nobody can run: it stays on disk, and is tried again after a restart.
      this.#left = undefined
      this.#init.logger.error({ group: left.group, reason: messageOf(error) }, 'what a dissolved group had agreed on cannot be taken in')
    }).finally(() => { this.#absorbing = false })
  }

  async #absorb (left: { readonly group: string, readonly layer: Layer }): Promise<void> {
    const { machine, absorb, records, logger } = this.#init
    const digest = digestOf(left.layer)
    if (digestOf(machine.state.layer()) !== digestOf(mergeLayers(machine.state.layer(), left.layer))) {
      // The answer to a key is the same for ever, so what was refused as busy is asked again with another.
      const outcome = await absorb(left.layer, `dissolved:${digest}:${this.#busy}`)
      if (outcome.kind === 'refused') this.#busy++
      if (outcome.kind !== 'done') return
      logger.info({ group: left.group, version: outcome.version }, 'took in what a dissolved group had agreed on')
    }
    if (this.#left !== left) return
    this.#left = undefined
    await records.put(this.#name, new Uint8Array())
  }
}

/**
 * Both groups counted their versions under one name, and knew nothing of each other: the marks of the dissolved one get a
 * name of their own, or one would pass for having seen the other.
 */
function marked (layer: Layer, from: string, to: string): Layer {
  const vector = (given: Vector): Vector => Object.fromEntries(Object.entries(given).map(([name, counter]) => [name === from ? to : name, counter]))
  return new Map([...layer].map(([path, writes]) => [path, writes.map((write): Write => ({ ...write, vector: vector(write.vector) }))]))
}

function digestOf (layer: Layer): string {
  return hashOf(layerEntries(layer) as unknown as Json)
}
