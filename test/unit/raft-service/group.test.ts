import { describe, expect, it } from 'vitest'
import { codeOf } from '../../../protocols/errors.ts'
import { commandBytesMax, keyBytesMax } from '../../../protocols/raft/commands.ts'
import { raftDefaults } from '../../../protocols/raft/settings.ts'
import { raftServiceDefaults } from '../../../protocols/raft/service-settings.ts'
import { EntryKind, type Message } from '../../../protocols/raft/messages.ts'
import type { Dissolved } from '../../../protocols/raft/group.ts'
import type { Note } from '../../../protocols/raft/notes.ts'
import { empty, lone, settled, testGroup, type TestGroup } from './support.ts'

const bytes = (text: string): Uint8Array => Buffer.from(text)
const three = { voters: ['a', 'b', 'c'], learners: [] }

/** One that leads three, with what another voter would answer to all that it has said. */
async function leadingThree (): Promise<TestGroup & { answer: () => Promise<void> }> {
  const test = testGroup('a')
  const { group, clock, sent } = test
  await group.start()
  await group.found('g', three)
  const answer = async (): Promise<void> => {
    for (const message of sent.splice(0)) {
      if (message.to !== 'b') continue
      const back = { group: 'g', from: 'b', to: 'a', term: message.term } as const
      if (message.kind === 'pre-vote') group.receive({ ...back, kind: 'pre-vote-answer', granted: true })
      if (message.kind === 'vote') group.receive({ ...back, kind: 'vote-answer', granted: true })
      if (message.kind === 'append') group.receive({ ...back, kind: 'append-answer', index: message.prevIndex + message.entries.length, rejected: false, hintIndex: 0, hintTerm: 0 })
      if (message.kind === 'heartbeat') group.receive({ ...back, kind: 'heartbeat-answer', round: message.round, life: 1 })
    }
    await settled()
  }
  for (let count = 0; count < 100 && group.leads() === undefined; count++) {
    clock.advance(raftDefaults.tickMs)
    await settled()
    await answer()
  }
  return { ...test, answer }
}

describe('a member of a group', () => {
  it('says nothing that rests on a write before that is on disk', async () => {
    const { group, store, sent, clock } = testGroup('a')
    await group.start()
    await group.found('g', three)
    clock.advance(raftDefaults.tickMs)
    store.held = true
    group.receive({ kind: 'vote', group: 'g', from: 'b', to: 'a', term: 5, lastIndex: 9, lastTerm: 4, transfer: true })
    await settled()
    expect(store.writes.at(-1)).toMatchObject({ hardState: { term: 5, vote: 'b' } })
    expect(sent).toEqual([])
    store.release()
    await settled()
    expect(sent).toMatchObject([{ kind: 'vote-answer', granted: true, to: 'b', term: 5 }])
  })

  it('sends a leader\'s entries while it writes them, and counts them as its own only then', async () => {
    const { group, store, clock, sent } = await lone()
    await group.change({ kind: 'add-learner', peers: ['b'] })
    await settled()
    const added = sent.filter(({ kind }) => kind === 'append').at(-1) as Extract<Message, { kind: 'append' }>
    group.receive({ kind: 'append-answer', group: 'g', from: 'b', to: 'a', term: added.term, index: added.prevIndex + added.entries.length, rejected: false, hintIndex: 0, hintTerm: 0 })
    await settled()
    sent.length = 0
    store.held = true
    const done = group.propose(bytes('one'))
    await settled()
    expect(sent).toMatchObject([{ kind: 'append', to: 'b', entries: [{ term: added.term }] }])
    expect(group.status().raft).toMatchObject({ lastIndex: group.status().raft!.commit + 1 })
    store.release()
    await expect(done).resolves.toMatchObject({ result: 1 })
    clock.advance(0)
  })

  it('writes in one batch what was proposed while a write was under way', async () => {
    const { group, store, machine } = await lone()
    store.held = true
    const first = group.propose(bytes('first'))
    await settled()
    const before = store.writes.length
    const others = Array.from({ length: 9 }, async (_, at) => await group.propose(bytes(`other ${at}`)))
    await settled()
    expect(store.writes.length).toBe(before)
    store.release()
    await Promise.all([first, ...others])
    expect(store.writes.slice(before).filter(({ entries }) => (entries?.length ?? 0) > 0).map(({ entries }) => entries!.length)).toEqual([9])
    expect(machine.lines).toHaveLength(10)
  })

  it('takes no part any more once a write has failed', async () => {
    const { group, store, sent, warnings, clock } = testGroup('a')
    await group.start()
    await group.found('g', three)
    store.full = true
    const waiting = group.propose(bytes('never'))
    const ended = expect(waiting).rejects.toMatchObject({ code: 'COLONY_RAFT_STORE' })
    clock.advance(raftDefaults.tickMs)
    group.receive({ kind: 'vote', group: 'g', from: 'b', to: 'a', term: 5, lastIndex: 9, lastTerm: 4, transfer: true })
    await ended
    await settled()
    expect(sent).toEqual([])
    expect(group.status()).toMatchObject({ standing: 'failed', failure: expect.stringContaining('no space'), raft: undefined })
    await expect(group.propose(bytes('no'))).rejects.toMatchObject({ code: 'COLONY_RAFT_STORE' })
    expect(group.leads()).toBeUndefined()
    expect(warnings).toEqual([expect.stringContaining('no space')])
  })

  it('says after the deadline whether a proposal may be done yet', async () => {
    const { group, clock } = testGroup('a')
    await group.start()
    await group.found('g', three)
    const nobody = expect(group.propose(bytes('nobody leads'))).rejects.toMatchObject({ code: 'COLONY_RAFT_NO_LEADER' })
    clock.advance(raftServiceDefaults.requestTimeoutMs)
    await nobody
    group.receive({ kind: 'heartbeat', group: 'g', from: 'b', to: 'a', term: 9, round: 1, commit: 1 })
    const unknown = expect(group.propose(bytes('handed on'))).rejects.toMatchObject({ code: 'COLONY_RAFT_UNKNOWN' })
    const read = expect(group.read('index')).rejects.toMatchObject({ code: 'COLONY_RAFT_NO_LEADER' })
    clock.advance(raftServiceDefaults.requestTimeoutMs)
    await Promise.all([unknown, read])
    expect(group.status().waiting).toBe(0)
  })

  it('knows its own entry when that is committed in the same go as the leader says where it is', async () => {
    const { group, sent } = testGroup('a')
    await group.start()
    await group.found('g', three)
    await settled()
    const back = { group: 'g', from: 'b', to: 'a', term: 2 } as const
    group.receive({ ...back, kind: 'heartbeat', round: 1, commit: 1 })
    const done = group.propose(bytes('one'), { idempotency: 'key' })
    await settled()
    const { data, context } = sent.find(({ kind }) => kind === 'proposal') as Extract<Message, { kind: 'proposal' }>
    group.receive({ ...back, kind: 'proposal-answer', context, index: 2, refusal: undefined })
    group.receive({ ...back, kind: 'append', prevIndex: 1, prevTerm: 1, entries: [{ index: 2, term: 2, kind: 0, data }], commit: 2 })
    await expect(done).resolves.toMatchObject({ index: 2, result: 1 })
  })

  it('knows, before it says that it leads, how much time has passed', async () => {
    const { group, clock } = await leadingThree()
    expect(group.leads()).toBe(group.status().raft!.term)
    // The process was stopped: no timer of it ran meanwhile.
    clock.pass(raftDefaults.electionTicks * raftDefaults.tickMs)
    expect(group.leads()).toBeUndefined()
  })

  it('takes a snapshot in time, and goes on from it after a restart', async () => {
    const { group, store, machine } = await lone({ raft: { ...raftDefaults, keptEntries: 2 } }, { snapshotEntries: 5 })
    for (let at = 0; at < 12; at++) await group.propose(bytes(`line ${at}`), { idempotency: `key ${at}` })
    await settled()
    const taken = store.writes.filter(({ snapshot }) => snapshot !== undefined)
    expect(taken.length).toBeGreaterThanOrEqual(2)
    expect(taken.at(-1)!.compactTo).toBe(taken.at(-1)!.snapshot!.index - 2)
    await group.stop()
    const { index } = taken.at(-1)!.snapshot!
    const again = testGroup('a')
    const entries = new Map(store.writes.flatMap(({ entries = [] }) => entries).map((each) => [each.index, each]))
    again.store.opened = { ...empty, groupId: 'g', hardState: { term: 9, vote: 'a', commit: entries.size }, snapshot: taken.at(-1)!.snapshot, entries: [...entries.values()].filter((each) => each.index > index) }
    await again.group.start()
    await settled()
    expect(again.machine.lines).toEqual(machine.lines)
    expect(again.machine.lines).toHaveLength(12)
    expect(await again.group.propose(bytes('line 3'), { idempotency: 'key 3' })).toMatchObject({ result: undefined })
  })

  it('refuses what is too large, and more than may wait', async () => {
    const { group } = testGroup('a', {}, { waitingMax: 2 })
    await group.start()
    await group.found('g', three)
    const [key, longer] = ['k'.repeat(keyBytesMax), 'k'.repeat(keyBytesMax - 1)]
    const large = group.propose(new Uint8Array(commandBytesMax), { idempotency: key }).catch((error: unknown) => codeOf(error))
    await expect(group.propose(new Uint8Array(commandBytesMax + 2), { idempotency: longer })).rejects.toMatchObject({ code: 'COLONY_RAFT_TOO_LARGE' })
    const waiting = [group.read('index')].map(async (each) => { await each.catch(() => {}) })
    await expect(group.propose(bytes('3'))).rejects.toMatchObject({ code: 'COLONY_RAFT_BUSY' })
    await group.stop()
    await Promise.all(waiting)
    expect(await large).toBe('COLONY_RAFT_STOPPED')
  })
})

describe('a member that leaves', () => {
  it('asks its leader for that; a leader tells all voters, as the next one would give it the vote back', async () => {
    const { group, notes } = await leadingThree()
    notes.length = 0
    group.askLeave()
    expect(notes).toEqual([['b', { kind: 'leave', slot: 'region' }], ['c', { kind: 'leave', slot: 'region' }]])
    const follower = testGroup('b')
    await follower.group.start()
    await follower.group.found('g', three)
    follower.group.askLeave()
    expect(follower.notes).toEqual([])
    follower.group.receive({ kind: 'heartbeat', group: 'g', from: 'a', to: 'b', term: 2, round: 1, commit: 0 })
    follower.group.askLeave()
    expect(follower.notes).toEqual([['a', { kind: 'leave', slot: 'region' }]])
  })
})

describe('a member without a log that counts', () => {
  it('knocks until it is let in, and takes no answer but one to its own knock', async () => {
    const { group, store, notes, clock } = testGroup('c')
    store.opened = { ...empty, soundness: { kind: 'untrusted', reason: 'entry 3 of 5 is gone' } }
    await group.start()
    clock.advance(4 * raftServiceDefaults.knockIntervalMs)
    const knocks = notes.filter(([, { kind }]) => kind === 'knock')
    expect(knocks.length).toBeGreaterThan(0)
    const [, knock] = knocks[0]!
    if (knock.kind !== 'knock') throw new Error('no knock')
    group.receive({ kind: 'append', group: 'g', from: 'a', to: 'c', term: 7, prevIndex: 0, prevTerm: 0, entries: [], commit: 0 })
    group.receiveNote({ kind: 'admit', slot: 'region', nonce: 'an old one', group: 'g', term: 7 }, 'a')
    await settled()
    expect(group.status().standing).toBe('untrusted')
    expect(store.writes).toEqual([])
    group.receiveNote({ kind: 'admit', slot: 'region', nonce: knock.nonce, group: 'g', term: 7 }, 'a')
    await settled()
    expect(store.writes).toMatchObject([{ trusted: true, groupId: 'g', hardState: { term: 7, vote: 'a', commit: 0 } }])
    expect(group.status()).toMatchObject({ standing: 'member', group: 'g' })
  })

  it('is taken out of the configuration, and in again, before it is told so', async () => {
    const { group, notes, clock } = await lone()
    await group.change({ kind: 'add-learner', peers: ['b'] })
    notes.length = 0
    group.receiveNote({ kind: 'knock', slot: 'region', nonce: 'n' }, 'b')
    clock.advance(raftServiceDefaults.gatherMs)
    expect(notes).toEqual([])
    await settled()
    expect(notes).toMatchObject([['b', { kind: 'admit', nonce: 'n', group: 'g' }]])
    const { configurationIndex } = group.status().raft!
    for (let count = 0; count < 3; count++) await group.propose(bytes('something else'))
    expect(notes).toHaveLength(1)
    // The answer was lost: the same knock is answered again, another one begins anew.
    group.receiveNote({ kind: 'knock', slot: 'region', nonce: 'n' }, 'b')
    await settled()
    expect(group.status().raft!.configurationIndex).toBe(configurationIndex)
    expect(notes).toHaveLength(2)
    group.receiveNote({ kind: 'knock', slot: 'region', nonce: 'm' }, 'b')
    clock.advance(raftServiceDefaults.gatherMs)
    await settled()
    expect(group.status().raft!.configurationIndex).toBe(configurationIndex + 5)
  })

  it('comes in with all who knocked in the same moment, by one change; those who stood there already by two', async () => {
    const { group, notes, store, clock } = await lone()
    const before = store.writes.length
    const changes = (): number => store.writes.slice(before).flatMap(({ entries = [] }) => entries).filter(({ kind }) => kind === EntryKind.Configuration).length
    const peers = Array.from({ length: 40 }, (_, at) => `peer-${String(at).padStart(2, '0')}`)
    const all = async (nonce: string): Promise<void> => {
      for (const peer of peers) {
        group.receiveNote({ kind: 'knock', slot: 'region', nonce }, peer)
        await settled()
        if (peer === peers[20]) await group.propose(bytes(nonce))
      }
      clock.advance(raftServiceDefaults.gatherMs)
      await settled()
    }
    await all('first')
    expect(changes()).toBe(1)
    expect(group.status().raft!.configuration).toEqual({ voters: ['a'], learners: peers })
    expect(notes.map(([to, { kind }]) => `${kind} ${to}`)).toEqual(peers.map((peer) => `admit ${peer}`))
    // All of them have lost their logs.
    await all('second')
    expect(changes()).toBe(3)
    expect(group.status().raft!.configuration.learners).toEqual(peers)
    expect(notes).toHaveLength(80)
  })

  it('is not told before a majority has it that it is in', async () => {
    const { group, notes, clock, answer } = await leadingThree()
    await answer()
    group.receiveNote({ kind: 'knock', slot: 'region', nonce: 'n' }, 'd')
    clock.advance(raftServiceDefaults.gatherMs)
    await settled()
    expect(group.status().raft!.configuration.learners).toEqual(['d'])
    expect(notes).toEqual([])
    await answer()
    expect(notes).toMatchObject([['d', { kind: 'admit', nonce: 'n' }]])
    await group.stop()
  })

  it('is forgotten, with all who wait, when the leader stops', async () => {
    const { group, notes, clock } = await lone()
    group.receiveNote({ kind: 'knock', slot: 'region', nonce: 'n' }, 'b')
    await group.stop()
    clock.advance(raftServiceDefaults.gatherMs)
    expect(notes).toEqual([])
  })

  it('asks whom it is told to ask, where that is a member, and dials nobody else on another\'s word', async () => {
    const { group, notes } = testGroup('c', { mayJoin: (peer) => peer.length === 1 })
    await group.start()
    for (const leader of ['b', 'nobody']) group.receiveNote({ kind: 'ask', slot: 'region', leader }, 'a')
    expect(notes.map(([to, { kind }]) => `${kind} ${to}`)).toEqual(['knock b'])
    await group.stop()
  })
})

describe('two groups that meet', () => {
  const older = '000000000001-a'
  const younger = '000000000002-b'

  async function member (id: string, init: Parameters<typeof testGroup>[1] = {}): Promise<TestGroup> {
    const test = testGroup('a', init)
    await test.group.start()
    await test.group.found(id, { voters: ['a'], learners: [] })
    for (let count = 0; count < 100 && test.group.leads() === undefined; count++) {
      test.clock.advance(raftDefaults.tickMs)
      await settled()
    }
    return test
  }
  const knocks = ({ notes }: TestGroup): Array<Extract<Note, { kind: 'knock' }>> => notes.flatMap(([, note]) => note.kind === 'knock' ? [note] : [])

  it('the younger dissolves once the older has taken its member in, and not before', async () => {
    const dissolved: Dissolved[] = []
    const test = await member(younger, { onDissolved: async (each) => { dissolved.push(each) } })
    const { group, store, machine } = test
    await group.propose(bytes('of the younger'))
    group.receiveNote({ kind: 'here', slot: 'region', group: older }, 'b')
    expect(knocks(test)).toMatchObject([{ group: younger }])
    expect(await group.propose(bytes('still there'))).toMatchObject({ result: 2 })
    group.receiveNote({ kind: 'admit', slot: 'region', nonce: 'of another knock', group: older, term: 7 }, 'b')
    expect(group.status().group).toBe(younger)
    const { nonce } = knocks(test)[0]!
    const written = store.writes.length
    group.receiveNote({ kind: 'admit', slot: 'region', nonce, group: older, term: 7 }, 'b')
    await settled()
    expect(group.status()).toMatchObject({ standing: 'member', group: older, raft: { term: 7, applied: 0 } })
    expect(store.writes.slice(written)).toMatchObject([{ anew: true, groupId: older, hardState: { term: 7, vote: 'b', commit: 0 }, entries: [] }])
    expect(dissolved.map(({ group: id, snapshot }) => [id, JSON.parse(Buffer.from(snapshot).toString())])).toEqual([[younger, ['of the younger', 'still there']]])
    expect(machine.lines).toEqual([])
    // Nothing of the younger's term, vote and commit index may come to stand in the older one's log.
    await group.stop()
    expect(store.writes.slice(written + 1).filter(({ hardState }) => hardState !== undefined)).toEqual([])
  })

  it('the older stays, whoever calls, and takes nobody\'s word but a member\'s', async () => {
    const test = await member(older)
    test.group.receiveNote({ kind: 'here', slot: 'region', group: younger }, 'b')
    expect(knocks(test)).toEqual([])
    const strict = await member(younger, { mayJoin: (peer) => peer !== 'x' })
    strict.group.receiveNote({ kind: 'here', slot: 'region', group: older }, 'x')
    expect(knocks(strict)).toEqual([])
  })

  it('what cannot be kept of the younger is not dropped', async () => {
    const test = await member(younger, { onDissolved: async () => { throw new Error('no space') } })
    test.group.receiveNote({ kind: 'here', slot: 'region', group: older }, 'b')
    const written = test.store.writes.length
    test.group.receiveNote({ kind: 'admit', slot: 'region', nonce: knocks(test)[0]!.nonce, group: older, term: 7 }, 'b')
    await settled()
    expect(test.group.status()).toMatchObject({ standing: 'failed', failure: expect.stringContaining('no space') })
    expect(test.store.writes).toHaveLength(written)
  })

  it('a member with its log that was taken out is a learner again without losing it', async () => {
    const test = await member(older)
    test.group.receiveNote({ kind: 'knock', slot: 'region', nonce: 'none', group: older }, 'b')
    test.clock.advance(raftServiceDefaults.gatherMs)
    await settled()
    expect(test.group.status().raft!.configuration).toEqual({ voters: ['a'], learners: ['b'] })
    const { configurationIndex } = test.group.status().raft!
    test.group.receiveNote({ kind: 'knock', slot: 'region', nonce: 'none', group: older }, 'b')
    test.clock.advance(raftServiceDefaults.gatherMs)
    await settled()
    expect(test.group.status().raft!.configurationIndex).toBe(configurationIndex)
    expect(test.notes.filter(([, { kind }]) => kind === 'admit')).toEqual([])
  })
})
