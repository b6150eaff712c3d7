import { describe, expect, it } from 'vitest'
import { WireError } from '../../../protocols/errors.ts'
import { decodeHead, encodeHead } from '../../../protocols/wire.ts'
import type { Purge } from '../../../protocols/purge/purge.ts'
import { decodePurge, encodePurge, parsePurgeId, purgeIdText, readSelector, readSelectors, SelectorError } from '../../../protocols/purge/selector.ts'

const id = { peer: '12D3KooWedge', incarnation: 3, sequence: 7 }
const purge: Purge = {
  id,
  soft: true,
  atMs: 1_700_000_000_000,
  selectors: [
    { kind: 'url', site: 'shop', host: 'shop.example', target: '/a?b=1', queries: 'exact' },
    { kind: 'prefix', prefix: '/img/' },
    { kind: 'host', host: 'shop.example' },
    { kind: 'tag', site: 'shop', tag: 'post 12' },
    { kind: 'everything' }
  ]
}
const sent = (value: unknown): unknown => decodeHead(encodeHead(value as object))

describe('selectors of a purge', () => {
  it('are compared in their normal form, whoever wrote them', () => {
    expect(readSelector({ kind: 'url', target: '/a/../%62%2f?x=%7e', more: 1 })).toEqual({ kind: 'url', target: '/b%2F?x=~', queries: 'exact' })
    expect(readSelector({ kind: 'url', target: '/a?x=1', queries: 'all' })).toEqual({ kind: 'url', target: '/a', queries: 'all' })
    expect(readSelector({ kind: 'host', host: 'Shop.Example:8080' })).toEqual({ kind: 'host', host: 'shop.example' })
  })

  it.each([
    [{ kind: 'url', target: 'a' }, /the target is "a": expected a path/],
    [{ kind: 'url', target: `/${'a'.repeat(9000)}` }, /of at most 8192 characters/],
    [{ kind: 'url', target: '/a', queries: 'some' }, /expected exact or all/],
    [{ kind: 'prefix', prefix: '/a/..' }, /dot segment/],
    [{ kind: 'prefix', prefix: '/a%4' }, /percent-encoded/],
    [{ kind: 'host' }, /the host is missing/],
    [{ kind: 'host', host: '*.example' }, /expected a host name/],
    [{ kind: 'tag', tag: ' a' }, /printable ASCII/],
    [{ kind: 'tag', tag: 'a'.repeat(1025) }, /up to 1024/],
    [{ kind: 'everything', site: 'a|b' }, /expected the name of a site/],
    [{ kind: 'all' }, /expected url, prefix, host, tag or everything/],
    [null, /is none/]
  ])('say in one sentence what is wrong with %j', (value, sentence) => {
    expect(() => readSelector(value)).toThrow(SelectorError)
    expect(() => readSelector(value)).toThrow(sentence)
  })

  it('are so many in one order that it fits a frame', () => {
    expect(() => readSelectors([])).toThrow('at least one')
    expect(() => readSelectors(Array.from({ length: 257 }, () => ({ kind: 'everything' })))).toThrow('at most 256')
    expect(() => readSelectors(Array.from({ length: 8 }, (_, at) => ({ kind: 'url', target: `/${at}${'a'.repeat(8000)}` })))).toThrow('send it in parts')
  })
})

describe('a purge on the wire', () => {
  it('comes out as it went in, and fields of a newer edge are skipped', () => {
    expect(decodePurge(sent(encodePurge(purge)))).toEqual(purge)
    expect(decodePurge(sent({ ...encodePurge(purge), newer: 1 }))).toEqual(purge)
  })

  it('means everything of its site where a newer edge names what this one cannot', () => {
    const { selectors } = decodePurge(sent({ ...encodePurge(purge), selectors: [{ kind: 'pattern', site: 'shop', pattern: '*' }, { kind: 'colour' }] }))
    expect(selectors).toEqual([{ kind: 'everything', site: 'shop' }, { kind: 'everything' }])
  })

  it.each([
    7, { ...encodePurge(purge), id: ['a b', 0, 1] }, { ...encodePurge(purge), id: ['a', -1, 1] }, { ...encodePurge(purge), id: ['a', 0, 0] }, { ...encodePurge(purge), id: undefined },
    { ...encodePurge(purge), selectors: [] }, { ...encodePurge(purge), selectors: [{ kind: 'url' }] }, { ...encodePurge(purge), selectors: [{}] }, { ...encodePurge(purge), soft: 1 }, { ...encodePurge(purge), atMs: 1.5 }
  ])('is refused where it is malformed: %j', (value) => {
    expect(() => decodePurge(value)).toThrow(WireError)
  })

  it('has an id that can be written and read', () => {
    expect(parsePurgeId(purgeIdText(id))).toEqual(id)
    expect(parsePurgeId('a-1')).toBeUndefined()
  })
})
