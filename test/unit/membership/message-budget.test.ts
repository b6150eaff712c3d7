/** A region of 300 edges in virtual time: what its topic carries. */
import { describe, expect, it } from 'vitest'
import { membersOf, unsigned } from './support.ts'
import type { SignedAnnouncement } from '../../../protocols/membership/announcement.ts'
import { membershipDefaults } from '../../../protocols/membership/settings.ts'

const edges = 300
const seed = 20261120

/** Mulberry32: the same seed, the same run. */
function generator (state: number): () => number {
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296
  }
}

describe(`a region of ${edges} edges (seed ${seed})`, () => {
  it('carries about 10 messages a second on its topic, and loses nobody', () => {
    const random = generator(seed)
    const region = Array.from({ length: edges }, (_, index) => membersOf(`edge ${String(index).padStart(3, '0')}`, { random }))
    const sentAtMs: number[] = []
    for (let nowMs = 0; nowMs <= 150_000; nowMs = Math.min(...region.map((members) => members.nextDeadline()))) {
      const messages: SignedAnnouncement[] = []
      for (const members of region) {
        if (members.nextDeadline() > nowMs) continue
        const { announce, digest } = members.tick(nowMs)
        if (digest) members.takeDigest(nowMs)
        if (announce === undefined) continue
        sentAtMs.push(nowMs)
        const message = unsigned(announce)
        members.keepOwn(message, nowMs)
        messages.push(message)
      }
      for (const message of messages) for (const members of region) members.receive(message, nowMs)
    }
    for (const members of region) expect(members.live()).toHaveLength(edges)
    // All start in the same millisecond with the promise of a small region; once that is kept, the budget holds.
    const settledMs = 10_000
    const { topicMessagesPerSecondMax } = membershipDefaults
    const settled = sentAtMs.filter((atMs) => atMs > settledMs)
    expect(settled.length / (150 - settledMs / 1_000)).toBeLessThan(topicMessagesPerSecondMax * 1.1)
    for (let fromMs = settledMs; fromMs < 140_000; fromMs += 10_000) {
      const inWindow = settled.filter((atMs) => atMs >= fromMs && atMs < fromMs + 10_000).length
      expect(inWindow / 10).toBeLessThan(topicMessagesPerSecondMax * 1.6)
    }
  })
})
