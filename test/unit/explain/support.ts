/** What the tests of explaining share: situations in which nothing is stored, nobody asked and everything is near. */
import type { Situation } from '../../../daemon/explain/plan.ts'
import type { RouteSituation } from '../../../daemon/explain/route-plan.ts'
import { routingDefaults } from '../../../daemon/routing/settings.ts'
import type { Fields } from '../../../protocols/fields.ts'
import { Tier, type HeldVariant } from '../../../protocols/survey/messages.ts'
import { headOf, keyOf } from '../../support/store.ts'

export const held = (ttlMs: number, more: Partial<HeldVariant> = {}): HeldVariant =>
  ({ variant: '', vary: [], status: 200, ageMs: 1_000, ttlMs, length: 10, tier: Tier.Memory, hash: 'B'.repeat(43), ...more })

export interface RouteInit extends Partial<Omit<RouteSituation, 'rttMs' | 'holds' | 'directoryOf'>> {
  readonly rtts?: Readonly<Record<string, number>>
  readonly holding?: Readonly<Record<string, HeldVariant | 'unknown'>>
  readonly directories?: Readonly<Record<string, readonly string[]>>
}

export function routeOf ({ rtts = {}, holding = {}, directories = {}, ...more }: RouteInit = {}): RouteSituation {
  return {
    self: 'self', region: 'here', home: 'here', owners: ['self'], homeOwners: [], neighbours: [], directory: [],
    nameOf: (peer) => peer,
    rttMs: (peer) => rtts[peer] ?? (peer in rtts ? undefined : 1),
    holds: (peer) => holding[peer],
    directoryOf: (peer) => directories[peer] ?? [],
    fits: ({ ttlMs }) => ttlMs > 0,
    holders: Object.keys(holding).filter((peer) => peer !== 'self' && holding[peer] !== 'unknown'),
    site: 'default',
    origins: [{ url: 'http://origin', ttfbMs: 80, breaker: 'closed' }],
    originMs: 80,
    validators: [],
    settings: routingDefaults,
    ...more
  }
}

export function situationOf (more: Partial<Situation> = {}): Situation {
  return { name: 'edge-1', fields: [], otherVary: [], underway: false, notShareable: false, rangeWaitBytesMax: 1_000, route: routeOf(), ...more }
}

/** Stored `ageMs` ago under `cacheControl`. */
export function storedOf (cacheControl: string | undefined, ageMs: number, lifetimeMs: number, more: Fields = []): NonNullable<Situation['stored']> {
  const fields: Fields = [...cacheControl === undefined ? [] : [['cache-control', cacheControl] as const], ...more]
  return { head: headOf(keyOf('a'), new Uint8Array(10), { fields }), ageMs, lifetimeMs, receivedAgoMs: ageMs }
}
