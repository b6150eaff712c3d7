import { describe, expect, it } from 'vitest'
import { LateAppends } from '../../../protocols/raft/late-appends.ts'
import type { Append, Message } from '../../../protocols/raft/messages.ts'
import { stillClock } from '../../support/store.ts'

const append = (to: string, commit: number, entries: Append['entries'] = []): Append => ({ kind: 'append', group: 'g', from: 'a', to, term: 1, prevIndex: commit, prevTerm: 1, commit, entries })
const entry = { index: 9, term: 1, kind: 0, data: new Uint8Array(0) } as const

describe('an append that only says what is committed', () => {
  it('waits a moment, and is not sent at all where the next entries say it', () => {
    const clock = stillClock()
    const sent: Message[] = []
    const late = new LateAppends(clock, 5, (message) => { sent.push(message) })
    late.send(append('b', 1))
    late.send(append('c', 1))
    late.send(append('c', 2))
    late.send({ kind: 'heartbeat', group: 'g', from: 'a', to: 'b', term: 1, round: 1, commit: 1 })
    expect(sent.map(({ kind }) => kind)).toEqual(['heartbeat'])
    const entries = append('b', 2, [entry])
    late.send(entries)
    expect(sent).toHaveLength(2)
    clock.advance(5)
    expect(sent.slice(1)).toEqual([entries, append('c', 2)])
    clock.advance(50)
    expect(sent).toHaveLength(3)
  })
})
