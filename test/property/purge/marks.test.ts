import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { markDefaults, Marks, Purged, type Place, type Subject } from '../../../protocols/purge/marks.ts'
import { anyTag } from '../../../protocols/purge/tags.ts'

const sites = ['a', 'b'] as const
const hosts = ['h1', 'h2'] as const
const targets = ['/', '/x', '/x?q=1', '/x?q=2', '/x/y', '/x/y/z?q', '/xy', '/w/'] as const
const scope = fc.constantFrom('', ...sites, ...sites.flatMap((site) => hosts.map((host) => `${site}|${host}`)))
const place: fc.Arbitrary<Place> = fc.oneof(
  fc.record({ scope, kind: fc.constantFrom('target', 'prefix'), text: fc.constantFrom(...targets) }),
  fc.record({ scope, kind: fc.constant('path'), text: fc.constantFrom(...targets.map((target) => target.split('?')[0]!)) }),
  fc.record({ scope, kind: fc.constant('tag'), tag: fc.constantFrom(1, 2, 3) }),
  fc.record({ scope, kind: fc.constant('all') })
) as fc.Arbitrary<Place>
const purge = fc.record({ places: fc.array(place, { minLength: 1, maxLength: 3 }), soft: fc.boolean() })
const object = fc.record({
  site: fc.constantFrom(...sites),
  host: fc.constantFrom(undefined, ...hosts),
  target: fc.constantFrom(...targets),
  tags: fc.constantFrom(undefined, [], [1], [2, 3], [1, anyTag])
})
const steps = fc.array(fc.oneof({ weight: 3, arbitrary: purge }, { weight: 2, arbitrary: object }), { maxLength: 40 })

interface Kept { readonly epoch: number, readonly soft: boolean, readonly places: readonly Place[] }

/** The definition, purge by purge. */
function naive (purges: readonly Kept[], subject: Subject): Purged {
  const fitting = purges.filter(({ epoch, places }) => epoch > subject.epoch && places.some((each) => fits(each, subject)))
  return fitting.some(({ soft }) => !soft) ? Purged.Hard : fitting.length > 0 ? Purged.Soft : Purged.None
}

function fits (each: Place, { site, host, target, tags }: Subject): boolean {
  const [ofSite, ofHost] = each.scope.split('|')
  if (ofSite !== '' && ofSite !== site) return false
  // Of which host it is nobody knows: any purge of one is taken for its own.
  if (ofHost !== undefined && host === undefined) return true
  if (ofHost !== undefined && ofHost !== host) return false
  switch (each.kind) {
    case 'all': return true
    case 'target': return target === each.text
    case 'path': return target.split('?')[0] === each.text
    case 'prefix': return target.startsWith(each.text)
    case 'tag': return tags === undefined || tags.includes(anyTag) || tags.includes(each.tag)
  }
}

/** Plays the steps. @returns the purges as they were numbered, and the objects as they were stamped */
function play (marks: Marks, all: ReadonlyArray<typeof steps extends fc.Arbitrary<Array<infer Step>> ? Step : never>): { purges: Kept[], objects: Subject[] } {
  const purges: Kept[] = []
  const objects: Subject[] = []
  for (const step of all) {
    if ('places' in step) purges.push({ ...step, epoch: marks.apply(step.places, { soft: step.soft, atMs: purges.length }) })
    else objects.push({ ...step, epoch: marks.epoch })
  }
  return { purges, objects }
}

const rank = { none: 0, soft: 1, hard: 2 } as const

describe('marks of purges', () => {
  it('purge exactly what was fetched before and fits', () => {
    fc.assert(fc.property(steps, (all) => {
      const marks = new Marks()
      const { purges, objects } = play(marks, all)
      for (const each of objects) expect(marks.isPurged(each)).toBe(naive(purges, each))
    }))
  })

  it('say the same when they are restored in any order, some of them twice', () => {
    fc.assert(fc.property(steps, fc.infiniteStream(fc.nat()), (all, order) => {
      const { purges, objects } = play(new Marks(), all)
      const shuffled = [...purges, ...purges.slice(0, 3)].map((each) => [order.next().value as number, each] as const).sort(([one], [other]) => one - other)
      const marks = new Marks()
      for (const [, { places, epoch, soft }] of shuffled) marks.restore(places, epoch, { soft, atMs: epoch })
      for (const each of objects) expect(marks.isPurged(each)).toBe(naive(purges, each))
    }))
  })

  it('are few, and purge no less, when there were too many', () => {
    fc.assert(fc.property(steps, fc.integer({ min: 2, max: 12 }), (all, marksMax) => {
      const marks = new Marks({ ...markDefaults, marksMax })
      const { purges, objects } = play(marks, all)
      for (const each of objects) expect(rank[marks.isPurged(each)]).toBeGreaterThanOrEqual(rank[naive(purges, each)])
      expect(marks.size).toBeLessThanOrEqual(marksMax)
      // Nor do they touch what came after all of them.
      for (const each of objects) expect(marks.isPurged({ ...each, epoch: marks.epoch })).toBe(Purged.None)
    }))
  })

  it('mean the same to what is younger, once those before an epoch have been dealt with', () => {
    fc.assert(fc.property(steps, fc.nat(40), (all, epoch) => {
      const marks = new Marks()
      const { purges, objects } = play(marks, all)
      marks.settle(epoch)
      for (const each of objects) if (each.epoch >= epoch) expect(marks.isPurged(each)).toBe(naive(purges, each))
      marks.settle(marks.epoch)
      expect(marks.size).toBe(0)
      for (const each of objects) expect(marks.isPurged(each)).toBe(Purged.None)
    }))
  })
})
