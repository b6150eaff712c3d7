/** Reads at a level while replicas are behind, away or silent. */
import { expect, it } from 'vitest'
import type { Version } from '../../../protocols/publish/version.ts'
import { eventually } from '../../support/store.ts'
import { calm, here, never, put, read, remove, testColony, textOf, type TestColony, type TestEdge } from './support.ts'

const places = ['north', 'south', 'west', 'east']

/** A colony where the last of three replicas missed the second version, and an edge that is no replica. */
async function withStaleReplica (): Promise<{ colony: TestColony, fresh: TestEdge[], stale: TestEdge, reader: TestEdge }> {
  const colony = await testColony({ places, settings: { ...calm, callTimeoutMs: 300 } })
  const replicas = colony.replicas('/x', 3)
  const stale = replicas[2]!
  const reader = colony.edges.find((edge) => !replicas.includes(edge))!
  await put(reader, '/x', 'old')
  colony.leave(stale)
  stale.up = false
  await put(reader, '/x', 'new')
  stale.up = true
  colony.join(stale)
  return { colony, fresh: replicas.slice(0, 2), stale, reader }
}

it('sees the newest version with quorum and all while one replica is behind, and brings that one up to date', async () => {
  const { stale, reader } = await withStaleReplica()
  expect(await read(stale, '/x', 'one')).toBe('old')
  expect(await read(stale, '/x', 'quorum')).toBe('new')
  await eventually(async () => await here(stale, '/x') === 'new')
  expect(await read(reader, '/x', 'all')).toBe('new')
})

it('brings up to date also an edge that holds an older version and is no replica any more', async () => {
  const colony = await testColony({ places, settings: calm })
  const stale = colony.replicas('/x', 4)[3]!
  await put(stale, '/x', 'old', { copies: 4 })
  stale.onCall = () => { throw new Error('cut off') }
  await put(colony.replicas('/x', 1)[0]!, '/x', 'new', { copies: 2 })
  stale.onCall = () => {}
  expect(await read(stale, '/x', 'quorum')).toBe('new')
  await eventually(async () => await here(stale, '/x') === 'new')
})

it('does not take the word of an edge that only stood in for another, its own included', async () => {
  const colony = await testColony({ places: ['north', 'south', 'west'], settings: calm })
  const [home, , standIn] = colony.replicas('/x', 3) as [TestEdge, TestEdge, TestEdge]
  colony.leave(home)
  expect((await put(standIn, '/x', 'old', { copies: 2 })).holders).toContain(standIn.name)
  colony.join(home)
  expect((await put(home, '/x', 'new', { copies: 2 })).holders).not.toContain(standIn.name)
  const [head] = standIn.publish.store.variants(standIn.publish.address('default', '/x').key)
  expect(standIn.publish.store.isPublished(head!)).toBe(false)
  expect(await read(standIn, '/x', 'one')).toBe('new')
})

it('reads with quorum though a replica is silent, and says of all that one is missing', async () => {
  const { fresh, reader } = await withStaleReplica()
  fresh[0]!.up = false
  expect(await read(reader, '/x', 'quorum')).toBe('new')
  await expect(read(reader, '/x', 'all')).rejects.toMatchObject({
    code: 'COLONY_PUBLISH_LEVEL', status: 503,
    message: expect.stringMatching(/^2 of 3 replicas of \/x answered and the level all needs 3 \(peer . gave no answer\): repeat later, or ask for the level quorum or one$/) as unknown
  })
})

it('says that a quorum cannot be had when most replicas are silent, and one still can', async () => {
  const { fresh, stale, reader } = await withStaleReplica()
  stale.up = false
  fresh[0]!.up = false
  await expect(read(reader, '/x', 'quorum')).rejects.toMatchObject({ message: expect.stringContaining('1 of 3 replicas of /x answered and the level quorum needs 2') as unknown })
  expect(await read(reader, '/x', 'one')).toBe('new')
})

it('believes that nothing is there only when nobody who answers has it', async () => {
  const colony = await testColony({ places: ['north', 'south', 'west'], settings: calm })
  const [first, second, third] = colony.replicas('/x', 3) as [TestEdge, TestEdge, TestEdge]
  await put(first, '/x', 'text', { copies: 1 })
  // A new version of one copy lies at the first alone; two of three know nothing.
  first.onCall = async () => { await new Promise((resolve) => { setTimeout(resolve, 100) }) }
  expect(await read(second, '/x', 'quorum')).toBe('text')
  expect(await read(third, '/never', 'quorum')).toBeUndefined()
})

it('asks as many replicas as the object has, not as the settings say', async () => {
  const colony = await testColony({ places: ['north', 'south', 'west', 'east', 'mid'], settings: { ...calm, callTimeoutMs: 300 } })
  await put(colony.edge('a'), '/x', 'five', { copies: 5 })
  const replicas = colony.replicas('/x', 5)
  const reader = replicas[0]!
  for (const edge of replicas.slice(3)) edge.up = false
  expect(await read(reader, '/x', 'quorum')).toBe('five')
  replicas[2]!.up = false
  await expect(read(reader, '/x', 'quorum')).rejects.toMatchObject({ message: expect.stringContaining('2 of 5 replicas') as unknown })
})

it('goes on at another holder when the one it reads from breaks off', async () => {
  const colony = await testColony({ places, settings: calm })
  const text = 'x'.repeat(1_000_000)
  const replicas = colony.replicas('/x', 3)
  const reader = colony.edges.find((edge) => !replicas.includes(edge))!
  await put(reader, '/x', text)
  const result = await reader.publish.read(reader.publish.address('default', '/x'), 'all', never)
  if (result.kind !== 'found') throw new Error('nothing found')
  const chunks: Uint8Array[] = []
  for await (const chunk of result.read(0, result.head.length)) {
    chunks.push(chunk)
    if (chunks.length === 2) for (const edge of replicas.slice(0, 2)) edge.up = false
  }
  expect(Buffer.concat(chunks).toString()).toBe(text)
})

it('keeps older versions readable, down to the last deletion', async () => {
  const colony = await testColony({ places: ['north', 'south', 'west'], settings: { ...calm, versionsKept: 2 } })
  const a = colony.edge('a')
  const address = a.publish.address('default', '/x')
  const versions: Version[] = []
  for (const text of ['one', 'two', 'three']) versions.push((await put(a, '/x', text)).manifest.version)
  const at = async (index: number): Promise<string | undefined> => await textOf(await colony.edge('b').publish.read(address, 'quorum', never, versions[index]))
  expect(await at(2)).toBe('three')
  expect(await at(1)).toBe('two')
  expect(await at(0)).toBeUndefined()
  await remove(a, '/x')
  expect(await at(1)).toBeUndefined()
  expect(await read(a, '/x', 'all')).toBeUndefined()
})
