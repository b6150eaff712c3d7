/**
 * Which agreed version this edge runs: it follows what each scope's group desires of it, one scope at a time. An attempt
 * is on disk before it is made, so a version that kills the process is given up after some attempts; one that cannot be run
 * is refused with its reason, and what ran before goes on. Requests see none of this: they read the object that `run` put in
 * place last.
 */
import { follow, noActive, ran, refuse, type ActiveState } from '../../protocols/config/active.ts'
import { composeLayers, effectiveSettings, type Effective, type Layer, type Scope } from '../../protocols/config/merge.ts'
import type { Desired } from '../../protocols/config/rollout.ts'
import type { AgreedSettings } from '../../protocols/config/schema.ts'
import type { ConfigSettings } from '../../protocols/config/settings.ts'
import { mergeVectors, type Vector } from '../../protocols/config/token.ts'
import type { Clock } from '../../protocols/clock.ts'
import { messageOf } from '../../protocols/errors.ts'
import type { PeerName, Region } from '../../protocols/ids.ts'
import type { Logger } from '../log.ts'
import type { AgreedGroup, ConfigMachine } from './group.ts'
import { nothingKept, type Kept, type KeptRecords } from './kept.ts'
import type { AgreedServiceSettings } from './settings.ts'

/** One scope at this edge. */
export interface AgreedScope {
  readonly scope: Scope
  readonly machine: ConfigMachine
  /** Undefined while this edge has no part in the scope's group, and where there is none. */
  readonly group: () => AgreedGroup | undefined
}

export interface FollowerInit {
  readonly self: { readonly peer: PeerName, readonly region: Region }
  readonly clock: Clock
  readonly logger: Logger
  readonly settings: AgreedServiceSettings & Pick<ConfigSettings, 'attemptsMax'>
  readonly records: KeptRecords
  readonly scopes: readonly AgreedScope[]
  /** Puts settings in place, at once and whole. @throws when this edge cannot run them: the message is a sentence */
  readonly run: (settings: AgreedSettings) => void
  /** A version runs, is refused, or the state was looked at anew. */
  readonly onFollowed: (scope: Scope) => void
}

interface Run extends Desired { readonly layer: Layer }

export class Follower {
  readonly #init: FollowerInit
  readonly #kept = new Map<Scope, Kept>()
  readonly #runs = new Map<Scope, Run>()
  /** How far each group's log was followed. */
  readonly #vectors = new Map<Scope, Vector>()
  readonly #due = new Set<Scope>()
  readonly #unproven = new Map<Scope, () => void>()
  #last: Promise<void> = Promise.resolve()
  #effective: Effective | undefined
  #running = false

  constructor (init: FollowerInit) { this.#init = init }

  /** What the edge runs, all scopes together; undefined before anything was agreed. */
  get effective (): Effective | undefined { return this.#effective }

  /** What is acted on here is at least as new as this. */
  get vector (): Vector { return [...this.#vectors.values()].reduce<Vector>(mergeVectors, {}) }

  /** What runs of a scope, and what of it is written down. */
  of (scope: Scope): { readonly run: Run, readonly kept: Kept } {
    const kept = this.#kept.get(scope) ?? nothingKept
    return { kept, run: this.#runs.get(scope) ?? { ...kept.active, layer: kept.layer } }
  }

  /** Runs what was agreed last, as far as it is written down. */
  async start (): Promise<void> {
    const { records, scopes, logger } = this.#init
    for (const { scope } of scopes) {
      const kept = await records.read(scope)
      if (kept === undefined) logger.warn({ agreed: scope }, 'what is kept of the agreed configuration cannot be read: it is fetched anew')
      this.#kept.set(scope, kept ?? nothingKept)
    }
    this.#running = true
    if (scopes.some(({ scope }) => this.of(scope).kept.layer.size > 0)) {
      try {
        this.#put(this.#compose())
      } catch (error) {
        logger.error({ reason: messageOf(error) }, 'the configuration that was agreed last cannot be run any more: this edge serves what its file says until another is agreed')
      }
    }
    for (const { scope, machine } of scopes) {
      machine.onChange(() => { this.wake(scope) })
      this.wake(scope)
    }
  }

  /** What ran until an orderly end is not to blame for it. May be called twice. */
  async stop (): Promise<void> {
    await this.settled()
    this.#running = false
    for (const scope of [...this.#unproven.keys()]) await this.#prove(scope)
  }

  /** Looks at a scope's state once what is under way is done. */
  wake (scope: Scope): void {
    if (!this.#running || this.#due.has(scope)) return
    this.#due.add(scope)
    this.#last = this.#last.then(async () => {
      this.#due.delete(scope)
      try {
        await this.#follow(this.#init.scopes.find((each) => each.scope === scope)!)
      } catch (error) {
        this.#init.logger.error({ agreed: scope, reason: messageOf(error) }, 'which version runs could not be written down: the edge stays on the one that it runs')
      }
    })
  }

  /** All changes so far are followed. */
  async settled (): Promise<void> {
    for (let seen; seen !== this.#last;) await (seen = this.#last)
  }

  /** Its state is known to be current: written down now and then, so that a restarted edge can say how old it is. */
  noteCurrent (scope: Scope, wallMs: number): void {
    const { kept } = this.of(scope)
    if (!this.#running || wallMs - kept.currentWallMs < this.#init.settings.noteCurrentMs) return
    this.#last = this.#last.then(async () => { await this.#keep(scope, { ...this.of(scope).kept, currentWallMs: wallMs }) }).catch(() => {})
  }

  async #follow ({ scope, machine, group }: AgreedScope): Promise<void> {
    const { settings, self, logger, clock, onFollowed } = this.#init
    const { state } = machine
    const agreeing = group()
    const id = agreeing?.group
    if (id === undefined) return
    const { kept, run } = this.of(scope)
    const another = kept.group !== undefined && kept.group !== id
    // A log that is still being read, or has not caught up, speaks of what was; a new group that has agreed on nothing, of nothing.
    if (another ? state.head === 0 : state.index < kept.index) return
    const desired = state.desired(self)
    const { term = 0, configuration: { voters } = { voters: [] } } = agreeing?.status().raft ?? {}
    const place = { index: state.index, group: id, term, head: state.head, voters }
    if (another || !sameRun(run, desired)) {
      const active = another ? noActive : kept.active
      const move = follow(active, desired, settings)
      if (move.kind === 'try') {
        await this.#keep(scope, { ...kept, ...place, active: move.state })
        const failed = this.#try(scope, state.layer(desired.version), state.layer(desired.regionWide), desired)
        if (failed === undefined) {
          logger.info({ agreed: scope, version: desired.version, regionWide: desired.regionWide }, 'runs an agreed version')
          this.#unproven.get(scope)?.()
          this.#unproven.set(scope, clock.after(settings.provenMs, () => { this.#last = this.#last.then(async () => { await this.#prove(scope) }).catch(() => {}) }))
        } else {
          logger.warn({ agreed: scope, version: desired.version, reason: failed }, 'cannot run an agreed version: stays on the last good one')
          await this.#refuse(scope, { ...kept, ...place, active }, desired.version, failed)
        }
      } else await this.#stay(scope, { ...kept, ...place, active: move.state }, desired)
    } else if (kept.group === id && (kept.head !== state.head || kept.voters.join() !== voters.join())) {
      // Nothing else runs; but who founds the group anew from this has to name its voters, and to give no number twice.
      await this.#keep(scope, { ...kept, term, voters, head: state.head })
    }
    this.#vectors.set(scope, state.vector)
    onFollowed(scope)
  }

  /** @returns why it cannot be run */
  #try (scope: Scope, own: Layer | undefined, wide: Layer | undefined, desired: Desired): string | undefined {
    if (own === undefined || wide === undefined) return 'its content is not kept any more'
    const run = { ...desired, layer: composeLayers(own, wide) }
    try {
      this.#put(this.#compose(scope, run))
      this.#runs.set(scope, run)
      return undefined
    } catch (error) {
      return messageOf(error)
    }
  }

  /** Nothing is tried: it runs what it should, or refuses that; and returns to what is kept where that is desired again. */
  async #stay (scope: Scope, next: Kept, desired: Desired): Promise<void> {
    const { kept, run } = this.of(scope)
    if (!sameActive(kept.active, next.active) || kept.group !== next.group) await this.#keep(scope, next)
    if (sameRun(run, desired) || !sameRun(next.active, desired)) return
    this.#unproven.get(scope)?.()
    this.#unproven.delete(scope)
    this.#runs.set(scope, { ...desired, layer: next.layer })
    this.#put(this.#compose())
  }

  /** What runs goes on, and is what a restart comes back to, though it may not have run for long. */
  async #refuse (scope: Scope, next: Kept, version: number, reason: string): Promise<void> {
    const { run } = this.of(scope)
    const proven = this.#unproven.get(scope)
    proven?.()
    this.#unproven.delete(scope)
    const kept = proven === undefined ? next : { ...next, ...this.#ran(scope, run) }
    await this.#keep(scope, { ...kept, active: refuse(kept.active, version, reason) })
  }

  async #prove (scope: Scope): Promise<void> {
    this.#unproven.get(scope)?.()
    if (!this.#unproven.delete(scope)) return
    const { kept, run } = this.of(scope)
    await this.#keep(scope, { ...kept, ...this.#ran(scope, run) })
  }

  /** What is kept of a version that has proven itself. */
  #ran (scope: Scope, run: Run): Pick<Kept, 'active' | 'layer' | 'said'> {
    const version = this.#init.scopes.find((each) => each.scope === scope)?.machine.state.version(run.version)
    if (version === undefined) return { active: ran(run), layer: run.layer, said: undefined }
    const { hash, bytes, author, wallMs, reason, index, term } = version
    return { active: ran(run), layer: run.layer, said: { hash, bytes, author, wallMs, reason, index, term } }
  }

  async #keep (scope: Scope, kept: Kept): Promise<void> {
    await this.#init.records.write(scope, kept)
    this.#kept.set(scope, kept)
  }

  /** @throws ConfigInvalidError when the scopes do not go together */
  #compose (changed?: Scope, run?: Run): Effective {
    return effectiveSettings(this.#init.scopes.map(({ scope }) => scope === changed ? run!.layer : this.of(scope).run.layer))
  }

  #put (effective: Effective): void {
    const { run } = this.#init
    try {
      run(effective.settings)
    } catch (error) {
      if (this.#effective !== undefined) run(this.#effective.settings)
      throw error
    }
    this.#effective = effective
  }
}

function sameRun (one: Desired, other: Desired): boolean {
  return one.version === other.version && one.regionWide === other.regionWide
}

function sameActive (one: ActiveState, other: ActiveState): boolean {
  return sameRun(one, other) && one.refused?.version === other.refused?.version && one.trying?.version === other.trying?.version && one.trying?.attempts === other.trying?.attempts
}
