/** What a bad peer can say to a group over a real stream: each is told apart, none changes anything, and the group goes on. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Stream } from '@libp2p/interface'
import { multiaddr } from '@multiformats/multiaddr'
import { Uint8ArrayList } from 'uint8arraylist'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { encodeMessage } from '../../protocols/raft/codec.ts'
import { encodeCommand } from '../../protocols/raft/commands.ts'
import { FrameKind, raftProtocol } from '../../protocols/raft/lanes.ts'
import type { Message } from '../../protocols/raft/messages.ts'
import { raftDefaults } from '../../protocols/raft/settings.ts'
import { frameStream } from '../../protocols/streams.ts'
import { encodeFrame } from '../../protocols/wire.ts'
import { until } from '../support/mesh-node.ts'
import { Journal, startRaftNode, type RaftNode } from '../support/raft-node.ts'

type Said = Message extends infer Each ? Each extends Message ? Omit<Each, 'group' | 'from' | 'to'> : never : never

const bytes = (text: string): Uint8Array => Buffer.from(text)
const group = 'group-of-the-test'
const folders: string[] = []
let good: RaftNode
let bad: RaftNode
let strangers: Set<string>

async function node (): Promise<RaftNode> {
  folders.push(await mkdtemp(join(tmpdir(), 'colony-raft-bad-')))
  return await startRaftNode({ folder: folders.at(-1)!, machine: new Journal(), members: () => [good, bad].filter((each) => each !== undefined && !strangers.has(each.peer)).map(({ peer }) => peer), raft: { electionTicks: 16, leaseTicks: 10 }, settings: { knockIntervalMs: 100, requestTimeoutMs: 30_000 } })
}

beforeEach(async () => {
  strangers = new Set()
  good = await node()
  bad = await node()
  await good.group.found(group, { voters: [good.peer], learners: [] })
  await until('it leads', () => good.group.leads() !== undefined)
  await good.group.propose(bytes('before'))
})
afterEach(async () => {
  for (const each of [bad, good]) await each.stop()
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true, force: true })
})

const open = async (): Promise<Stream> => await (await bad.libp2p.dial(multiaddr(good.address))).newStream(raftProtocol)
const frame = (said: Said): Uint8ArrayList => new Uint8ArrayList(Uint8Array.of(FrameKind.Message), encodeMessage({ group, from: bad.peer, to: good.peer, ...said } as Message))

async function say (stream: Stream, ...frames: readonly Uint8ArrayList[]): Promise<void> {
  const { write } = frameStream(stream, 4 * raftDefaults.proposalBytesMax, 1)
  for (const each of frames) await write(each, { signal: AbortSignal.timeout(5_000) })
}

async function goesOn (lines: readonly string[]): Promise<void> {
  await good.group.propose(bytes('after'))
  expect(good.machine.lines).toEqual(['before', ...lines, 'after'])
}

/** The bad one stands in the configuration, and its own part is over. */
async function asLearner (): Promise<void> {
  await bad.meet(good.address)
  await good.meet(bad.address)
  await until('it is in', () => good.group.includes(bad.peer) && bad.machine.lines.length === 1)
  await bad.group.stop()
}

const heartbeat = (term: number): Said => ({ kind: 'heartbeat-answer', term, round: 0, life: 1 })

describe('a frame that is no message', () => {
  it.each<[string, () => Uint8ArrayList]>([
    ['of noise', () => new Uint8ArrayList(Uint8Array.of(FrameKind.Message), Buffer.alloc(200, 0xa5))],
    ['of a kind that is none', () => new Uint8ArrayList(Uint8Array.of(9), encodeFrame({}))],
    ['with a term past counting', () => frame(heartbeat(2 ** 53))],
    ['with a proposal that is larger than any may be', () => frame({ kind: 'proposal', term: 1, context: '', data: Buffer.alloc(raftDefaults.proposalBytesMax + 1) })],
    ['longer than any', () => new Uint8ArrayList(Uint8Array.of(FrameKind.Message), Buffer.alloc(3 * raftDefaults.proposalBytesMax))]
  ])('%s ends its stream, and nothing else', async (_what, made) => {
    const { term } = good.group.status().raft!
    const stream = await open()
    await say(stream, made()).catch(() => {})
    await until('its stream ends', () => stream.status !== 'open')
    expect(good.group.status()).toMatchObject({ verdicts: {}, raft: { term, role: 'leader' } })
    await goesOn([])
  })
})

describe('a message of a peer that has no part in the group', () => {
  it('moves nothing, whatever it says', async () => {
    const { term } = good.group.status().raft!
    await say(await open(),
      frame({ kind: 'append', term: term + 5, prevIndex: 0, prevTerm: 0, entries: [], commit: 0 }),
      frame({ kind: 'vote', term: term + 5, lastIndex: 99, lastTerm: 99, transfer: true }),
      frame({ kind: 'proposal', term, context: 'x', data: encodeCommand('', bytes('evil')) }),
      frame(heartbeat(term)))
    await until('all are refused', () => Object.values(good.group.status().verdicts).reduce((sum, count) => sum + count, 0) === 4)
    expect(good.group.status()).toMatchObject({ verdicts: { undisturbed: 2, 'not-member': 2 }, raft: { term, role: 'leader' } })
    await goesOn([])
  })
})

describe('a message of a member that turned bad', () => {
  it('that is said again is applied once, and an old one is stale', async () => {
    await asLearner()
    const { raft: { term, applied } = { term: 0, applied: 0 }, verdicts: { stale = 0 } } = good.group.status()
    const proposal = frame({ kind: 'proposal', term, context: 'x', data: encodeCommand('once', bytes('once')) })
    await say(await open(), proposal, proposal, proposal, frame({ kind: 'append-answer', term: term - 1, index: 1, rejected: false, hintIndex: 0, hintTerm: 0 }))
    await until('the old one is refused', () => (good.group.status().verdicts.stale ?? 0) > stale)
    await until('all are in the log', () => good.group.status().raft!.applied >= applied + 3)
    await goesOn(['once'])
  })

  it('cannot bring the term further than it may rise, and the group elects on from there', async () => {
    await asLearner()
    const { term } = good.group.status().raft!
    const rises = Array.from({ length: 30 }, (_, at) => frame(heartbeat(term + (at + 1) * raftDefaults.termJumpMax)))
    await say(await open(), ...rises, frame(heartbeat(2 ** 52)), frame(heartbeat(Number.MAX_SAFE_INTEGER)))
    await until('the last is refused', () => (good.group.status().verdicts['term-too-far'] ?? 0) >= 30)
    await until('it leads again', () => good.group.leads() !== undefined)
    expect(good.group.leads()).toBeLessThan(term + 2 * raftDefaults.termJumpMax)
    await goesOn([])
  })
})
