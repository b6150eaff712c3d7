/**
 * Simulated links over real TCP sockets, without libp2p's encryption and multiplexing above: what is read,
 * when, and what is not. Time moves only when told, so that nothing is a question of speed.
 */
import { describe, expect, it } from 'vitest'
import { Links } from '../../../netsim/links/links.ts'
import { here, there, rig, joined, heard, until, aWhile, bytesOf, Station } from './rig.ts'
import type { MultiaddrConnection } from '@libp2p/interface'

describe('a link', () => {
  it('without delay and cut hands on what comes, and each side sees the other\'s host', async () => {
    const [near, far] = await joined(await rig())
    const [atNear, atFar] = [heard(near), heard(far)]
    near.send(bytesOf('question'))
    await until(() => atFar.text() === 'question')
    far.send(bytesOf('answer'))
    await until(() => atNear.text() === 'answer')
    expect(far.remoteAddr.toString()).toMatch(new RegExp(`^/ip4/${here}/tcp/`))
    expect(near.remoteAddr.toString()).toMatch(new RegExp(`^/ip4/${there}/tcp/`))
    await near.close()
    await until(() => far.status === 'closed')
  })

  it('hands on what came over a slow way after the delay, in its order, the end last', async () => {
    let delayMs = 0
    const { clock, ...rest } = await rig({ delayMs: (from, to) => from === here && to === there ? delayMs : 0 })
    const [near, far] = await joined({ clock, ...rest })
    const [atNear, atFar] = [heard(near), heard(far)]
    delayMs = 100
    near.send(bytesOf('first '))
    await until(() => clock.pending() === 1)
    await clock.advance(60)
    // Faster than what went before, but it does not overtake.
    delayMs = 0
    near.send(bytesOf('second'))
    await near.close()
    await aWhile()
    await clock.advance(39)
    expect(atFar.text()).toBe('')
    expect(far.status).toBe('open')
    await clock.advance(1)
    expect(atFar.text()).toMatch(/^first /)
    await until(() => far.status === 'closed')
    expect([atFar.text(), atNear.text()]).toEqual(['first second', ''])
  })

  it('hears of an end after the delay, be it an ordinary one or a reset', async () => {
    for (const end of [async (each: MultiaddrConnection) => { await each.close() }, async (each: MultiaddrConnection) => { each.abort(new Error('gone')) }]) {
      let delayMs = 0
      const { clock, ...rest } = await rig({ delayMs: () => delayMs })
      const [near, far] = await joined({ clock, ...rest })
      const atFar = heard(far)
      delayMs = 100
      near.send(bytesOf('last words'))
      await until(() => clock.pending() > 0)
      delayMs = 50
      await end(near)
      await aWhile()
      await clock.advance(99)
      far.send(bytesOf('said to nobody'))
      far.pause()
      far.resume()
      expect([far.status, atFar.text()]).toEqual(['open', ''])
      await clock.advance(1)
      expect(atFar.text()).toBe('last words')
      await until(() => far.status !== 'open', async () => { await clock.advance(10) })
    }
    let delayMs = 0
    const { clock, ...rest } = await rig({ delayMs: () => delayMs })
    const [near, far] = await joined({ clock, ...rest })
    heard(far)
    delayMs = 100
    near.abort(new Error('without a word'))
    await until(() => clock.pending() > 0)
    await clock.advance(99)
    expect(far.status).toBe('open')
    await clock.advance(1)
    expect(far.status).toBe('aborted')
  })

  it('is slow in one direction only where the delay is', async () => {
    let delayMs = 0
    const slow = await rig({ delayMs: (from) => from === here ? delayMs : 0 })
    const [near, far] = await joined(slow)
    delayMs = 100
    const atNear = heard(near)
    far.send(bytesOf('quick'))
    await until(() => atNear.text() === 'quick')
  })

  it('is over when the other end goes, also after its own closing was given up', async () => {
    const [near, far] = await joined(await rig())
    near.send(Buffer.alloc(16 * 1024 * 1024))
    const patience = new AbortController()
    const closing = near.close({ signal: patience.signal })
    patience.abort(new Error('waited long enough'))
    await expect(closing).rejects.toThrow()
    expect(near.status).toBe('closing')
    far.abort(new Error('gone'))
    await until(() => near.status === 'aborted')
  })

  it('takes a round trip to dial', async () => {
    const { clock, near, far } = await rig({ delayMs: (from) => from === here ? 30 : 50 })
    let isOpen = false
    const dialling = near.dial(far).then(() => { isOpen = true })
    await until(() => clock.pending() > 0)
    await clock.advance(79)
    expect(isOpen).toBe(false)
    await clock.advance(1)
    await dialling
  })

  it('holds no more than its window: the sender feels it, and nothing is lost', async () => {
    let delayMs = 0
    const heldBytesMax = 256 * 1024
    const { clock, ...rest } = await rig({ delayMs: () => delayMs, settings: { heldBytesMax } })
    const [near, far] = await joined({ clock, ...rest })
    delayMs = 100
    const all = Buffer.alloc(48 * 1024 * 1024)
    for (let at = 0; at < all.byteLength; at += 4) all.writeUInt32LE(at, at)
    let at = 0
    let isSent = false
    const received: Buffer[] = []
    far.addEventListener('message', ({ data }) => { received.push(Buffer.from(data.subarray())) })
    void (async () => {
      while (at < all.byteLength) {
        const chunk = all.subarray(at, at += 64 * 1024)
        // Not `onDrain`: utils 7.4.1 resolves it once and for all.
        if (!near.send(chunk)) await new Promise((resolve) => { near.addEventListener('drain', resolve, { once: true }) })
      }
      isSent = true
    })()
    await aWhile()
    expect(isSent).toBe(false)
    const length = (): number => received.reduce((sum, { byteLength }) => sum + byteLength, 0)
    expect(length()).toBe(0)
    let most = 0
    while (length() < all.byteLength) {
      const before = length()
      await until(() => clock.pending() > 0)
      await clock.advance(100)
      most = Math.max(most, length() - before)
    }
    // Two windows: advancing lets the socket flow between what falls due.
    expect(most).toBeLessThan(4 * heldBytesMax)
    expect(Buffer.concat(received).equals(all)).toBe(true)
  })

  it('hands on nothing to a reader that has paused, and all of it afterwards', async () => {
    let delayMs = 0
    const { clock, ...rest } = await rig({ delayMs: () => delayMs })
    const [near, far] = await joined({ clock, ...rest })
    const atFar = heard(far)
    delayMs = 10
    near.send(bytesOf('first '))
    await until(() => clock.pending() > 0)
    far.pause()
    near.send(bytesOf('second'))
    await near.close()
    await aWhile()
    await clock.advance(100)
    expect([far.status, atFar.text()]).toEqual(['open', ''])
    far.resume()
    expect(atFar.text()).toBe('first ')
    await until(() => far.status === 'closed', async () => { await clock.advance(10) })
    expect(atFar.text()).toBe('first second')
  })

  it('keeps for a reader that has paused what came before the end', async () => {
    let delayMs = 0
    const { clock, ...rest } = await rig({ delayMs: () => delayMs })
    const [near, far] = await joined({ clock, ...rest })
    const atFar = heard(far)
    delayMs = 10
    near.send(bytesOf('all'))
    await near.close()
    await until(() => clock.pending() > 0)
    await aWhile()
    far.pause()
    await clock.advance(100)
    expect([far.status, atFar.text()]).toEqual(['open', ''])
    far.resume()
    expect(atFar.text()).toBe('all')
    await until(() => far.status === 'closed', async () => { await clock.advance(10) })
  })

  it('leaves what comes in the kernel when its reader pauses while what had waited is handed on', async () => {
    let delayMs = 10
    const { links, clock, near, far } = await rig({ delayMs: () => delayMs })
    const dialling = near.dial(far)
    const atFar = await far.accepted()
    // Before the dialler's end is a link, and then a cut: it waits in the connection below.
    atFar.send(bytesOf('early'))
    await aWhile()
    links.cut([there], [here], { oneWay: true })
    delayMs = 0
    await clock.advance(20)
    const atNear = await dialling
    let text = ''
    atNear.addEventListener('message', ({ data }) => {
      text += Buffer.from(data.subarray()).toString('latin1').slice(0, 5)
      atNear.pause()
    })
    links.heal()
    await until(() => text === 'early')
    // More than libp2p lets anyone buffer unread.
    atFar.send(Buffer.alloc(8 * 1024 * 1024))
    await aWhile()
    expect([atNear.status, text]).toEqual(['open', 'early'])
  })

  it('hands on what becomes due at the very moment that it is looked at', async () => {
    // Time moves whenever somebody asks for it, as it may on a busy machine.
    for (let delayMs = 1; delayMs <= 12; delayMs++) {
      let nowMs = 0
      const clock = { nowMs: () => ++nowMs, wallMs: () => nowMs, random: () => 0.5, after: (_delayMs: number, callback: () => void) => {
        const timer = setTimeout(callback, 1)
        return () => { clearTimeout(timer) }
      } }
      const links = new Links({ clock, delayMs: () => delayMs })
      const near = await new Station(links, here).listen()
      const far = await new Station(links, there).listen()
      const from = await near.dial(far)
      const to = heard(await far.accepted())
      from.send(bytesOf('one'))
      await until(() => to.text() === 'one')
    }
  })
})
