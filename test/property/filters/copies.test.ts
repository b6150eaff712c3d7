/** A sender and a receiver over a network that loses, repeats and reorders: in the end the copy is equal, or known not to be. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Holdings } from '../../../protocols/filters/holdings.ts'
import { decodeUpdate, updateHead, type Update } from '../../../protocols/filters/messages.ts'
import { Neighbours, type Outcome } from '../../../protocols/filters/neighbours.ts'
import { decodeHead, encodeHead } from '../../../protocols/wire.ts'
import { keyAt, settingsWith } from '../../unit/filters/support.ts'

const peer = 'sender'
/** Small pages and tables, so that everything comes in several pages and grows. */
const settings = settingsWith({ messageBytesMax: 600, keysMax: 700, falsePositiveRate: 0.001 })

const toggle = fc.array(fc.nat({ max: 600 }), { minLength: 1, maxLength: 200 }).map((numbers) => ({ kind: 'toggle' as const, numbers }))
const tell = fc.constant({ kind: 'tell' as const })
const ask = fc.constant({ kind: 'ask' as const })
/** To a message on its way, by its place among them. */
const fate = fc.record({ kind: fc.constantFrom('deliver' as const, 'repeat' as const, 'lose' as const), at: fc.nat() })

class Pair {
  readonly holdings = new Holdings({ self: peer, incarnation: 7, settings })
  readonly neighbours = new Neighbours(settings)
  readonly held = new Set<number>()

  toggle (numbers: readonly number[]): void {
    for (const number of numbers) {
      if (this.held.delete(number)) this.holdings.delete(keyAt(number))
      else if (this.held.size < settings.keysMax) {
        this.held.add(number)
        this.holdings.add(keyAt(number))
      }
    }
  }

  /** By way of the wire. */
  deliver (update: Update): Outcome {
    const bytes = encodeHead(updateHead(update))
    expect(bytes.byteLength).toBeLessThanOrEqual(settings.messageBytesMax)
    return this.neighbours.apply(peer, decodeUpdate(decodeHead(bytes)))
  }

  ask (): Outcome[] {
    return this.holdings.fullPages().map((page) => this.deliver(page))
  }

  expectEqual (): void {
    expect(this.neighbours.isCurrent(peer)).toBe(true)
    for (const number of this.held) expect(this.neighbours.has(peer, keyAt(number)), `key ${number}`).toBe(true)
    const still = this.holdings.still()
    if (still !== undefined) expect(this.deliver(still)).toBe('applied')
  }
}

describe('a copy of a filter', () => {
  it('is equal in the end, whatever was lost, repeated and reordered: a gap shows at the next message, and the whole table closes it', () => {
    fc.assert(fc.property(fc.array(fc.oneof(toggle, tell, tell, ask, fate, fate, fate), { maxLength: 60 }), (steps) => {
      const pair = new Pair()
      let underWay: Update[] = []
      for (const step of steps) {
        if (step.kind === 'toggle') pair.toggle(step.numbers)
        else if (step.kind === 'tell') underWay.push(...pair.holdings.takeChanges())
        else if (step.kind === 'ask') pair.ask()
        else if (underWay.length > 0) {
          const at = step.at % underWay.length
          if (step.kind !== 'lose') pair.deliver(underWay[at]!)
          if (step.kind !== 'repeat') underWay = underWay.toSpliced(at, 1)
        }
      }
      pair.toggle([1_000])
      const last = pair.holdings.takeChanges().map((update) => pair.deliver(update))
      expect(last).not.toContain('rejected')
      if (!pair.neighbours.isCurrent(peer)) expect(pair.ask()).not.toContain('rejected')
      pair.expectEqual()
    }), { numRuns: 300 })
  })

  it('never misses anything where nothing is lost, at whatever moment the whole table was given, pages in any order', () => {
    fc.assert(fc.property(fc.array(fc.oneof(toggle, tell, ask), { maxLength: 40 }), fc.boolean(), (steps, reversed) => {
      const pair = new Pair()
      pair.ask()
      for (const step of steps) {
        if (step.kind === 'toggle') {
          pair.toggle(step.numbers)
          continue
        }
        const updates = step.kind === 'tell' ? pair.holdings.takeChanges() : pair.holdings.fullPages()
        const outcomes = (reversed ? updates.toReversed() : updates).map((update) => pair.deliver(update))
        for (const outcome of outcomes) expect(['applied', step.kind === 'ask' ? 'stale' : 'applied']).toContain(outcome)
      }
      for (const update of pair.holdings.takeChanges()) expect(pair.deliver(update)).toBe('applied')
      pair.expectEqual()
    }), { numRuns: 200 })
  })
})
