/** Fences: two majorities always meet, so no edge is current without a purge that is told as done. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Fences, majority, mayOutvote, type View } from '../../../protocols/purge/fences.ts'

const settings = { leaseMs: 100 }
const fencesOf = (self: string, region: string, view: View, nowMs = 0): Fences => {
  const fences = new Fences({ self, region, settings, nowMs, expectsOthers: false })
  fences.see(view)
  return fences
}
const viewOf = (sizes: readonly number[]): View => new Map(sizes.map((size, region) => [`r${region}`, new Set(Array.from({ length: size }, (_, index) => `r${region}e${index}`))]))

interface Step { readonly asks: number, readonly asked: number, readonly passMs: number, readonly delayMs: number }
const steps: fc.Arbitrary<Step[]> = fc.array(fc.record({ asks: fc.nat(99), asked: fc.nat(99), passMs: fc.oneof({ weight: 8, arbitrary: fc.nat(4) }, { weight: 1, arbitrary: fc.nat(60) }), delayMs: fc.nat(40) }), { minLength: 20, maxLength: 400 })

describe('an edge is current', () => {
  it('never without a purge, a lease after those without it were outvoted, whoever asked whom', () => {
    let closed = 0
    let currentWithout = 0
    fc.assert(fc.property(fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 4 }), steps, fc.nat(99), fc.nat(1_000), (sizes, all, issuer, orderAfter) => {
      const view = viewOf(sizes)
      const edges = [...view].flatMap(([region, peers]) => [...peers].map((peer) => ({ peer, fences: fencesOf(peer, region, view), has: false })))
      const answers: Array<{ atMs: number, run: () => void }> = []
      let nowMs = 0
      let outvotedAtMs = Infinity
      const pass = (untilMs: number): void => {
        for (;;) {
          const next = answers.sort((one, other) => one.atMs - other.atMs)[0]
          if (next === undefined || next.atMs > untilMs) break
          answers.shift()
          nowMs = Math.max(nowMs, next.atMs)
          next.run()
          look()
        }
        nowMs = untilMs
        look()
      }
      const look = (): void => {
        if (outvotedAtMs === Infinity && edges.some(({ has }) => has) && !mayOutvote(view, (peer) => !edges.find((each) => each.peer === peer)!.has)) outvotedAtMs = nowMs
        for (const { fences, has } of edges) {
          if (!fences.isCurrent(nowMs)) continue
          if (!has && edges.some((each) => each.has)) currentWithout++
          expect(has || nowMs < outvotedAtMs + settings.leaseMs).toBe(true)
        }
        if (nowMs >= outvotedAtMs + settings.leaseMs && edges.some(({ has }) => !has)) closed++
      }
      for (const [index, { asks, asked, passMs, delayMs }] of all.entries()) {
        pass(nowMs + passMs)
        if (index === orderAfter % all.length) edges[issuer % edges.length]!.has = true
        const [one, other] = [edges[asks % edges.length]!, edges[asked % edges.length]!]
        if (one === other) continue
        const askedMs = nowMs
        answers.push({
          atMs: nowMs + delayMs / 2,
          run: () => {
            const [has, ages] = [other.has, other.fences.ages(nowMs)]
            answers.push({
              atMs: nowMs + delayMs / 2,
              run: () => {
                one.has ||= has
                one.fences.heard(other.peer, askedMs, ages)
              }
            })
          }
        })
      }
      pass(nowMs + 500)
    }), { numRuns: 400 })
    // Else nothing was tried.
    expect(closed).toBeGreaterThan(100)
    expect(currentWithout).toBeGreaterThan(100)
  })

  it('while it has heard of a majority of regions within the lease, each by a majority of its edges or one that has', () => {
    const view = viewOf([3, 3, 3])
    const fences = fencesOf('r0e0', 'r0', view)
    expect(fences.isCurrent(0)).toBe(false)
    fences.heard('r0e1', 10, [])
    expect(fences.isCurrent(10)).toBe(false)
    fences.heard('r1e1', 10, [])
    expect(fences.isCurrent(10)).toBe(false)
    fences.heard('r0e2', 10, [['r1', 20]])
    expect([10, 89, 90].map((nowMs) => fences.isCurrent(nowMs))).toEqual([true, true, false])
    expect(fences.standing(500)).toEqual({ kind: 'fenced', sinceMs: 90 })
  })

  it('at once in a colony of one, unless it was told whom to join', () => {
    expect(fencesOf('a', 'r', new Map([['r', new Set(['a'])]])).isCurrent(1e9)).toBe(true)
    const joining = new Fences({ self: 'r0e0', region: 'r0', settings, nowMs: 5, expectsOthers: true })
    expect(joining.standing(1e9)).toEqual({ kind: 'fenced', sinceMs: 5 })
    joining.see(viewOf([2]))
    joining.heard('r0e1', 10, [])
    expect(joining.isCurrent(20)).toBe(true)
  })

  it('not in either half of an even split, nor with one of two regions; where the others take their leave it is', () => {
    const heardAll = (fences: Fences, peers: readonly string[]): void => { for (const peer of peers) fences.heard(peer, 10, []) }
    const half = fencesOf('r0e0', 'r0', viewOf([6]))
    heardAll(half, ['r0e1', 'r0e2'])
    expect(half.isCurrent(20)).toBe(false)
    half.see(viewOf([5]))
    expect(half.isCurrent(20)).toBe(true)

    const oneOfTwo = fencesOf('r0e0', 'r0', viewOf([2, 2]))
    heardAll(oneOfTwo, ['r0e1'])
    expect(oneOfTwo.isCurrent(20)).toBe(false)
    oneOfTwo.see(new Map([['r0', new Set(['r0e0', 'r0e1'])]]))
    expect(oneOfTwo.isCurrent(20)).toBe(true)
  })

  it('only by more than half', () => {
    expect([1, 2, 3, 4, 5].map(majority)).toEqual([1, 2, 2, 3, 3])
    expect(mayOutvote(viewOf([2, 2, 2]), (peer) => peer.startsWith('r0'))).toBe(false)
    expect(mayOutvote(viewOf([2, 2]), (peer) => peer.startsWith('r0'))).toBe(false)
    expect(mayOutvote(viewOf([2, 2, 2]), (peer) => !peer.startsWith('r0'))).toBe(true)
  })
})
