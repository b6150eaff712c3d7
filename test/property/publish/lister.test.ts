/** A listing of what many edges hold: everything once, in order, however it is spread and paged. */
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { contentKey } from '../../../protocols/ids.ts'
import { list, listingKey } from '../../../protocols/publish/lister.ts'
import { emptyHash, type Manifest } from '../../../protocols/publish/manifest.ts'

const numbers = fc.uniqueArray(fc.integer({ min: 10, max: 60 }), { maxLength: 25 })

function manifestOf (number: number, wallMs = 1, deleted = false): Manifest {
  const target = `/${number}`
  return { key: contentKey('default', target), site: 'default', target, hash: emptyHash, length: 0, version: { wallMs, counter: 0, peer: 'a' }, fields: [], copies: 1, deleted, createdAtMs: 0 }
}

async function all (held: ReadonlyMap<string, readonly Manifest[]>, limit: number, pageMax: number): Promise<Array<{ target: string, holders: readonly string[] }>> {
  const found: Array<{ target: string, holders: readonly string[] }> = []
  for (let after: string | undefined = '', pages = 0; after !== undefined; pages++) {
    if (pages > 100) throw new Error('the listing does not end')
    const from: string = after
    const page = await list([...held.keys()], from, limit, async (peer) => {
      const rest = held.get(peer)!.filter((manifest) => listingKey(manifest) > from).sort((a, b) => listingKey(a) < listingKey(b) ? -1 : 1)
      return { manifests: rest.slice(0, Math.min(limit, pageMax)), more: rest.length > Math.min(limit, pageMax) }
    })
    found.push(...page.objects.map(({ manifest, holders }) => ({ target: manifest.target, holders })))
    after = page.next
  }
  return found
}

it('names every object once, in order, with all its holders', async () => {
  await fc.assert(fc.asyncProperty(fc.array(numbers, { minLength: 1, maxLength: 4 }), fc.integer({ min: 1, max: 8 }), fc.integer({ min: 1, max: 8 }), async (spread, limit, pageMax) => {
    const held = new Map(spread.map((each, peer) => [`p${peer}`, each.map((number) => manifestOf(number))]))
    const expected = [...new Set(spread.flat())].sort().map((number) => ({ target: `/${number}`, holders: [...held].filter(([, each]) => each.some(({ target }) => target === `/${number}`)).map(([peer]) => peer) }))
    expect(await all(held, limit, pageMax)).toEqual(expected)
  }))
})

it('leaves out what was deleted though an edge that missed it still has it', async () => {
  const held = new Map([['p0', [manifestOf(10), manifestOf(11)]], ['p1', [manifestOf(10, 2, true)]]])
  expect(await all(held, 5, 5)).toEqual([{ target: '/11', holders: ['p0'] }])
})

it('ends though an edge says for ever that there is more', async () => {
  const page = await list(['p0', 'p1'], '', 5, async (peer) => peer === 'p0' ? { manifests: [], more: true } : { manifests: [manifestOf(10)], more: false })
  expect(page).toEqual({ objects: [{ manifest: manifestOf(10), holders: ['p1'] }], missing: [] })
})
