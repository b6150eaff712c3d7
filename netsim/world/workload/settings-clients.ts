/**
 * Clients of the settings that regions agree on: each asks one thing after the other, at whichever edge of its region, and writes
 * down what it asked and got. And somebody who changes groups all the time: adds, promotes, demotes and removes members, and hands
 * leadership on. Everything ends before the run's calm tail does, so that the last answers are in.
 */
import type { ConfigurationChange } from '../../../protocols/raft/messages.ts'
import type { Region } from '../../../protocols/ids.ts'
import type { Random } from '../../random.ts'
import type { Watch } from '../checkers/watch.ts'
import type { Outcome } from '../edge/agreement-requests.ts'
import type { Edge } from '../edge/edge.ts'
import type { Totals } from '../edge/totals.ts'
import { nothing } from '../edge/settings-register.ts'
import type { AgreementPlan } from '../scenario.ts'
import type { NoteKind } from '../trace.ts'
import type { World } from '../world.ts'
import type { SettingRequest } from './setting-request.ts'

/** Nothing is asked in the last part of the calm tail. */
const lastWordShare = 0.5

interface Client {
  readonly region: Region
  readonly edges: readonly Edge[]
  readonly chance: Random
  /** What it saw last of each key: what it expects when it swaps. */
  readonly seen: Map<string, string>
}

export interface SettingsClientsInit {
  readonly world: World
  readonly plan: AgreementPlan
  readonly edges: readonly Edge[]
  readonly watch: Watch
  readonly totals: Totals
}

export class SettingsClients {
  readonly #init: SettingsClientsInit
  readonly #note: NoteKind
  readonly #chance: Random
  /** Counts everything that clients see, so that it has an order. */
  #moment = 0
  #values = 0

  constructor (init: SettingsClientsInit) {
    this.#init = init
    this.#note = init.world.trace.kind('setting')
    this.#chance = init.world.random.fork('settings')
    init.totals.settingRequests = 0
  }

  start (): void {
    const { plan } = this.#init
    for (const [region, edges] of Map.groupBy(this.#init.edges, (edge) => edge.region)) {
      for (let each = 0; each < plan.clients; each++) {
        this.#pause({ region, edges, chance: this.#chance.fork(`${region}/${each}`), seen: new Map() })
      }
      if (plan.changeMs < Infinity) this.#meddle(region, edges, this.#chance.fork(`${region}/changes`))
    }
  }

  #pause (client: Client): void {
    const { world, plan } = this.#init
    const atMs = world.engine.nowMs + client.chance.exponential(plan.pauseMs)
    if (atMs < world.durationMs - world.calmTailMs * lastWordShare) world.engine.at(atMs, () => { this.#ask(client) })
  }

  #ask (client: Client): void {
    const { plan, watch } = this.#init
    const { region, chance, seen } = client
    const edge = this.#pick(client.edges, chance)
    const key = `setting-${chance.int(plan.keys)}`
    const kind = chance.pick(['read', 'read', 'read', 'set', 'set', 'swap'] as const)
    const lease = chance.chance(0.5)
    if (edge === undefined) return this.#pause(client)
    const request: SettingRequest = {
      region, edge: edge.index, key, kind, lease,
      expected: kind === 'swap' ? seen.get(key) ?? nothing : undefined,
      value: kind === 'read' ? nothing : `value-${this.#values++}`,
      askedAt: this.#moment++, answeredAt: Infinity, outcome: 'open', seen: undefined, index: 0
    }
    watch.settingAsked(request)
    const done = (outcome: Outcome): void => { this.#answered(client, request, outcome) }
    if (kind === 'read') edge.agreement!.read(key, lease, done)
    else {
      const { value, expected } = request
      // Without a key it must not be handed in twice: only to this edge's own leadership.
      const isOnce = edge.agreement!.core?.role === 'leader' && chance.chance(0.5)
      edge.agreement!.set({ key, value, expected }, isOnce ? '' : `request-${request.askedAt}`, done)
    }
  }

  #answered (client: Client, request: SettingRequest, outcome: Outcome): void {
    const { world, watch, totals } = this.#init
    request.outcome = outcome.kind
    if (outcome.kind !== 'unknown') request.answeredAt = this.#moment++
    if (outcome.kind === 'done') {
      request.index = outcome.index
      request.seen = outcome.result as string | undefined
      if (request.seen !== undefined) client.seen.set(request.key, request.kind === 'set' ? request.value : request.seen)
    }
    totals.settingRequests!++
    world.note(this.#note, request.edge, request.askedAt + (outcome.kind === 'done' ? 0.5 : 0))
    watch.settingAnswered(request)
    this.#pause(client)
  }

  /** At times the leader is told to change the group. */
  #meddle (region: Region, edges: readonly Edge[], chance: Random): void {
    const { world, plan, watch } = this.#init
    const atMs = world.engine.nowMs + chance.exponential(plan.changeMs)
    if (atMs >= world.durationMs - world.calmTailMs) return
    world.engine.at(atMs, () => {
      const leader = this.#pick(edges.filter(({ agreement }) => agreement!.core?.role === 'leader'), chance)
      if (leader !== undefined) {
        watch.raftAltered(region)
        const { voters, learners } = leader.agreement!.core!.status().configuration
        if (voters.length > 1 && chance.chance(plan.transfers)) leader.agreement!.transfer(chance.pick(voters))
        else leader.agreement!.change(this.#draw(edges, voters, learners, chance))
      }
      this.#meddle(region, edges, chance)
    })
  }

  #draw (edges: readonly Edge[], voters: readonly string[], learners: readonly string[], chance: Random): ConfigurationChange {
    const strangers = edges.map(({ peer }) => peer).filter((peer) => !voters.includes(peer) && !learners.includes(peer))
    if (strangers.length > 0 && chance.chance(0.5)) return { kind: 'add-learner', peers: [chance.pick(strangers)] }
    if (learners.length > 0 && (voters.length < 3 || chance.chance(0.5))) return { kind: 'promote', peers: [chance.pick(learners)] }
    return { kind: chance.pick(['demote', 'remove'] as const), peers: [chance.pick([...voters, ...learners])] }
  }

  /** One whose process runs; undefined where none does. */
  #pick (edges: readonly Edge[], chance: Random): Edge | undefined {
    const { world } = this.#init
    const well = edges.filter(({ index }) => world.machine(index).up && !world.machine(index).paused)
    return well.length === 0 ? undefined : chance.pick(well)
  }
}
