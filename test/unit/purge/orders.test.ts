import { describe, expect, it } from 'vitest'
import { readOrder } from '../../../daemon/purge/order.ts'
import { OrderLimit, PurgeRefusedError } from '../../../daemon/purge/orders.ts'
import type { PurgeOrder } from '../../../daemon/purge/ports.ts'
import { purgeDefaults } from '../../../daemon/purge/settings.ts'
import { SelectorError } from '../../../protocols/purge/selector.ts'
import { stillClock } from '../../support/store.ts'

const read = (document: unknown): PurgeOrder => readOrder(document, purgeDefaults)

describe('an order to purge', () => {
  it('names URLs by host, by site, or on every site, and more', () => {
    expect(read({ urls: ['http://Shop.example:8080/a?b#c', 'shop:/a', '/a'], prefixes: ['https://shop.example'], hosts: ['b.example'], tags: ['t'], everything: true, site: 'blog', soft: true })).toEqual({
      soft: true, wait: 'all', timeoutMs: 5_000,
      selectors: [
        { kind: 'url', host: 'shop.example', target: '/a?b', queries: 'exact' }, { kind: 'url', site: 'shop', target: '/a', queries: 'exact' }, { kind: 'url', site: 'blog', target: '/a', queries: 'exact' },
        { kind: 'prefix', host: 'shop.example', prefix: '/' }, { kind: 'host', host: 'b.example' }, { kind: 'tag', site: 'blog', tag: 't' }, { kind: 'everything', site: 'blog' }
      ]
    })
    expect(read({ urls: ['/a?x'], queries: 'all' }).selectors).toEqual([{ kind: 'url', target: '/a', queries: 'all' }])
  })

  it.each([
    [[], /no JSON object/], [{}, /names nothing/], [{ site: 'a' }, /names nothing/], [{ everything: 'yes' }, /everything is "yes"/], [{ url: ['/a'] }, /"url", which is not known/],
    [{ urls: '/a' }, /list of texts/], [{ urls: ['a'] }, /neither an http or https URL/], [{ urls: ['/a'], wait: 'some' }, /expected all, region, none/],
    [{ urls: ['/a'], timeoutMs: 1e9 }, /whole milliseconds up to/], [{ urls: ['/a'], idempotencyKey: 'a b' }, /idempotencyKey/], [{ hosts: ['a b'] }, /expected a host name/]
  ])('is refused with a sentence: %j', (document, sentence) => {
    expect(() => read(document)).toThrow(SelectorError)
    expect(() => read(document)).toThrow(sentence)
  })
})

describe('orders on an edge', () => {
  it('are refused when there are too many, with the time after which there is room', () => {
    const clock = stillClock()
    const limit = new OrderLimit(clock, { purgeBurstMax: 2, purgesPerSecondMax: 1 })
    limit.spend()
    limit.spend()
    expect(() => { limit.spend() }).toThrow(PurgeRefusedError)
    expect(() => { limit.spend() }).toThrow('try again in 1 s')
    clock.advance(1_000)
    limit.spend()
    expect(() => { limit.spend() }).toThrow(PurgeRefusedError)
  })
})
