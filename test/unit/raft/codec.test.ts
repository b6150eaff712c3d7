/** Messages as bytes: there and back, and what is refused on the way. */
import { describe, expect, it } from 'vitest'
import { append, configurationEntry, entry, from, settings, vote } from './support.ts'
import { decodeMessage, encodeMessage, messageBytesMax } from '../../../protocols/raft/codec.ts'
import { EntryKind, type Message } from '../../../protocols/raft/messages.ts'
import { encodeFrame } from '../../../protocols/wire.ts'

const link = { from: 'b', to: 'a' }
const there = (message: Message): Message => decodeMessage(encodeMessage(message), link, settings)
const decode = (head: object, payload?: Uint8Array): unknown => decodeMessage(encodeFrame({ group: 'g', term: 1, ...head }, payload), link, settings)

const snapshot = { index: 9, term: 3, configuration: { voters: ['a', 'b'], learners: ['c'] }, data: Buffer.from('state') }
const messages: Message[] = [
  vote('b', 3, [9, 2], { transfer: true }), vote('b', 3, [9, 2], { kind: 'pre-vote' }),
  from('b', { kind: 'vote-answer', term: 3, granted: true }), from('b', { kind: 'pre-vote-answer', term: 3, granted: false }),
  append('b', 3, [7, 2], [entry(8, 2), { index: 9, term: 3, kind: EntryKind.Empty, data: Buffer.of() }, configurationEntry(10, 3, ['a'])], 7),
  append('b', 3, [0, 0]),
  from('b', { kind: 'append-answer', term: 3, index: 8, rejected: true, hintIndex: 4, hintTerm: 1 }),
  from('b', { kind: 'heartbeat', term: 3, round: 4, commit: 2 }), from('b', { kind: 'heartbeat-answer', term: 3, round: 4, life: 77 }),
  from('b', { kind: 'timeout-now', term: 3, round: 4, life: 77 }),
  from('b', { kind: 'snapshot', term: 4, snapshot }),
  from('b', { kind: 'proposal', term: 3, context: 'ticket', data: Buffer.from('x') }),
  from('b', { kind: 'proposal-answer', term: 3, context: 'ticket', index: 4, refusal: undefined }),
  from('b', { kind: 'read', term: 3, context: 'r', lease: true }), from('b', { kind: 'read-answer', term: 3, context: 'r', index: 0, refusal: 'busy' })
]

const plain = (message: Message): unknown => JSON.parse(JSON.stringify(message, (_key, value: unknown) =>
  value instanceof Uint8Array ? [...value] : (value as { type?: unknown } | null)?.type === 'Buffer' ? (value as { data: unknown }).data : value))

describe('the codec', () => {
  it.each(messages.map((message) => [message.kind, message] as const))('carries %s', (_kind, message) => {
    expect(plain(there(message))).toEqual(plain(message))
  })

  it('takes sender and receiver from the link, whatever the bytes say', () => {
    expect(decode({ kind: 'heartbeat', round: 1, commit: 0, from: 'x', to: 'y' })).toMatchObject(link)
  })

  it('skips fields that it does not know', () => {
    expect(decode({ kind: 'vote-answer', granted: true, colour: 'red' })).toMatchObject({ granted: true })
  })

  it('a frame of the largest messages fits into what a reader is told to accept', () => {
    const data = Buffer.alloc(settings.snapshotBytesMax)
    expect(encodeMessage(from('b', { kind: 'snapshot', term: 4, snapshot: { ...snapshot, data } })).byteLength).toBeLessThanOrEqual(messageBytesMax(settings))
    const full = Array.from({ length: settings.appendEntriesMax }, (_, at) => ({ ...entry(at + 1, 2 ** 40), data: Buffer.alloc(settings.appendBytesMax / settings.appendEntriesMax) }))
    expect(there(append('b', 2 ** 40, [0, 0], full))).toMatchObject({ kind: 'append' })
  })

  it.each<[string, object, number?]>([
    ['an unknown kind', { kind: 'dance' }],
    ['no group', { kind: 'vote-answer', granted: true, group: undefined }],
    ['a group of 65 characters', { kind: 'vote-answer', granted: true, group: 'g'.repeat(65) }],
    ['a negative term', { kind: 'vote-answer', granted: true, term: -1 }],
    ['a term past counting', { kind: 'vote-answer', granted: true, term: 2 ** 53 }],
    ['half a term', { kind: 'vote-answer', granted: true, term: 1.5 }],
    ['a flag that is none', { kind: 'vote-answer', granted: 1 }],
    ['a context of 129 characters', { kind: 'read', lease: true, context: 'c'.repeat(129) }],
    ['a refusal that nobody knows', { kind: 'read-answer', context: '', index: 0, refusal: 'mood' }],
    ['entries that are no list', { kind: 'append', prevIndex: 0, prevTerm: 0, commit: 0, entries: 3 }],
    ['half an entry', { kind: 'append', prevIndex: 0, prevTerm: 0, commit: 0, entries: [1, 0] }],
    ['an entry of an unknown kind', { kind: 'append', prevIndex: 0, prevTerm: 0, commit: 0, entries: [1, 9, 0] }],
    ['an entry longer than the payload', { kind: 'append', prevIndex: 0, prevTerm: 0, commit: 0, entries: [1, 0, 5] }, 4],
    ['more payload than entries', { kind: 'append', prevIndex: 0, prevTerm: 0, commit: 0, entries: [1, 0, 3] }, 4],
    ['more entries than a message holds', { kind: 'append', prevIndex: 0, prevTerm: 0, commit: 0, entries: Array<number>(3 * 2_049).fill(0) }],
    ['entries past the last place', { kind: 'append', prevIndex: Number.MAX_SAFE_INTEGER, prevTerm: 1, commit: 0, entries: [1, 0, 0] }],
    ['entries of too many bytes', { kind: 'append', prevIndex: 0, prevTerm: 0, commit: 0, entries: [1, 0, 2_000_000] }, 2_000_000],
    ['a proposal of too many bytes', { kind: 'proposal', context: '' }, settings.proposalBytesMax + 1],
    ['a snapshot without members', { kind: 'snapshot', index: 1, snapshotTerm: 1, members: 0 }, 4],
    ['a snapshot shorter than its members', { kind: 'snapshot', index: 1, snapshotTerm: 1, members: 9 }, 4]
  ])('refuses %s', (_what, head, payload = 0) => {
    expect(() => decode(head, Buffer.alloc(payload))).toThrow(expect.objectContaining({ code: 'COLONY_WIRE' }))
  })
})
