/** A cache over a memory store, whose flights a test settles by hand. */
import { Cache, type CacheRequest, type CacheResult, type Obtained, type ObtainRequest } from '../../../daemon/cache/cache.ts'
import { Level } from '../../../daemon/cache/flight.ts'
import { cacheDefaults, type CacheSettings } from '../../../daemon/cache/settings.ts'
import type { PurgeView } from '../../../daemon/purge/ports.ts'
import type { Store } from '../../../daemon/store/store.ts'
import type { Fields } from '../../../protocols/fields.ts'
import { bodyOf, eventually, keyOf, stillClock } from '../../support/store.ts'
import { memoryStore, readFill, upstreamOf, type TestUpstream } from './support.ts'

export const body = bodyOf(10_000)
export const key = keyOf('a')
export const site = { name: 'test', defaultTtlMs: 0, preserveHost: false, published: false }
export const shared: Fields = [['etag', '"1"'], ['cache-control', 'max-age=60']]
export const mine: Fields = [['cache-control', 'private']]

export interface Rig {
  cache: Cache
  store: Store
  clock: ReturnType<typeof stillClock>
  /** Every flight's request, with what settles it. */
  flights: Array<{ request: ObtainRequest, land: (outcome: Obtained) => void, upstream: (upstream: TestUpstream) => TestUpstream }>
  request: (more?: Partial<CacheRequest>) => Promise<CacheResult>
}

export function rig (settings: Partial<CacheSettings> = {}, store: Store = memoryStore(), purges?: PurgeView): Rig {
  const clock = stillClock()
  const flights: Rig['flights'] = []
  const cache = new Cache({
    store, clock, ...(purges === undefined ? {} : { purges }), settings: { ...cacheDefaults, ...settings },
    fetcher: {
      obtain: async (request) => {
        const { promise, resolve, reject } = Promise.withResolvers<Obtained>()
        request.signal.addEventListener('abort', () => { reject(request.signal.reason as Error) })
        flights.push({
          request, land: resolve,
          upstream: (upstream) => {
            resolve({ kind: 'upstream', upstream })
            return upstream
          }
        })
        return await promise
      },
      resume: async () => { throw new Error('no other source') }
    }
  })
  return {
    cache, store, clock, flights,
    request: async (more) => await cache.request({
      site, key, target: '/a', fields: [], path: [], silent: [], level: Level.Asker, signal: new AbortController().signal, traceparent: '', ...more
    })
  }
}

/** The whole body of a result that is on its way in, and leaves. */
export async function read (result: CacheResult): Promise<Uint8Array> {
  if (result.kind !== 'filling') throw new Error(`the result is ${result.kind}`)
  try {
    const { bytes, error } = await readFill(result.fill)
    if (error !== undefined) throw error
    return bytes
  } finally {
    result.release()
  }
}

export async function fillWith (cache: Rig, fields = shared, request: Partial<CacheRequest> = {}): Promise<void> {
  const count = cache.flights.length
  const asked = cache.request(request)
  await eventually(() => cache.flights.length > count)
  cache.flights.at(-1)?.upstream(upstreamOf({ fields, receivedAtMs: cache.clock.wallMs() })).feed.push(body).end()
  await read(await asked)
  await eventually(() => cache.cache.flights === 0)
}
