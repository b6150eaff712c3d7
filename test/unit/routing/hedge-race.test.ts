/** Two sources at once: a second holder beside a slow owner, and a far peer against the origin. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { routingDefaults } from '../../../daemon/routing/settings.ts'
import type { PeerAnswer } from '../../../protocols/fetch/transfer.ts'
import { TestOrigin } from '../../support/origin.ts'
import { bodyOf, eventually } from '../../support/store.ts'
import { manualClock } from '../membership/support.ts'
import { fakePeers, fetcherOf, hitOf, miss, requestOf, siteOf } from './support.ts'

const body = bodyOf(1_000)
const { hedgeDelayMs } = routingDefaults

/** Answers with what the test resolves; rejects, as the fetch protocol does, when its signal aborts. */
function pending (obedient = true): { answer: (value: PeerAnswer) => void, aborted: () => boolean, script: (ask: unknown, options: { signal: AbortSignal, onFilling?: () => void }) => Promise<PeerAnswer>, filling: () => void } {
  const { promise, resolve, reject } = Promise.withResolvers<PeerAnswer>()
  let options: { signal: AbortSignal, onFilling?: () => void } | undefined
  return {
    answer: resolve,
    aborted: () => options?.signal.aborted === true,
    filling: () => { options?.onFilling?.() },
    script: async (_ask, given) => {
      options = given
      if (obedient) given.signal.addEventListener('abort', () => { reject(given.signal.reason as Error) })
      return await promise
    }
  }
}

describe('an owner that gives no sign of life for a while', () => {
  it('has a second holder asked what it has, whose hit wins; the owner is let go', async () => {
    const clock = manualClock()
    const owner = pending()
    const peers = fakePeers({ owners: { here: ['one', 'two'] }, answers: { one: owner.script, 'have two': hitOf('two', body) } })
    const { fetcher, steps } = fetcherOf(peers, { clock })
    const got = fetcher.obtain(requestOf(siteOf()))
    await clock.advance(hedgeDelayMs - 1)
    expect(peers.asked()).toEqual(['fill one'])
    await clock.advance(1)
    expect(await got).toMatchObject({ kind: 'upstream', upstream: { peer: 'two' } })
    expect(peers.asked()).toEqual(['fill one', 'have two'])
    expect(steps).toEqual(['hedged', 'peer-hit'])
    expect(owner.aborted()).toBe(true)
  })

  it('is waited for on when the second holder has nothing', async () => {
    const clock = manualClock()
    const owner = pending()
    const peers = fakePeers({ owners: { here: ['one', 'two'] }, answers: { one: owner.script, 'have two': miss } })
    const got = fetcherOf(peers, { clock }).fetcher.obtain(requestOf(siteOf()))
    await clock.advance(hedgeDelayMs)
    expect(owner.aborted()).toBe(false)
    owner.answer(hitOf('one', body))
    expect(await got).toMatchObject({ upstream: { peer: 'one' } })
  })

  it('wins when it answers first, and the second holder\'s late hit is dropped', async () => {
    const clock = manualClock()
    const [owner, second] = [pending(), pending()]
    let asking = 0
    const onAsk = () => {
      asking++
      return () => { asking-- }
    }
    const peers = fakePeers({ owners: { here: ['one', 'two'] }, answers: { one: owner.script, 'have two': second.script } })
    const got = fetcherOf(peers, { clock }).fetcher.obtain(requestOf(siteOf(), { onAsk }))
    await clock.advance(hedgeDelayMs)
    owner.answer(hitOf('one', body))
    expect(await got).toMatchObject({ upstream: { peer: 'one' } })
    // Whoever asks the second holder still is not waited for itself.
    expect(asking).toBe(1)
    const late = hitOf('two', body)
    second.answer(late)
    await eventually(() => late.cancelled === 1, 1_000)
    expect(asking).toBe(0)
  })

  it('and answers with a hit just as it is let go has that hit dropped, not left open', async () => {
    const clock = manualClock()
    const owner = pending(false)
    const peers = fakePeers({ owners: { here: ['one', 'two'] }, answers: { one: owner.script, 'have two': hitOf('two', body) } })
    const got = fetcherOf(peers, { clock }).fetcher.obtain(requestOf(siteOf()))
    await clock.advance(hedgeDelayMs)
    expect(await got).toMatchObject({ upstream: { peer: 'two' } })
    const late = hitOf('one', body)
    owner.answer(late)
    await eventually(() => late.cancelled === 1, 1_000)
  })
})

describe('an owner that gives a sign of life', () => {
  it('is waited for, and nobody else is asked', async () => {
    const clock = manualClock()
    const owner = pending()
    const peers = fakePeers({ owners: { here: ['one', 'two'] }, answers: { one: owner.script } })
    const got = fetcherOf(peers, { clock }).fetcher.obtain(requestOf(siteOf()))
    await clock.advance(hedgeDelayMs - 1)
    owner.filling()
    await clock.advance(10_000)
    expect(peers.asked()).toEqual(['fill one'])
    owner.answer(hitOf('one', body))
    expect(await got).toMatchObject({ upstream: { peer: 'one' } })
  })
})

describe('no second holder is asked', () => {
  it.each([
    ['there is none', { owners: { here: ['one'] } }, []],
    ['it is this edge itself', { owners: { here: ['one', 'self'] } }, []],
    ['it was found silent', { owners: { here: ['one', 'two'] } }, ['two']]
  ])('where %s', async (_what, init, silentPeers) => {
    const clock = manualClock()
    const owner = pending()
    const peers = fakePeers({ ...init, answers: { 'fill one': owner.script } })
    const { fetcher, steps } = fetcherOf(peers, { clock })
    const got = fetcher.obtain(requestOf(siteOf(), { silent: silentPeers }))
    await clock.advance(hedgeDelayMs * 3)
    owner.answer(hitOf('one', body))
    await got
    expect(steps).not.toContain('hedged')
  })
})

describe('a peer that is not near enough to be waited for', () => {
  let origin: TestOrigin
  beforeEach(async () => { origin = await new TestOrigin().start() })
  afterEach(async () => { await origin.close() })
  const rtts = { one: 60 }

  it('is raced with the origin, and wins with what it has; the origin\'s answer is dropped', async () => {
    const gate = Promise.withResolvers<void>()
    let closed = false
    origin.on('/a', async (request, response) => {
      request.socket.once('close', () => { closed = true })
      await gate.promise
      response.writeHead(200, { 'content-length': 10_000_000 }).write(Buffer.alloc(100_000))
    })
    const peers = fakePeers({ owners: { here: ['one'] }, rtts, answers: { 'have one': hitOf('one', body) } })
    const { fetcher, steps } = fetcherOf(peers)
    expect(await fetcher.obtain(requestOf(siteOf(origin.url)))).toMatchObject({ upstream: { peer: 'one' } })
    expect(steps).toEqual(['peer-raced', 'origin', 'peer-hit'])
    gate.resolve()
    await eventually(() => closed, 5_000)
  })

  it('loses to an origin that answers first, and its late hit is dropped', async () => {
    const whole = origin.file('/a', 1_000, { maxAge: 60 })
    const peer = pending()
    const peers = fakePeers({ owners: { here: ['one'] }, rtts, answers: { one: peer.script } })
    expect(await fetcherOf(peers).fetcher.obtain(requestOf(siteOf(origin.url)))).toMatchObject({ upstream: { source: 'origin', length: whole.byteLength } })
    const late = hitOf('one', body)
    peer.answer(late)
    await eventually(() => late.cancelled === 1, 1_000)
  })

  it('is only asked for what it has: a race never makes it fetch', async () => {
    origin.file('/a', 1_000, { maxAge: 60 })
    const peers = fakePeers({ owners: { here: ['one', 'two'] }, rtts })
    await fetcherOf(peers).fetcher.obtain(requestOf(siteOf(origin.url)))
    expect(peers.asked()).toEqual(['have one'])
  })

  it('may win after the origin failed', async () => {
    await origin.close()
    const peer = pending()
    const peers = fakePeers({ owners: { here: ['one'] }, rtts, answers: { one: peer.script } })
    const got = fetcherOf(peers).fetcher.obtain(requestOf(siteOf(origin.url)))
    await new Promise((resolve) => { setTimeout(resolve, 50) })
    peer.answer(hitOf('one', body))
    expect(await got).toMatchObject({ upstream: { peer: 'one' } })
  })

  it('and an origin that both have nothing are not asked the same again', async () => {
    const url = origin.url
    await origin.close()
    const site = siteOf(url)
    let requests = 0
    const request = site.origin?.request.bind(site.origin)
    if (site.origin !== undefined && request !== undefined) {
      site.origin.request = async (each) => {
        requests++
        return await request(each)
      }
    }
    const peers = fakePeers({ owners: { here: ['one'] }, rtts, answers: { 'have one': miss } })
    expect(await fetcherOf(peers).fetcher.obtain(requestOf(site))).toMatchObject({ kind: 'failed' })
    expect(requests).toBe(1)
  })

  it('is left alone where the origin is nearer', async () => {
    origin.file('/a', 1_000, { maxAge: 60 })
    const peers = fakePeers({ owners: { here: ['one'] }, rtts: { one: 500 } })
    const { fetcher, steps } = fetcherOf(peers)
    await fetcher.obtain(requestOf(siteOf(origin.url)))
    expect(peers.asked()).toEqual([])
    expect(steps).toEqual(['peer-too-far', 'origin'])
  })
})
