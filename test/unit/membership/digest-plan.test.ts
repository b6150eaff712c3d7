import { describe, expect, it } from 'vitest'
import { DigestPlan } from '../../../protocols/membership/digest-plan.ts'
import { membershipDefaults } from '../../../protocols/membership/settings.ts'

const minute = 60_000
const { firstDigestMs, digestDelayMs, digestIntervalMaxMs } = membershipDefaults

function plan (rests = true): DigestPlan {
  return new DigestPlan({ settings: membershipDefaults, nowMs: 0, gapMs: () => 500, intervalMs: () => minute, spread: (ms) => ms, rests })
}

/** When the whole region is told of, up to `endMs`. */
function fullUntil (digests: DigestPlan, endMs: number): number[] {
  const at: number[] = []
  for (let nowMs = digests.nextMs; nowMs <= endMs; nowMs = digests.nextMs) if (digests.take(nowMs).full) at.push(nowMs)
  return at
}

describe('the whole region is told', () => {
  it('ever more seldom while nothing changes, up to a longest interval', () => {
    const at = fullUntil(plan(), 120 * minute).map((ms) => (ms - firstDigestMs) / minute)
    expect(at).toEqual([0, 1, 3, 7, 15, 31, 47, 63, 79, 95, 111])
    expect(digestIntervalMaxMs).toBe(16 * minute)
  })

  it('as often as ever where digests are signs of life', () => {
    expect(fullUntil(plan(false), 10 * minute)).toHaveLength(10)
  })

  it('soon again after a change, also of what a digest of changes leaves out', () => {
    const changing: Array<(digests: DigestPlan, nowMs: number) => void> = [(digests, nowMs) => { digests.change('a', nowMs) }, (digests, nowMs) => { digests.stir(nowMs) }]
    for (const change of changing) {
      const digests = plan()
      fullUntil(digests, 40 * minute)
      change(digests, 41 * minute)
      expect(fullUntil(digests, 48 * minute).map((ms) => ms / minute)).toEqual([42, 43, 45])
    }
  })
})

it('what changed is told once, after a moment, and not more often than digests may come', () => {
  const digests = plan()
  digests.take(digests.nextMs)
  digests.change('a', 2_000)
  expect(digests.nextMs).toBe(2_000 + digestDelayMs)
  digests.change('b', 2_100)
  expect(digests.take(digests.nextMs)).toEqual({ full: false, changed: new Set(['a', 'b']) })
  digests.change('c', 2_300)
  expect(digests.nextMs).toBe(2_000 + digestDelayMs + 500)
  expect(digests.take(digests.nextMs)).toEqual({ full: false, changed: new Set(['c']) })
})

it('nothing is due after the end, and all at once after a new beginning', () => {
  const digests = plan()
  digests.end()
  expect(digests.nextMs).toBe(Infinity)
  digests.restart(5)
  expect(digests.take(digests.nextMs).full).toBe(true)
})
