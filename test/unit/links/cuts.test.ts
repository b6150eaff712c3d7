/** Links that are cut without a word, and hosts that are gone at once. */
import { once } from 'node:events'
import { describe, expect, it } from 'vitest'
import { Links } from '../../../netsim/links/links.ts'
import { manualClock } from '../membership/support.ts'
import { here, there, rig, joined, heard, until, aWhile, bytesOf, Station, type Rig } from './rig.ts'
import type { MultiaddrConnection } from '@libp2p/interface'

describe('a cut', () => {
  it('one way loses nothing that is sent meanwhile: it arrives after healing, whole and in order', async () => {
    const { links, ...rest } = await rig()
    const [near, far] = await joined({ links, ...rest })
    const [atNear, atFar] = [heard(near), heard(far)]
    links.cut([here], [there], { oneWay: true })
    const words = Array.from({ length: 500 }, (_, index) => `${index} `.repeat(index % 50))
    for (const word of words) near.send(bytesOf(word))
    far.send(bytesOf('the other way'))
    await until(() => atNear.text() === 'the other way')
    await aWhile()
    expect(atFar.text()).toBe('')
    links.heal()
    await until(() => atFar.bytes() === words.join('').length)
    expect(atFar.text()).toBe(words.join(''))
  })

  it('both ways is heard by neither side, and leaves others alone', async () => {
    const { links, ...rest } = await rig()
    const [near, far] = await joined({ links, ...rest })
    const other = await new Station(links, '127.9.3.1').listen()
    const third = await other.dial(rest.far)
    const atOther = heard(third)
    const atThird = heard(await rest.far.accepted())
    const [atNear, atFar] = [heard(near), heard(far)]
    links.cut([here], [there])
    near.send(bytesOf('a'))
    far.send(bytesOf('b'))
    third.send(bytesOf('c'))
    await until(() => atThird.text() === 'c')
    await aWhile()
    expect([atNear.text(), atFar.text(), atOther.text()]).toEqual(['', '', ''])
  })

  it('lets no end through: neither an ordinary one nor a reset, until it heals', async () => {
    for (const end of [async (each: MultiaddrConnection) => { await each.close() }, async (each: MultiaddrConnection) => { each.abort(new Error('gone')) }]) {
      const { links, ...rest } = await rig()
      const [near, far] = await joined({ links, ...rest })
      links.cut([here], [there], { oneWay: true })
      await end(near)
      await aWhile()
      // Written into the void, as to a host whose cable is out.
      for (let times = 0; times < 3; times++) {
        far.send(bytesOf('are you there?'))
        await aWhile()
      }
      expect(far.status).toBe('open')
      links.heal()
      await until(() => far.status !== 'open')
    }
  })

  it('lets a side that gives up do so at once', async () => {
    const { links, ...rest } = await rig()
    const [near] = await joined({ links, ...rest })
    links.cut([here], [there])
    near.abort(new Error('enough'))
    expect(near.status).toBe('aborted')
  })

  it('makes dials hang, in both directions where it is one way, until their signal or until it heals', async () => {
    const { links, near, far } = await rig()
    links.cut([here], [there], { oneWay: true })
    for (const [from, to] of [[near, far], [far, near]] as const) {
      const patience = new AbortController()
      const given = from.dial(to, patience.signal)
      let isSettled = false
      const waiting = from.dial(to).finally(() => { isSettled = true })
      await aWhile()
      patience.abort(new Error('waited long enough'))
      await expect(given).rejects.toThrow('waited long enough')
      expect(isSettled).toBe(false)
      if (from === near) waiting.catch(() => {})
      else {
        links.heal()
        expect((await waiting).status).toBe('open')
      }
    }
  })
})

describe('a severed host', () => {
  it('resets its connections at once, is refused to all and by all, and can come back', async () => {
    const { links, near, far } = await rig()
    const [outward] = await joined({ links, near, far } as Rig)
    const inward = await far.dial(near)
    const atNear = await near.accepted()
    const ended = once(inward as unknown as EventTarget, 'close') as Promise<Array<{ error?: Error }>>
    links.sever(here)
    expect([outward.status, atNear.status]).toEqual(['aborted', 'aborted'])
    expect((await ended)[0]?.error?.message).toContain('ECONNRESET')
    for (const [from, to] of [[near, far], [far, near]] as const) {
      await expect(from.dial(to)).rejects.toMatchObject({ code: 'COLONY_HOST_SEVERED' })
    }
    links.restore(here)
    expect((await near.dial(far)).status).toBe('open')
  })

  it('ends dials that waited at a cut', async () => {
    const { links, near, far } = await rig()
    links.cut([here], [there])
    const waiting = near.dial(far)
    await aWhile()
    links.sever(there)
    await expect(waiting).rejects.toMatchObject({ code: 'COLONY_HOST_SEVERED' })
  })

  it('resets what another process, which was not told, still dials', async () => {
    const { links, near } = await rig()
    const stranger = await new Station(new Links({ clock: manualClock() }), there).listen()
    links.sever(here)
    // Reset while it connects, or right after.
    const dialled = await stranger.dial(near).catch(() => undefined)
    await until(() => dialled?.status !== 'open')
  })
})
