/** Publishing and deleting across a colony: what is promised with the answer, and what is not there without it. */
import { expect, it } from 'vitest'
import { eventually } from '../../support/store.ts'
import { here, put, read, remove, testColony, calm } from './support.ts'

const places = ['north/1', 'north/2', 'south/1', 'south/2', 'west/1']

it('answers when as many edges in different zones have it on disk as were asked for, the home owner among them', async () => {
  const colony = await testColony({ places, settings: calm })
  const { holders, created } = await put(colony.edge('a'), '/app.js', 'one', { copies: 4 })
  expect(created).toBe(true)
  expect(holders).toHaveLength(4)
  const edges = holders.map((name) => colony.edge(name))
  expect(new Set(edges.map(({ region, zone }) => `${region}/${zone}`)).size).toBe(4)
  expect(holders).toContain(colony.replicas('/app.js', 1)[0]?.name)
  for (const edge of edges) expect(await here(edge, '/app.js')).toBe('one')
  for (const edge of colony.edges.filter(({ name }) => !holders.includes(name))) expect(await here(edge, '/app.js')).toBeUndefined()
})

it('is there after all edges have started again', async () => {
  const colony = await testColony({ places: ['north', 'south', 'west'], settings: calm })
  await put(colony.edge('a'), '/x', 'kept')
  for (const edge of colony.edges) await colony.stop(edge)
  for (const edge of colony.edges) await colony.restart(edge)
  for (const edge of colony.edges) expect(await here(edge, '/x')).toBe('kept')
})

it('takes the next edge for one that cannot', async () => {
  const colony = await testColony({ places, settings: calm })
  const [first, second] = colony.replicas('/x', 3)
  const writer = colony.edges.find((edge) => edge !== first && edge !== second)!
  first!.up = false
  second!.onCall = (verb) => { if (verb === 'keep') throw new Error('disk full') }
  const { holders } = await put(writer, '/x', 'text')
  expect(holders).toHaveLength(3)
  expect(holders).not.toContain(first!.name)
  expect(holders).not.toContain(second!.name)
})

it('says how many edges could take it, shows nothing and keeps nothing, where those are too few', async () => {
  const colony = await testColony({ places: ['north', 'south', 'west'], settings: { ...calm, holdKeepMs: 300 } })
  await put(colony.edge('a'), '/x', 'old')
  colony.edge('c').onCall = (verb) => { if (verb === 'hold') throw new Error('its disk is full') }
  await expect(put(colony.edge('a'), '/x', 'new')).rejects.toMatchObject({
    code: 'COLONY_PUBLISH_COPIES', status: 503,
    message: '3 copies were asked for and 2 of 3 edges could take it (its disk is full): nothing was published; repeat the request with the same Idempotency-Key, or ask for fewer copies'
  })
  for (const edge of colony.edges) expect(await here(edge, '/x')).toBe('old')
  await eventually(() => colony.edges.every(({ publish }) => publish.stats().bytes === 3))
})

it('says what to do where the colony is smaller than the copies', async () => {
  const colony = await testColony({ places: ['north'], settings: calm })
  await expect(put(colony.edge('a'), '/x', 'text')).rejects.toMatchObject({ message: '3 copies were asked for and the colony has one edge: nothing was published; start more edges, or ask for 1 copy' })
  expect(await put(colony.edge('a'), '/x', 'text', { copies: 1 })).toMatchObject({ holders: ['a'] })
})

it('gives a retry the same answer and makes no new version, from any edge', async () => {
  const colony = await testColony({ places, settings: calm })
  const fields = [['idempotency-key', '"k1"']] as const
  const first = await put(colony.edge('a'), '/x', 'text', { fields })
  const again = await put(colony.edge('e'), '/x', 'text', { fields })
  expect(again).toEqual({ ...first, holders: expect.arrayContaining([...first.holders]) as unknown })
  await put(colony.edge('b'), '/x', 'newer')
  expect((await put(colony.edge('c'), '/x', 'text', { fields })).manifest).toEqual(first.manifest)
  expect(await read(colony.edge('d'), '/x', 'all')).toBe('newer')
})

it('refuses an idempotency key that was used for something else', async () => {
  const colony = await testColony({ places, settings: calm })
  const fields = [['idempotency-key', 'k1']] as const
  await put(colony.edge('a'), '/x', 'text', { fields })
  await expect(put(colony.edge('b'), '/x', 'other', { fields })).rejects.toMatchObject({ status: 422 })
  expect(await read(colony.edge('c'), '/x', 'all')).toBe('text')
})

it('brings a write that broke off half way to its end when it is repeated', async () => {
  const colony = await testColony({ places: ['north', 'south', 'west'], settings: calm })
  const fields = [['idempotency-key', 'k1']] as const
  let kept = 0
  for (const edge of colony.edges) edge.onCall = (verb) => { if (verb === 'keep' && ++kept > 1) throw new Error('cut off') }
  const failed = await put(colony.edge('a'), '/x', 'text', { fields }).catch((error: unknown) => error)
  expect(failed).toMatchObject({ status: 503, message: expect.stringContaining('it may be published nonetheless') as unknown })
  for (const edge of colony.edges) edge.onCall = () => {}
  const { created, manifest } = await put(colony.edge('b'), '/x', 'text', { fields })
  expect(created).toBe(true)
  for (const edge of colony.edges) {
    expect(await here(edge, '/x')).toBe('text')
    expect((await edge.publish.object(edge.publish.address('default', '/x'), new AbortController().signal)).newest).toEqual(manifest)
  }
})

it('lets the last writer win where two write at once, and both answers are true', async () => {
  const colony = await testColony({ places: ['north', 'south', 'west'], settings: calm })
  const [one, other] = await Promise.all([put(colony.edge('a'), '/x', 'from a'), put(colony.edge('b'), '/x', 'from b')])
  expect(one.holders).toHaveLength(3)
  expect(other.holders).toHaveLength(3)
  const texts = await Promise.all(colony.edges.map(async (edge) => await here(edge, '/x')))
  expect(new Set(texts).size).toBe(1)
  expect(['from a', 'from b']).toContain(texts[0])
})

it('puts a new version after those it replaces also where the writer\'s clock is an hour behind', async () => {
  const colony = await testColony({ places: ['north', 'south', 'west'], settings: calm, skewsMs: { b: -3_600_000 } })
  const { manifest } = await put(colony.edge('a'), '/x', 'old')
  expect((await put(colony.edge('b'), '/x', 'new')).manifest.version).toMatchObject({ wallMs: manifest.version.wallMs, counter: 1, peer: 'b' })
  expect(await read(colony.edge('a'), '/x', 'all')).toBe('new')
})

it('heeds If-Match and If-None-Match', async () => {
  const colony = await testColony({ places: ['north', 'south', 'west'], settings: calm })
  const { manifest } = await put(colony.edge('a'), '/x', 'one', { fields: [['if-none-match', '*']] })
  await expect(put(colony.edge('b'), '/x', 'two', { fields: [['if-none-match', '*']] })).rejects.toMatchObject({ status: 412 })
  await expect(put(colony.edge('b'), '/x', 'two', { fields: [['if-match', '"other"']] })).rejects.toMatchObject({ status: 412 })
  await put(colony.edge('b'), '/x', 'two', { fields: [['if-match', `"${manifest.hash}"`]] })
  expect(await read(colony.edge('c'), '/x', 'all')).toBe('two')
})

it('deletes on as many edges as have copies, and again without complaint', async () => {
  const colony = await testColony({ places, settings: calm })
  const { holders } = await put(colony.edge('a'), '/x', 'text')
  const { manifest } = await remove(colony.edge('b'), '/x')
  expect(manifest.deleted).toBe(true)
  for (const name of holders) expect(await here(colony.edge(name), '/x')).toBeUndefined()
  expect((await remove(colony.edge('c'), '/x')).manifest).toEqual(manifest)
  await expect(remove(colony.edge('a'), '/never')).rejects.toMatchObject({ status: 404 })
  expect((await put(colony.edge('a'), '/x', 'again')).created).toBe(true)
  expect(await read(colony.edge('c'), '/x', 'all')).toBe('again')
})

it('tells those that held an older version with more copies', async () => {
  const colony = await testColony({ places, settings: calm })
  await put(colony.edge('a'), '/x', 'old', { copies: 5 })
  await put(colony.edge('a'), '/x', 'new', { copies: 2 })
  await eventually(async () => (await Promise.all(colony.edges.map(async (edge) => await here(edge, '/x')))).every((text) => text === 'new'))
})
