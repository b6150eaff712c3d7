/** The foretold order of asking against the router itself: whoever it asks when everybody misses stands in the plan, in that order. */
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { planRoute } from '../../../daemon/explain/route-plan.ts'
import type { Origin } from '../../../daemon/origin/origin.ts'
import { originMs } from '../../../daemon/routing/patience.ts'
import { routingDefaults } from '../../../daemon/routing/settings.ts'
import { fakePeers, fetcherOf, requestOf, siteOf } from '../routing/support.ts'
import { routeOf } from './support.ts'

const near = ['self', 'n1', 'n2', 'n3', 'n4']
const far = ['f1', 'f2', 'f3']
const everybody = [...near, ...far]

const scenario = fc.record({
  owners: fc.shuffledSubarray(near, { minLength: 1, maxLength: 3 }),
  farOwners: fc.shuffledSubarray(far, { minLength: 1 }),
  homeIsFar: fc.boolean(),
  previous: fc.option(fc.constantFrom(...near), { nil: undefined }),
  directory: fc.shuffledSubarray(near),
  neighbours: fc.shuffledSubarray(near),
  rtts: fc.record(Object.fromEntries(everybody.map((peer) => [peer, fc.constantFrom(undefined, 1, 50, 500)]))),
  published: fc.boolean(),
  ttfbMs: fc.constantFrom(undefined, 5, 80)
})

it('foretells whom the router asks, and in which order', async () => {
  await fc.assert(fc.asyncProperty(scenario, async ({ owners, farOwners, homeIsFar, previous, directory, neighbours, rtts, published, ttfbMs }) => {
    const homes = homeIsFar ? ['far', 'here'] : ['here', 'far']
    const peers = fakePeers({ region: 'here', owners: { here: owners, far: farOwners }, homes, previous, holders: directory, neighbours, rtts: rtts as Record<string, number> })
    const origin = { url: 'http://origin', ttfbMs: () => ttfbMs, request: async () => { throw new Error('that is far enough') } } as unknown as Origin
    const site = siteOf(undefined, { origin, published })
    await expect(fetcherOf(peers).fetcher.obtain(requestOf(site))).rejects.toThrow('that is far enough')

    const { steps } = planRoute(routeOf({
      owners: owners.slice(0, routingDefaults.ownersMax), home: homes[0], homeOwners: homeIsFar ? farOwners.slice(0, routingDefaults.ownersMax) : [],
      previousOwner: previous, directory, neighbours, rtts: rtts as Record<string, number>,
      origins: [{ url: origin.url, ttfbMs, breaker: 'closed' }], originMs: originMs(site)
    }))
    const foretold = steps.flatMap(({ do: what }) => /^asks (\w+) (?:whether|to find|and the origin)/.exec(what)?.[1] ?? [])
    expect([...new Set(foretold)]).toEqual([...new Set(peers.asks.map(({ peer }) => peer))])
  }), { numRuns: 500 })
})
