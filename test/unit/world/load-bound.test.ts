/** What the checker of bounded load counts: as a gate does, all that an edge takes, and not against it what no gate refuses. */
import { describe, expect, it } from 'vitest'
import { limitDefaults, type Sight } from '../../../netsim/world/checkers/edge-checker.ts'
import { loadBound } from '../../../netsim/world/checkers/load-bound.ts'
import { Verb } from '../../../protocols/fetch/messages.ts'

interface Taken { readonly fills: number, readonly haves: number }

/** Four edges of one region and weight that take so much in each of two windows; says what the checker objects to. */
function findings (...taken: readonly Taken[]): string[] {
  const edges = taken.map((_, index) => ({ index, region: 'here', up: true, peer: `edge-${index}`, members: { self: () => ({ weight: 1 }) } }))
  const found: string[] = []
  const fail = (_name: string, sentence: string): void => { found.push(sentence) }
  const checker = loadBound({ edges, settings: { locate: { loadFactor: 1.25, busyFloorPerSecond: 1 } }, limits: limitDefaults, fail } as unknown as Sight)
  for (let window = 0; window < 2; window++) {
    for (const [edge, { fills, haves }] of taken.entries()) {
      for (let n = 0; n < fills; n++) checker.onAsked?.(edge, { verb: Verb.Fill, last: false }, true)
      for (let n = 0; n < haves; n++) checker.onAsked?.(edge, { verb: Verb.Have, last: false }, true)
    }
    for (let second = 0; second < 10; second++) checker.onLook?.()
  }
  return found
}

describe('the checker of bounded load', () => {
  it('finds one that takes fills far above its share', () => {
    expect(findings({ fills: 250, haves: 0 }, { fills: 50, haves: 0 }, { fills: 50, haves: 0 }, { fills: 50, haves: 0 }))
      .toEqual(['edge-0 has taken 25 asks a second for 20 s; its share of 40 allows 13'])
  })

  it('lets one take nearly all fills while the others are asked as much in other ways', () => {
    expect(findings({ fills: 120, haves: 0 }, { fills: 0, haves: 100 }, { fills: 0, haves: 100 }, { fills: 0, haves: 80 })).toEqual([])
  })

  it('holds nothing against one that is asked only what it may not refuse', () => {
    expect(findings({ fills: 0, haves: 350 }, { fills: 20, haves: 0 }, { fills: 20, haves: 0 }, { fills: 10, haves: 0 })).toEqual([])
  })
})
