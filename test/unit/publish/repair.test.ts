/** What happens to published content when edges go, come back and come anew. */
import { readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import type { Listing } from '../../../protocols/publish/lister.ts'
import { eventually } from '../../support/store.ts'
import { calm, eager, here, put, remove, testColony } from './support.ts'

const places = ['north', 'south', 'west', 'east', 'mid']

it('copies what a gone edge held to a new one, once it has been gone for long enough', async () => {
  const colony = await testColony({ places, settings: eager })
  const { holders } = await put(colony.edge('a'), '/x', 'text')
  const lost = colony.edge(holders[1]!)
  await colony.stop(lost)
  await eventually(async () => {
    const texts = await Promise.all(colony.replicas('/x', 3).map(async (edge) => await here(edge, '/x')))
    return texts.every((text) => text === 'text')
  })
  expect(colony.replicas('/x', 3)).not.toContain(lost)
})

it('copies nothing while an edge that comes back soon is away', async () => {
  const colony = await testColony({ places, settings: { ...eager, repairDelayMs: 60_000 } })
  const { holders } = await put(colony.edge('a'), '/x', 'text')
  const away = colony.edge(holders[0]!)
  // All have run for long enough to push.
  colony.aheadMs = 61_000
  await colony.stop(away)
  // Comparisons go on among those who are left; nobody is sent anything.
  const others = colony.edges.filter((edge) => edge !== away)
  const compared = (): number => others.flatMap(({ calls }) => calls.filter((verb) => verb === 'compare')).length
  const before = compared()
  await eventually(() => compared() > before + 4)
  expect((await Promise.all(others.map(async (edge) => await here(edge, '/x')))).filter((text) => text !== undefined)).toHaveLength(2)
  await colony.restart(away)
  expect(await here(away, '/x')).toBe('text')
})

it('pushes nothing for a while after its own start, as it may not know all members yet', async () => {
  const colony = await testColony({ places: ['north', 'south', 'west'], settings: { ...eager, repairDelayMs: 60_000 } })
  const { holders } = await put(colony.edge('a'), '/x', 'text', { copies: 2 })
  const [first, second] = holders.map((name) => colony.edge(name))
  const other = colony.edges.find(({ name }) => !holders.includes(name))!
  await colony.stop(first!)
  await colony.stop(second!)
  await colony.restart(first!)
  await eventually(() => other.calls.filter((verb) => verb === 'compare').length >= 3)
  expect(other.calls).not.toContain('keep')
  colony.aheadMs = 61_000
  await eventually(() => other.calls.includes('keep'))
})

it('brings an edge that was away up to date, and what was deleted meanwhile stays deleted', async () => {
  const colony = await testColony({ places: ['north', 'south', 'west'], settings: { ...eager, repairDelayMs: 60_000 } })
  await put(colony.edge('a'), '/changed', 'old')
  await put(colony.edge('a'), '/deleted', 'old')
  const away = colony.edge('c')
  await colony.stop(away)
  await put(colony.edge('a'), '/changed', 'new', { copies: 2 })
  const tombstone = await colony.edge('a').publish.remove(colony.edge('a').publish.address('default', '/deleted'), { fields: [], copies: 2, signal: new AbortController().signal })
  expect(tombstone.holders).toHaveLength(2)
  await colony.restart(away)
  await eventually(async () => await here(away, '/deleted') === undefined && await here(away, '/changed') !== 'old')
  for (const edge of colony.edges) expect(await here(edge, '/deleted')).toBeUndefined()
})

it('brings back a body that was lost on one edge', async () => {
  const colony = await testColony({ places: ['north', 'south', 'west'], settings: eager })
  const { manifest } = await put(colony.edge('a'), '/x', 'text')
  const damaged = colony.edge('b')
  await colony.stop(damaged, false)
  const bodies = join(damaged.folder, 'published', 'bodies')
  const [name] = (await readdir(bodies, { recursive: true })).filter((each) => each.endsWith('.body'))
  await writeFile(join(bodies, name!), 'rotten')
  await colony.restart(damaged)
  expect(manifest.length).toBe(4)
  await eventually(async () => await here(damaged, '/x') === 'text')
})

it('drops what belongs elsewhere only when all who should hold it do', async () => {
  const colony = await testColony({ places: ['north', 'south', 'west'], settings: eager })
  const paths = Array.from({ length: 12 }, (_, index) => `/x${index}`)
  for (const path of paths) await put(colony.edge('a'), path, path, { copies: 2 })
  for (const place of ['east', 'mid', 'far']) await colony.add(place)
  await eventually(async () => {
    for (const path of paths) {
      const holding = (await Promise.all(colony.edges.map(async (edge) => await here(edge, path) === undefined ? [] : [edge.name]))).flat()
      expect(holding.length, path).toBeGreaterThanOrEqual(2)
      const wanted = colony.replicas(path, 2).map(({ name }) => name)
      if (holding.length !== 2 || !wanted.every((name) => holding.includes(name))) return false
    }
    return true
  }, 20_000)
})

it('forgets a deletion when no edge that missed it can come back any more', async () => {
  const colony = await testColony({ places: ['north', 'south', 'west'], settings: { ...eager, tombstoneKeepMs: 300 } })
  const a = colony.edge('a')
  await put(a, '/x', 'text')
  await remove(a, '/x')
  const { key } = a.publish.address('default', '/x')
  await eventually(() => colony.edges.every(({ publish }) => publish.stats().objects === 0))
  expect(a.publish.store.variants(key)).toEqual([])
})

it('lists what all edges hold, page by page, without what was deleted', async () => {
  const colony = await testColony({ places, settings: { ...calm, callTimeoutMs: 300, listPageMax: 4 } })
  const paths = Array.from({ length: 15 }, (_, index) => `/f${String(index).padStart(2, '0')}`)
  for (const path of paths) await put(colony.edge('a'), path, path, { copies: 1 })
  await remove(colony.edge('b'), '/f03')
  const signal = new AbortController().signal
  const listed: string[] = []
  let after: string | undefined = ''
  while (after !== undefined) {
    const page: Listing = await colony.edge('c').publish.list('default', after, 6, signal)
    expect(page.objects.length).toBeLessThanOrEqual(6)
    expect(page.missing).toEqual([])
    listed.push(...page.objects.map(({ manifest }) => manifest.target))
    after = page.next
  }
  expect(listed).toEqual(paths.filter((path) => path !== '/f03'))
  colony.edge('d').up = false
  expect((await colony.edge('c').publish.list('default', '', 6, signal)).missing).toEqual(['d'])
})
