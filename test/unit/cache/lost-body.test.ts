/** A head without its body: as good as not stored. */
import { describe, expect, it } from 'vitest'
import { eventually } from '../../support/store.ts'
import { body, fillWith, read, rig, shared } from './rig.ts'
import { memoryStore, upstreamOf } from './support.ts'

describe('a stored response whose body is not to be had any more', () => {
  it('is fetched again, by one request for all that come meanwhile, also where the store still lists it', async () => {
    const store = memoryStore()
    const cache = rig({}, store)
    await fillWith(cache)
    const open = store.open.bind(store)
    store.open = async () => undefined
    const asked = [cache.request(), cache.request()]
    await eventually(() => cache.flights.length === 2)
    store.open = open
    cache.flights[1]?.upstream(upstreamOf({ fields: shared, receivedAtMs: cache.clock.wallMs() })).feed.push(body).end()
    for (const each of asked) expect(Buffer.compare(await read(await each), body)).toBe(0)
    expect(cache.flights).toHaveLength(2)
  })
})
