/** Proofs of life: who can make them, who is believed, how long they are passed on. */
import { describe, expect, it } from 'vitest'
import { decodePulses, encodePulses, pulsesMax } from '../../../protocols/membership/pulse.ts'
import { Pulses } from '../../../protocols/membership/pulses.ts'

function subject (fill: number): Pulses { return new Pulses(() => new Uint8Array(32).fill(fill)) }

/** `subject`, and another edge that holds its announcement. */
function pair (): { a: Pulses, b: Pulses } {
  const [a, b] = [subject(1), subject(2)]
  b.follow('a', a.anchor(), 7)
  return { a, b }
}

describe('proofs of life', () => {
  it('are believed once each, in any number of steps, and survive the wire', () => {
    const { a, b } = pair()
    for (let count = 0; count < 5; count++) a.beat('a', 7, count)
    const [pulse] = decodePulses(encodePulses(a.newsFor('b', 0)))
    expect(pulse).toMatchObject({ count: 5, sequence: 7 })
    expect(b.receive(pulse!, 'a', 10)).toMatchObject({ standing: 'news', peer: 'a', behind: false })
    expect(b.receive(pulse!, 'a', 11).standing).toBe('old')
  })

  it('cannot be made from those that were heard', () => {
    const { a, b } = pair()
    a.beat('a', 7, 0)
    const [pulse] = a.newsFor('b', 0)
    expect(b.receive({ ...pulse!, count: 2 }, 'x', 1).standing).toBe('forged')
    expect(b.receive({ ...pulse!, value: new Uint8Array(16) }, 'x', 1).standing).toBe('forged')
    expect(b.receive({ ...pulse!, count: pulsesMax + 1 }, 'x', 1).standing).toBe('forged')
    expect(b.receive(pulse!, 'x', 1).standing).toBe('news')
  })

  it('are not taken for those of another that announces the same chain', () => {
    const { a, b } = pair()
    b.follow('thief', a.anchor(), 1)
    a.beat('a', 7, 0)
    expect(b.receive(a.newsFor('b', 0)[0]!, 'thief', 1)).toMatchObject({ peer: 'a' })
  })

  it('are passed on while they are fresh, and not to whom they came from or speak of', () => {
    const { a, b } = pair()
    a.beat('a', 7, 0)
    b.receive(a.newsFor('b', 0)[0]!, 'c', 100)
    expect([b.newsFor('d', 100), b.newsFor('d', 101), b.newsFor('c', 0), b.newsFor('a', 0)].map(({ length }) => length)).toEqual([1, 0, 0, 0])
  })

  it('show that an announcement was missed, and begin a new chain when one is used up', () => {
    const { a, b } = pair()
    a.beat('a', 8, 0)
    expect(b.receive(a.newsFor('b', 0)[0]!, 'a', 1).behind).toBe(true)
    const anchor = a.anchor()
    for (let count = 1; count < pulsesMax; count++) a.beat('a', 8, count)
    expect([a.isUsedUp(), Buffer.compare(a.anchor(), anchor) === 0 ? 'same seed' : 'new']).toEqual([true, 'same seed'])
    expect(a.isUsedUp()).toBe(false)
  })
})
