import { expect, it } from 'vitest'
import { Absorber } from '../../../daemon/agreed/absorber.ts'
import { ConfigMachine, type AgreedGroup } from '../../../daemon/agreed/group.ts'
import { stillClock } from '../../support/store.ts'
import { quiet, settled, shop, TestRegion } from './support.ts'

it('an edge that was just taken in compares what it brings with what the group has, not with its own empty state', async () => {
  const region = await TestRegion.of('a')
  await region.change('a', { kind: 'put', document: { sites: { shop } } })
  const snapshot = region.at('a').agreed.machine('regional').snapshot()
  const machine = new ConfigMachine('fra')
  let left = [{ group: 'replaced', snapshot }]
  const proposed: string[] = []
  const group = { group: 'new', read: async () => { machine.restore(snapshot); return 1 } } as unknown as AgreedGroup
  const absorber = new Absorber({
    machine,
    clock: stillClock(), retryMs: 1_000, logger: quiet,
    group: () => group,
    dissolved: () => ({ all: async () => left, forget: async () => { left = [] } }),
    absorb: async (_layer, id) => { proposed.push(id); return { kind: 'unavailable', reason: '', missing: [] } }
  })
  absorber.tick()
  await settled()
  expect([proposed, left]).toEqual([[], []])
})
