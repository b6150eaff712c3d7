/** What an edge takes from others: nothing that it has no reason to hold, and no byte unchecked. */
import { createHash } from 'node:crypto'
import { expect, it } from 'vitest'
import { contentKey } from '../../../protocols/ids.ts'
import type { Manifest } from '../../../protocols/publish/manifest.ts'
import { encodeRequest, type Request } from '../../../protocols/publish/messages.ts'
import { decodeFrame, encodeFrame } from '../../../protocols/wire.ts'
import { calm, here, never, put, testColony, type TestEdge } from './support.ts'

const sites = [
  { name: 'default', hosts: ['*'], defaultTtlMs: 0, hostHeader: 'origin' },
  { name: 'shop', hosts: ['shop.example'], origin: 'http://127.0.0.1:1/', defaultTtlMs: 0, hostHeader: 'origin' }
] as const

function manifestOf (text: string, more: Partial<Manifest> = {}): Manifest {
  return {
    key: contentKey('default', '/x'), site: 'default', target: '/x', hash: createHash('sha256').update(text).digest('base64url'), length: text.length,
    version: { wallMs: 1, counter: 0, peer: 'b' }, fields: [], copies: 1, deleted: false, createdAtMs: 0, ...more
  }
}

async function ask ({ publish }: TestEdge, request: Request): Promise<unknown> {
  const { head, payload } = encodeRequest(request)
  return await publish.answer(decodeFrame(encodeFrame(head, payload).subarray()), 'nobody', never)
}

it('takes only what it would serve: a published site, and the key that follows from it', async () => {
  const { edges: [edge] } = await testColony({ places: ['north', 'south'], settings: calm, sites })
  const wrong = [
    manifestOf('text', { site: 'nobody', key: contentKey('nobody', '/x') }),
    manifestOf('text', { site: 'shop', key: contentKey('shop', '/x') }),
    manifestOf('text', { key: contentKey('default', '/other') }),
    manifestOf('text', { target: '/a/../x' })
  ]
  for (const manifest of wrong) {
    await expect(ask(edge!, { verb: 'keep', manifest, sources: [] })).rejects.toMatchObject({ code: 'COLONY_PUBLISH_SITE' })
    await expect(ask(edge!, { verb: 'hold', body: manifest, sources: [] })).rejects.toMatchObject({ code: 'COLONY_PUBLISH_SITE' })
  }
  expect(edge!.publish.stats()).toMatchObject({ objects: 0, bytes: 0 })
})

it('takes only keys that it may be a replica of', async () => {
  const colony = await testColony({ places: ['north', 'south'], settings: { ...calm, copiesMax: 1, sparesMax: 0 } })
  const [right] = colony.replicas('/x', 1) as [TestEdge]
  const other = colony.edges.find((edge) => edge !== right)!
  await put(right, '/x', 'text', { copies: 1 })
  const manifest = manifestOf('text')
  for (const request of [{ verb: 'hold', body: manifest, sources: [right.name] }, { verb: 'keep', manifest, sources: [right.name] }] as const) {
    await expect(ask(other, request)).rejects.toMatchObject({ code: 'COLONY_PUBLISH_MISPLACED' })
  }
})

it('goes to the next source when one does not have the bytes, and keeps no manifest without its bytes', async () => {
  const colony = await testColony({ places: ['north', 'south', 'west'], settings: calm })
  const [source] = colony.replicas('/source', 1) as [TestEdge]
  await put(source, '/source', 'text', { copies: 1 })
  const [edge, without] = colony.edges.filter((each) => each !== source) as [TestEdge, TestEdge]
  const manifest = manifestOf('text')
  await expect(ask(edge, { verb: 'keep', manifest, sources: [without.name] })).rejects.toThrow('cannot be reached')
  expect(edge.publish.stats().objects).toBe(0)
  for (const _twice of [1, 2]) await ask(edge, { verb: 'keep', manifest, sources: [without.name, source.name] })
  expect(await here(edge, '/x')).toBe('text')
  expect(edge.publish.stats().objects).toBe(1)
})

it('does not take more than its budget, whatever a manifest says', async () => {
  const { edges: [edge] } = await testColony({ places: ['north', 'south'], settings: { ...calm, objectBytesMax: 1_000 } })
  await expect(ask(edge!, { verb: 'hold', body: manifestOf('text', { length: Number.MAX_SAFE_INTEGER }), sources: ['b'] })).rejects.toMatchObject({ code: 'COLONY_PUBLISH_TOO_LARGE' })
  expect(edge!.publish.stats().bytes).toBe(0)
})
