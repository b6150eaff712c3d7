import fc from 'fast-check'
import { expect, it } from 'vitest'
import { PrefixTree } from '../../../protocols/purge/prefix-tree.ts'

const text = fc.string({ unit: fc.constantFrom('/', 'a', 'b'), maxLength: 8 })

it('finds the values of exactly the prefixes of a text, the shortest first', () => {
  fc.assert(fc.property(fc.array(text), text, (prefixes, sought) => {
    const tree = new PrefixTree<string>()
    for (const prefix of prefixes) tree.set(prefix, prefix)
    const found: string[] = []
    tree.visit(sought, (value) => { found.push(value) })
    const known = [...new Set(prefixes)]
    expect(found).toEqual(known.filter((prefix) => sought.startsWith(prefix)).sort((one, other) => one.length - other.length))
    expect(tree.get(sought)).toBe(known.find((prefix) => prefix === sought))
    expect([...tree.entries()].map(([prefix]) => prefix).sort()).toEqual(known.sort())
    expect(tree.size).toBe(known.length)
  }))
})
