/** The owner's side of reports, step by step. */
import { describe, expect, it } from 'vitest'
import { Holders } from '../../../protocols/directory/holders.ts'
import { Intake } from '../../../protocols/directory/intake.ts'
import { contentKey, type ContentKey } from '../../../protocols/ids.ts'
import type { Report } from '../../../protocols/directory/messages.ts'

const [a, b, c] = ['/a', '/b', '/c'].map((path) => contentKey('site', path)) as [ContentKey, ContentKey, ContentKey]
const again = { kind: 'again' }

function intake (): { directory: Holders, intake: Intake, held: (peer?: string) => ContentKey[] } {
  const directory = new Holders({ entriesMax: 1_000, keysPerHolderMax: 1_000, holdersPerKeyMax: 8 })
  const held = (peer = 'one'): ContentKey[] => [a, b, c].filter((key) => directory.holders(key).includes(peer))
  return { directory, intake: new Intake(directory, { toldKeepMs: 60_000 }), held }
}

function step (session: number, sequence: number, changes: Partial<Report> = {}): Report {
  return { session, sequence, complete: false, added: [], dropped: [], ...changes }
}

describe('the taking of reports', () => {
  it('asks for everything again when it does not know the session, or missed a step of it', () => {
    const { intake: owner, held } = intake()
    expect(owner.report('one', step(1, 3, { added: [a] }))).toEqual(again)
    expect(owner.report('one', step(1, 0, { added: [a] }))).toEqual({ kind: 'ok', count: 1 })
    expect(owner.report('one', step(1, 2, { added: [b] }))).toEqual(again)
    expect(owner.report('one', step(2, 1, { added: [b] }))).toEqual(again)
    expect(owner.report('two', step(1, 1, { added: [b] }))).toEqual(again)
    expect(held()).toEqual([a])
    expect(held('two')).toEqual([])
  })

  it('takes a step once, however often it arrives', () => {
    const { intake: owner, held } = intake()
    owner.report('one', step(1, 0, { added: [a] }))
    owner.report('one', step(1, 1, { dropped: [a], added: [b] }))
    expect(owner.report('one', step(1, 0, { added: [a] }))).toEqual({ kind: 'ok', count: 1 })
    expect(held()).toEqual([b])
  })

  it('lets what was told before count until the new session is complete', () => {
    const { intake: owner, held } = intake()
    owner.report('one', step(1, 0, { added: [a, b], complete: true }))
    owner.report('one', step(2, 0, { added: [c] }))
    expect(held()).toEqual([a, b, c])
    owner.report('one', step(2, 1, { dropped: [b] }))
    expect(held()).toEqual([a, c])
    expect(owner.report('one', step(2, 2, { complete: true }))).toEqual({ kind: 'ok', count: 1 })
    expect(held()).toEqual([c])
  })

  it('keeps the last complete session while others are begun and given up', () => {
    const { intake: owner, directory, held } = intake()
    owner.report('one', step(1, 0, { added: [a], complete: true }))
    owner.report('one', step(2, 0, { added: [b] }))
    owner.report('one', step(3, 0, { added: [c] }))
    expect(held()).toEqual([a, c])
    owner.report('one', step(3, 1, { complete: true }))
    expect(held()).toEqual([c])
    directory.sweep(100)
    expect(directory.size).toBe(1)
  })

  it('believes hearsay until the holder has told everything itself, drops it, or time is up', () => {
    const { intake: owner, held } = intake()
    owner.tell('one', [a, b], 0)
    owner.tell('two', [c], 0)
    expect(held()).toEqual([a, b])
    owner.report('one', step(1, 0, { added: [c], dropped: [b] }))
    expect(held()).toEqual([a, c])
    owner.report('one', step(1, 1, { complete: true }))
    expect(held()).toEqual([c])
    expect(owner.nextDeadline()).toBe(60_000)
    owner.tell('two', [a], 40_000)
    owner.expire(59_999)
    expect(held('two')).toEqual([a])
    owner.expire(100_000)
    expect(held('two')).toEqual([])
    expect(owner.nextDeadline()).toBe(Infinity)
  })

  it('forgets holders that left, hearsay included', () => {
    const { intake: owner, directory, held } = intake()
    owner.report('one', step(1, 0, { added: [a], complete: true }))
    owner.report('one', step(2, 0, { added: [b] }))
    owner.tell('one', [c], 0)
    owner.report('two', step(1, 0, { added: [a] }))
    owner.retain((peer) => peer === 'two')
    expect(held()).toEqual([])
    expect(held('two')).toEqual([a])
    expect(owner.report('one', step(2, 1))).toEqual(again)
    directory.sweep(100)
    expect(directory.size).toBe(1)
  })
})
