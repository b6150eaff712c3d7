/** Whatever membership says, in whatever order: the ladder follows from the last word, and never runs ahead of it. */
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { PartitionDetector, Rung, type View } from '../../../protocols/partition/detector.ts'

const peers = ['e1', 'e2', 'e3', 'a1', 'a2', 'n1']
const regionOf = (peer: string): string => peer[0]!
const presence = fc.constantFrom('here', 'silent', 'left')
const words = fc.array(fc.record({ presences: fc.tuple(presence, presence, presence, presence, presence), afterMs: fc.nat(4_000) }), { minLength: 1, maxLength: 30 })
type Words = ReadonlyArray<{ readonly presences: readonly string[], readonly afterMs: number }>

/** Everybody was seen once, as membership remembers only such. */
function run (all: Words, each: (detector: PartitionDetector, view: View, nowMs: number, isChange: boolean) => void): void {
  const detector = new PartitionDetector({ self: 'e1', region: 'e', nowMs: 0, settings: { settleMs: 2_000 } })
  detector.look({ members: peers.map((peer) => ({ peer, region: regionOf(peer) })), missed: [], isLinked: () => true }, 0)
  const gone = new Set<string>()
  let nowMs = 0
  for (const { presences, afterMs } of all) {
    nowMs += afterMs
    const of = (what: string): string[] => peers.filter((peer, index) => (index === 0 ? 'here' : presences[index - 1]) === what)
    for (const peer of of('left')) gone.add(peer)
    for (const peer of of('here')) gone.delete(peer)
    const view = { members: of('here').map((peer) => ({ peer, region: regionOf(peer) })), missed: of('silent').filter((peer) => !gone.has(peer)), isLinked: () => true }
    each(detector, view, nowMs, detector.look(view, nowMs))
  }
}

/** The ladder as the issue has it, without a memory. */
function due ({ members, missed }: View): Rung {
  const seen = members.slice(1)
  if (seen.length === 0 && missed.length > 0) return Rung.Alone
  const abroad = (peer: string): boolean => regionOf(peer) !== 'e'
  return missed.some(abroad) && !seen.some(({ peer }) => abroad(peer)) ? Rung.Region : Rung.Mesh
}

it('comes to stand on the rung that is due once that has been so for long enough, and tells each change once', () => {
  fc.assert(fc.property(words, (all) => {
    let rung: Rung = Rung.Mesh
    let otherSinceMs: number | undefined
    run(all, (detector, view, nowMs, isChange) => {
      expect(isChange).toBe(detector.rung !== rung)
      if (due(view) === rung) otherSinceMs = undefined
      else otherSinceMs ??= nowMs
      const isDue = otherSinceMs !== undefined && nowMs - otherSinceMs >= 2_000
      expect(detector.rung).toBe(isDue ? due(view) : rung)
      if (isDue) otherSinceMs = undefined
      rung = detector.rung
    })
  }))
})

it('counts every member once: here, silent or gone; and sees a majority of at most one side of a split', () => {
  fc.assert(fc.property(words, (all) => {
    run(all, (detector, view, nowMs) => {
      const { regions, majority } = detector.sight(nowMs)
      expect(regions.reduce((sum, { here }) => sum + here, 0)).toBe(view.members.length)
      expect(regions.reduce((sum, { silent }) => sum + silent, 0)).toBe(view.missed.length)
      const own = regions.find(({ region }) => region === 'e')!
      // What the silent ones would see, if they saw each other.
      expect(majority && own.silent > own.here).toBe(false)
      expect(majority).toBe(2 * own.here > own.here + own.silent)
      expect(regions.every(({ here, silent, linked, forMs }) => here + silent > 0 && linked <= here && forMs >= 0)).toBe(true)
    })
  }))
})
