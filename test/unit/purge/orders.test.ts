import { describe, expect, it } from 'vitest'
import { readOrder } from '../../../daemon/purge/order.ts'
import { Orders, PurgeRefusedError } from '../../../daemon/purge/orders.ts'
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
    [{ urls: '/a' }, /list of texts/], [{ urls: ['a'] }, /neither an http or https URL/], [{ urls: ['/a'], wait: 'some' }, /expected region, all, none/],
    [{ urls: ['/a'], timeoutMs: 1e9 }, /whole milliseconds up to/], [{ urls: ['/a'], idempotencyKey: 'a b' }, /idempotencyKey/], [{ hosts: ['a b'] }, /expected a host name/]
  ])('is refused with a sentence: %j', (document, sentence) => {
    expect(() => read(document)).toThrow(SelectorError)
    expect(() => read(document)).toThrow(sentence)
  })
})

describe('orders on an edge', () => {
  const order: PurgeOrder = read({ everything: true })
  const rig = () => {
    const clock = stillClock()
    const carried: PurgeOrder[] = []
    const fails = { next: false }
    const orders = new Orders({
      clock, settings: { ...purgeDefaults, purgeBurstMax: 2, purgesPerSecondMax: 1 },
      purger: async (each) => {
        carried.push(each)
        if (fails.next) throw new Error('down')
        return { id: { peer: 'me', incarnation: 1, sequence: carried.length }, applied: [], notes: [] }
      }
    })
    return { clock, carried, fails, take: async (key?: string) => await orders.take(key === undefined ? order : { ...order, idempotencyKey: key }, new AbortController().signal) }
  }

  it('are refused when there are too many, with the time after which there is room', async () => {
    const { clock, carried, take } = rig()
    await take()
    await take()
    await expect(take()).rejects.toThrow(PurgeRefusedError)
    await expect(take()).rejects.toMatchObject({ retryAfterS: 1 })
    clock.advance(1_000)
    await take()
    expect(carried).toHaveLength(3)
  })

  it('that are repeated with their key are carried out once, and again after they failed, or long after', async () => {
    const { clock, carried, fails, take } = rig()
    fails.next = true
    await expect(take('a')).rejects.toThrow('down')
    fails.next = false
    const first = await take('a')
    for (let again = 0; again < 5; again++) expect(await take('a')).toEqual(first)
    expect(carried).toHaveLength(2)
    clock.advance(purgeDefaults.idempotencyMs + 1)
    await take('a')
    expect(carried).toHaveLength(3)
  })
})
