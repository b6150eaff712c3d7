/**
 * Agreed configuration as a running part of an edge: changes go to the group of their scope and come back as a version
 * or as what is known, reads say how old they are, tokens are waited for, and what is agreed is followed (follower.ts) and
 * rolled out (rollouts.ts). Nothing here is on a request's way, but for a request that brings a token.
 */
import { deadline } from '../../protocols/clock.ts'
import { allowedBy, lockOut } from '../../protocols/config/allowed.ts'
import { ConfigBaseError, answerTo, prepareChange, type Change } from '../../protocols/config/prepare.ts'
import { encodeCommand, type Command } from '../../protocols/config/commands.ts'
import { describeChange } from '../../protocols/config/diff.ts'
import { documentOfLayer, type Scope } from '../../protocols/config/merge.ts'
import { lacks, mergeVectors, type Lack, type Vector } from '../../protocols/config/token.ts'
import type { Answer } from '../../protocols/config/versions.ts'
import { ConfigInvalidError, hashOf, type JsonMap } from '../../protocols/config/canonical.ts'
import { codeOf, WireError } from '../../protocols/errors.ts'
import type { PeerName } from '../../protocols/ids.ts'
import type { Answerer } from '../../protocols/rpc.ts'
import { Absorber } from './absorber.ts'
import { CopiedGroup, Copies } from './copies.ts'
import { ConfigMachine, LocalGroup, type AgreedGroup } from './group.ts'
import { Follower, type AgreedScope } from './follower.ts'
import { HealthCount } from './health-count.ts'
import { heldCopy, type HeldCopy } from './held-copy.ts'
import { KeptRecords } from './kept.ts'
import type { AgreedConfigInit, ChangeRequest, Currency } from './ports.ts'
import { outcomeOf, whoIsMissing, type Missing, type Outcome } from './outcome.ts'
import { Recovery, type Recovered } from './recovery.ts'
import { encodeView, Rollouts, type RolloutView } from './rollouts.ts'
import { Waiters } from './waiters.ts'

export type { AgreedConfigInit, ChangeRequest, Currency } from './ports.ts'

export class AgreedConfig {
  readonly health = new HealthCount()
  readonly #init: AgreedConfigInit
  readonly #kept: KeptRecords
  readonly #scopes: ReadonlyMap<Scope, AgreedScope>
  readonly #follower: Follower
  readonly #rollouts: ReadonlyMap<Scope, Rollouts>
  readonly #absorbers: readonly Absorber[]
  readonly #recoveries: ReadonlyMap<Scope, Recovery>
  readonly #copied: CopiedGroup
  readonly #copies: Copies
  readonly #waiters: Waiters
  readonly #currentMs = new Map<Scope, number>()
  /** Of those in the groups, as long as this edge runs: who is missing is told by name. */
  readonly #names = new Map<PeerName, Missing>()
  #stopTicking = (): void => {}

  constructor (init: AgreedConfigInit) {
    this.#init = init
    const { self, region, clock, logger, settings, call } = init
    this.#kept = new KeptRecords(init.records)
    const local = new ConfigMachine(`local:${self}`)
    const localGroup = new LocalGroup(self, local, async (snapshot) => { await this.#kept.keepLocal(snapshot) })
    const global = new ConfigMachine('global')
    this.#copied = new CopiedGroup({
      self, clock, settings, call,
      scope: 'global',
      machine: global,
      sources: () => init.groups.global() === undefined ? init.globalMembers?.() ?? [] : [],
      onChange: () => { this.changed() }
    })
    this.#copies = new Copies(global, init.groups.global, () => this.#copied.members)
    const scopes: readonly AgreedScope[] = [
      { scope: 'global', machine: global, group: () => init.groups.global() ?? (this.#copied.exists ? this.#copied : undefined) },
      { scope: 'regional', machine: new ConfigMachine(region), group: init.groups.regional },
      { scope: 'local', machine: local, group: () => localGroup }
    ]
    this.#scopes = new Map(scopes.map((each) => [each.scope, each]))
    this.#waiters = new Waiters(clock, settings)
    this.#follower = new Follower({
      clock, logger, settings, scopes,
      self: { peer: self, region },
      records: this.#kept,
      run: init.run,
      onFollowed: (scope) => {
        this.#waiters.wake()
        this.#rollouts.get(scope)?.tick()
      }
    })
    // Of the local scope there is nobody else to try it on.
    this.#rollouts = new Map(scopes.filter(({ scope }) => scope !== 'local').map((scope) => [scope.scope, new Rollouts({
      scope, self, clock, logger, settings, call,
      follower: this.#follower,
      health: this.health,
      members: () => init.members().filter((member) => member.draining !== true && (scope.scope === 'global' || member.region === region)),
      onCurrent: (which, nowMs) => { this.#onCurrent(which, nowMs) }
    })]))
    this.#recoveries = new Map(scopes.map(({ scope }) => [scope, new Recovery({
      scope, self, call, logger,
      group: init.logs?.[scope] ?? (() => this.group(scope)),
      copy: () => this.#copyOf(scope),
      ageMs: () => this.ageMs(scope),
      others: () => init.members().map(({ peer }) => peer).filter((peer) => peer !== self),
      recover: init.recover?.[scope],
      missing: () => this.missing(scope),
      named: (peer) => this.#named(peer),
      timeoutMs: this.timeoutMs(scope),
      records: init.records
    })]))
    this.#absorbers = (['regional', 'global'] as const).flatMap((scope) => {
      const dissolved = init.dissolved?.[scope]
      return dissolved === undefined ? [] : [new Absorber({
        clock, logger, dissolved,
        retryMs: settings.absorbRetryMs,
        machine: this.machine(scope),
        group: () => this.group(scope),
        absorb: async (layer, id) => await this.change({ kind: 'absorb', layer }, { scope, id, author: 'colony', reason: 'agreed on by a group that was dissolved' })
      })]
    })
  }

  /** The state machines to give to the groups. */
  machine (scope: Scope): ConfigMachine { return this.#scopes.get(scope)!.machine }
  group (scope: Scope): AgreedGroup | undefined { return this.#scopes.get(scope)!.group() }
  get follower (): Pick<Follower, 'of' | 'effective' | 'vector'> { return this.#follower }

  /** Before the groups start: what was agreed last runs when this resolves. */
  async start (): Promise<void> {
    const local = await this.#kept.local()
    if (local !== undefined) this.machine('local').restore(local)
    await this.#follower.start()
    await this.#follower.settled()
    this.#copied.start()
    this.#tick()
  }

  /** After the groups stopped. */
  async stop (): Promise<void> {
    this.#stopTicking()
    this.#copied.stop()
    this.#waiters.end()
    await this.#follower.stop()
  }

  /** To be called when a group's leader, term or standing changed, too. */
  changed (): void {
    for (const scope of this.#scopes.keys()) this.#follower.wake(scope)
    this.#waiters.wake()
    for (const absorber of this.#absorbers) absorber.wake()
  }

  timeoutMs (scope: Scope): number {
    const { localTimeoutMs, regionalTimeoutMs, globalTimeoutMs } = this.#init.settings
    return { local: localTimeoutMs, regional: regionalTimeoutMs, global: globalTimeoutMs }[scope]
  }

  /**
   * @throws ConfigInvalidError with every fault of the settings that would come of it
   * @throws ConfigBaseError when it starts from a version that is not agreed on any more
   */
  async change (change: Change, request: ChangeRequest): Promise<Outcome> {
    const { scope, token, id } = request
    const { machine, group: groupOf } = this.#scopes.get(scope)!
    const group = groupOf()
    if (group === undefined) return { kind: 'unavailable', reason: whoIsMissing(scope, undefined, []), missing: [] }
    const timeoutMs = this.timeoutMs(scope)
    const limit = deadline(this.#init.clock, timeoutMs, `the ${scope} group`, request.signal)
    let handed = false
    try {
      if (token !== undefined) {
        const lacking = await this.#reached(token, limit.signal)
        if (lacking.length > 0) return { kind: 'lacking', lacks: lacking }
      }
      const known = answerTo(machine.state, change, id)
      if (known !== undefined && request.dryRun !== true) return await this.#answered(known)
      const askedMs = this.#init.clock.nowMs()
      await group.read('lease', { signal: limit.signal })
      this.#onCurrent(scope, askedMs)
      // Applied meanwhile, where it was asked before through another edge.
      const late = answerTo(machine.state, change, id)
      if (late !== undefined && request.dryRun !== true) return await this.#answered(late)
      const { command, ...described } = this.#prepare(change, request)
      if (request.dryRun === true) return { kind: 'described', ...described }
      const bytes = encodeCommand(command)
      handed = true
      const { result } = await group.propose(bytes, { idempotency: hashOf(id), signal: limit.signal })
      const answer = (result as Answer | undefined) ?? answerTo(machine.state, change, id)
      return answer === undefined
        ? { kind: 'unknown', reason: 'it was applied before this edge could see what came of it; look at the history', missing: [] }
        : await this.#answered(answer)
    } catch (error) {
      request.signal?.throwIfAborted()
      if (!handed && codeOf(error)?.startsWith('COLONY_CONFIG_') === true) throw error
      return outcomeOf(error, { scope, group, missing: this.missing(scope), handed, timeoutMs })
    } finally {
      limit.clear()
    }
  }

  /** Ends a roll-out by hand; of one that was aborted it says so again. @throws ConfigBaseError when that version is not being rolled out */
  async abort (scope: Scope, version: number, { author, reason, signal }: Pick<ChangeRequest, 'author' | 'reason' | 'signal'>): Promise<Outcome> {
    const { machine, group: groupOf } = this.#scopes.get(scope)!
    const group = groupOf()
    if (group === undefined) return { kind: 'unavailable', reason: whoIsMissing(scope, undefined, []), missing: [] }
    const timeoutMs = this.timeoutMs(scope)
    const limit = deadline(this.#init.clock, timeoutMs, `the ${scope} group`, signal)
    let handed = false
    try {
      await group.read('lease', { signal: limit.signal })
      const known = machine.state.version(version)
      if (known?.outcome === 'aborted') return { kind: 'done', version, hash: known.hash, token: machine.state.vector }
      if (machine.state.rollout?.version !== version) throw new ConfigBaseError(`version ${version} is not being rolled out`)
      handed = true
      const { result } = await group.propose(encodeCommand({ kind: 'abort', version, reason, author, wallMs: this.#init.clock.wallMs() }), { signal: limit.signal })
      return await this.#answered(result as Answer)
    } catch (error) {
      signal?.throwIfAborted()
      if (error instanceof ConfigBaseError) throw error
      return outcomeOf(error, { scope, group, missing: this.missing(scope), handed, timeoutMs })
    } finally {
      limit.clear()
    }
  }

  /** Brings the state up to date where that is possible in time, and says how old it is where not. Never rejects but for the signal. */
  async refresh (scope: Scope, signal?: AbortSignal): Promise<Currency> {
    const group = this.group(scope)
    const { clock } = this.#init
    if (group !== undefined) {
      const limit = deadline(clock, this.timeoutMs(scope), `the ${scope} group`, signal)
      const askedMs = clock.nowMs()
      try {
        await group.read('lease', { signal: limit.signal })
        this.#onCurrent(scope, askedMs)
        return { current: true, ageMs: 0 }
      } catch {
        signal?.throwIfAborted()
      } finally {
        limit.clear()
      }
    }
    return { current: false, ageMs: this.ageMs(scope), because: whoIsMissing(scope, group, this.missing(scope)) }
  }

  /** How long ago the state here surely held all that had been agreed, ms. */
  ageMs (scope: Scope): number | undefined {
    const { clock } = this.#init
    if (scope === 'local') return 0
    const currentMs = this.#currentMs.get(scope)
    if (currentMs !== undefined) return Math.max(0, Math.round(clock.nowMs() - currentMs))
    const { currentWallMs } = this.#follower.of(scope).kept
    return currentWallMs === 0 ? undefined : Math.max(0, Math.round(clock.wallMs() - currentWallMs))
  }

  /** Voters of a scope's group that this edge cannot reach. */
  missing (scope: Scope): Missing[] {
    const { isReachable, isLinked, self } = this.#init
    const { raft, silent = [] } = this.group(scope)?.status() ?? {}
    const voters = raft?.configuration.voters ?? []
    const isThere = voters.includes(self) ? isLinked : isReachable
    return voters.filter((peer) => peer !== self && (silent.includes(peer) || !isThere(peer))).map((peer) => this.#named(peer))
  }

  /** Founds a scope's group anew when its majority is gone for ever. @param gone the voters that are given up. @param fromCopy every log of it is */
  async recover (scope: Scope, gone: readonly PeerName[], { author, reason }: Pick<ChangeRequest, 'author' | 'reason'>, fromCopy = false): Promise<Recovered> {
    return await this.#recoveries.get(scope)!.recover(gone, { author, reason }, fromCopy)
  }

  /** What a token names and is not acted on here; nothing when a request may go on. */
  lacking (token: Vector): Lack[] { return lacks(this.#follower.vector, token) }

  /** Whether what is lacking will come to this edge by itself: it follows that group. */
  willCome ({ group }: Lack): boolean { return [...this.#scopes.values()].some(({ machine }) => machine.state.group === group) }

  /** Waits for what a token names, as long as its scopes' deadlines allow. @returns what is lacking then */
  async reached (token: Vector, signal?: AbortSignal): Promise<readonly Lack[]> {
    const lacking = this.lacking(token)
    if (lacking.length === 0) return []
    const scopes = [...this.#scopes.values()].filter(({ machine }) => lacking.some(({ group }) => machine.state.group === group))
    const limit = deadline(this.#init.clock, Math.max(0, ...scopes.map(({ scope }) => this.timeoutMs(scope))), 'what the token names', signal)
    try {
      return await this.#reached(token, limit.signal)
    } finally {
      limit.clear()
      signal?.throwIfAborted()
    }
  }

  /** Changes with whatever `watch` is to tell. */
  get mark (): string { return this.#waiters.mark }

  /** @returns when something changed after `mark`, or the longest wait is over */
  async watched (mark: string, waitMs: number, signal: AbortSignal): Promise<void> { await this.#waiters.after(mark, waitMs, signal) }

  /** How the scope's roll-out stands: as its leader says, where that can be asked. */
  async rollout (scope: Scope, signal?: AbortSignal): Promise<RolloutView | undefined> {
    return await this.#rollouts.get(scope)?.asked(this.timeoutMs(scope), signal)
  }

  /** Answers other edges: reports, how a roll-out stands, and copies of the global state. */
  readonly answer: Answerer = async ({ head, payload }, from, signal) => {
    if (head.scope === 'global' && (head.kind === 'copy' || head.kind === 'propose')) return await this.#copies.answer({ head, payload }, from, signal)
    const rollouts = head.scope === 'global' || head.scope === 'regional' ? this.#rollouts.get(head.scope) : undefined
    if (rollouts === undefined) throw new WireError('a peer asked about a scope of configuration that is none')
    if (head.kind === 'report') {
      const index = rollouts.take(from, head.report)
      if (index === undefined) throw new WireError('this edge does not lead that group')
      return { head: { index } }
    }
    if (head.kind === 'log') return { head: this.#recoveries.get(rollouts.scope)!.standing() }
    if (head.kind !== 'rollout') throw new WireError('a peer asked something about configuration that this version does not know')
    return { head: {}, payload: encodeView(rollouts.view()) }
  }

  #prepare (change: Change, { scope, id, author, reason, plan, priority, bounds, token }: ChangeRequest): { command: Command, base: number } & Pick<Extract<Outcome, { kind: 'described' }>, 'description' | 'objects'> {
    const { clock, members, objectsBySite } = this.#init
    const { state } = this.machine(scope)
    const others = [...this.#scopes.values()].filter((each) => each.scope !== scope).map((each) => this.#follower.of(each.scope).run.layer)
    const command = prepareChange(state, change, {
      scope, id, author, reason, others,
      wallMs: clock.wallMs(),
      // A narrower scope is written on top of the wider ones as they are known here: what it overrides it has seen.
      seen: mergeVectors(token ?? {}, this.#wider(scope)),
      ...(plan !== undefined && { plan }), ...(priority !== undefined && { priority }), ...(bounds !== undefined && { bounds })
    })
    const before = documentOfLayer(state.layer())
    const after = command.kind === 'put' ? command.document : before
    if (command.kind === 'put') this.#checkAllowed(scope, before, after, command.steps.length > 0)
    const description = describeChange({ before, after, members: members() })
    const all = objectsBySite?.() ?? {}
    const objects = Object.fromEntries(description.sites.map(({ site }) => [site, Object.hasOwn(all, site) ? all[site]! : 0]))
    return { base: state.base, description, objects, command: command.kind === 'put' ? { ...command, moved: description.moved } : command }
  }

  /** A list that stays as it is does not stand in the way of other changes. @throws ConfigInvalidError */
  #checkAllowed (scope: Scope, before: JsonMap, after: JsonMap, staged: boolean): void {
    const [was, allowed] = [allowedBy(before), allowedBy(after)]
    if (allowed === undefined || was?.symmetricDifference(allowed).size === 0) return
    const fault = lockOut(allowed, {
      self: this.#init.self,
      groups: (['regional', 'global'] as const).map((each) => ({ scope: each, voters: this.group(each)?.status().raft?.configuration.voters ?? [] })),
      leader: staged ? this.group(scope)?.leader : undefined,
      nameOf: (peer) => {
        const { name } = this.#named(peer)
        return name === undefined ? peer : `${name} (${peer})`
      }
    })
    if (fault !== undefined) throw new ConfigInvalidError([fault])
  }

  #wider (scope: Scope): Vector {
    if (scope === 'global') return {}
    const { vector } = this.machine('global').state
    return scope === 'regional' ? vector : mergeVectors(vector, this.machine('regional').state.vector)
  }

  #copyOf (scope: Scope): HeldCopy | undefined {
    if (scope === 'local') return undefined
    return heldCopy({ machine: this.machine(scope), kept: this.#follower.of(scope).kept, copied: scope === 'global' ? this.#copied : undefined })
  }

  #named (peer: PeerName): Missing {
    const known = this.#init.members().find((member) => member.peer === peer)
    if (known !== undefined) this.#names.set(peer, { peer, name: known.name, region: known.region })
    return this.#names.get(peer) ?? { peer }
  }

  /** Here it runs already, where it is meant to, when its author is told. */
  async #answered (answer: Answer): Promise<Outcome> {
    await this.#follower.settled()
    return answer
  }

  async #reached (token: Vector, signal: AbortSignal): Promise<readonly Lack[]> {
    const hopeless = (): boolean => this.lacking(token).some((lack) => !this.willCome(lack))
    await this.#waiters.until(() => this.lacking(token).length === 0 || hopeless(), signal)
    return this.lacking(token)
  }

  #onCurrent (scope: Scope, nowMs: number): void {
    this.#currentMs.set(scope, Math.max(nowMs, this.#currentMs.get(scope) ?? -Infinity))
    if (scope !== 'local') this.#follower.noteCurrent(scope, this.#init.clock.wallMs())
  }

  #tick (): void {
    this.#stopTicking = this.#init.clock.after(this.#init.settings.driveIntervalMs, () => {
      for (const rollouts of this.#rollouts.values()) rollouts.tick()
      for (const scope of this.#scopes.keys()) for (const peer of this.group(scope)?.status().raft?.configuration.voters ?? []) this.#named(peer)
      for (const absorber of this.#absorbers) absorber.tick()
      this.#tick()
    })
  }
}
