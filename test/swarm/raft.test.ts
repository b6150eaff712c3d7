import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ClassicLevel } from 'classic-level'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { multiaddr } from '@multiformats/multiaddr'
import { raftDefaults } from '../../protocols/raft/settings.ts'
import { raftProtocol } from '../../protocols/raft/lanes.ts'
import { Journal, startRaftNode, type RaftNode } from '../support/raft-node.ts'
import { until } from '../support/mesh-node.ts'

/** As slow as two shared cores may make it, and quick enough for a test. */
const quick = { tickMs: 25, electionTicks: 16, leaseTicks: 10 }
/** For a test that counts elections: no starved process takes so long to be heard. */
const patient = { tickMs: 25, electionTicks: 160, leaseTicks: 100 }

class Region {
  raft = quick
  readonly nodes: Array<RaftNode | undefined> = []
  readonly #folders: string[] = []
  readonly #keys: Array<RaftNode['key']> = []
  readonly #peers: string[] = []
  /** Peers that count as members. */
  readonly strangers = new Set<string>()
  /** Peers that nobody reaches and that reach nobody. */
  readonly #cut = new Set<string>()

  get live (): RaftNode[] { return this.nodes.filter((node) => node !== undefined) }
  leaders (): RaftNode[] { return this.live.filter(({ group }) => group.leads() !== undefined) }

  async add (settings = {}): Promise<RaftNode> {
    this.#folders.push(await mkdtemp(join(tmpdir(), 'colony-raft-swarm-')))
    this.nodes.push(undefined)
    return await this.start(this.nodes.length - 1, settings)
  }

  folder (at: number): string { return this.#folders[at]! }

  async start (at: number, settings = {}): Promise<RaftNode> {
    const node = await startRaftNode({
      folder: this.#folders[at]!,
      ...(this.#keys[at] !== undefined && { key: this.#keys[at] }),
      machine: new Journal(),
      members: () => this.#peers.filter((peer) => !this.strangers.has(peer)),
      isCut: (...ends) => ends.some((peer) => this.#cut.has(peer)),
      raft: this.raft,
      // A starved machine may take its time; an outcome that never comes still fails the test.
      settings: { knockIntervalMs: 100, requestTimeoutMs: 30_000, ...settings }
    })
    this.#keys[at] = node.key
    this.#peers[at] = node.peer
    for (const other of this.live) {
      await other.meet(node.address)
      await node.meet(other.address)
    }
    this.nodes[at] = node
    return node
  }

  cut (peer: string): void {
    this.#cut.add(peer)
    for (const { libp2p } of this.live) {
      for (const connection of libp2p.getConnections()) if (libp2p.peerId.toString() === peer || connection.remotePeer.toString() === peer) connection.abort(new Error('cut'))
    }
  }

  mend (peer: string): void { this.#cut.delete(peer) }

  async stop (at: number): Promise<void> {
    const node = this.nodes[at]
    this.nodes[at] = undefined
    await node?.stop()
  }

  at (node: RaftNode): number { return this.nodes.indexOf(node) }

  async founded (count: number): Promise<RaftNode> {
    for (let at = 0; at < count; at++) await this.add()
    const configuration = { voters: this.live.map(({ peer }) => peer), learners: [] }
    await Promise.all(this.live.map(async ({ group }) => { await group.found('group-of-the-test', configuration) }))
    return await this.leader()
  }

  async leader (): Promise<RaftNode> {
    await until('one leads', () => this.leaders().length === 1)
    return this.leaders()[0]!
  }

  async same (lines: readonly string[]): Promise<void> {
    await until(`all have ${lines.length} lines`, () => this.live.every(({ machine }) => machine.lines.length >= lines.length))
    for (const { machine } of this.live) expect(machine.lines).toEqual(lines)
  }

  async remove (): Promise<void> {
    for (const node of this.live) await node.stop()
    for (const folder of this.#folders) await rm(folder, { recursive: true, force: true })
  }
}

const bytes = (text: string): Uint8Array => Buffer.from(text)

let region: Region
beforeEach(() => { region = new Region() })
afterEach(async () => { await region.remove() })

describe('three edges that agree', () => {
  it('elect one leader and apply what any of them proposes, in one order', async () => {
    await region.founded(3)
    const lines = Array.from({ length: 30 }, (_, at) => `line ${at}`)
    const done = await Promise.all(lines.map(async (line, at) => await region.nodes[at % 3]!.group.propose(bytes(line))))
    expect(new Set(done.map(({ index }) => index)).size).toBe(30)
    await until('all have them', () => region.live.every(({ machine }) => machine.lines.length === 30))
    expect([...region.nodes[0]!.machine.lines].sort()).toEqual([...lines].sort())
    for (const { machine } of region.live) expect(machine.lines).toEqual(region.nodes[0]!.machine.lines)
    for (const how of ['lease', 'index'] as const) {
      for (const { group } of region.live) expect(await group.read(how)).toBeGreaterThanOrEqual(Math.max(...done.map(({ index }) => index)))
    }
  })

  it('apply a command once, however often and by whomever it is asked with the same key', async () => {
    await region.founded(3)
    const [first, second] = await Promise.all(region.nodes.slice(0, 2).map(async (node) => await node!.group.propose(bytes('once'), { idempotency: 'key' })))
    const third = await region.nodes[2]!.group.propose(bytes('once'), { idempotency: 'key' })
    await region.same(['once'])
    // Who hears of the first entry depends on whether an answer had to be asked for again; two cannot.
    expect([first!.result, second!.result].filter((result) => result === 1).length).toBeLessThanOrEqual(1)
    expect(third.result).toBeUndefined()
  })

  it('go on without a leader that is gone, and have it back with all that it missed', async () => {
    const leader = await region.founded(3)
    await leader.group.propose(bytes('before'))
    const at = region.at(leader)
    await region.stop(at)
    const next = await region.leader()
    expect(next.group.status().raft!.term).toBeGreaterThan(1)
    await region.live.find((node) => node !== next)!.group.propose(bytes('without'), { idempotency: 'without' })
    const back = await region.start(at)
    await until('it has what it missed', () => back.machine.lines.length === 2)
    expect(back.group.status()).toMatchObject({ standing: 'member', soundness: { kind: 'whole' } })
    await back.group.propose(bytes('again'))
    await region.same(['before', 'without', 'again'])
  })

  it('keep what was agreed when all are gone and come back', async () => {
    const leader = await region.founded(3)
    for (const line of ['one', 'two', 'three']) await leader.group.propose(bytes(line), { idempotency: line })
    for (const at of [0, 1, 2]) await region.stop(at)
    for (const at of [0, 1, 2]) await region.start(at)
    await region.leader()
    await region.nodes[0]!.group.propose(bytes('two'), { idempotency: 'two' })
    await region.nodes[1]!.group.propose(bytes('four'))
    await region.same(['one', 'two', 'three', 'four'])
  })

  it('have back a follower that was cut off without another election', async () => {
    region.raft = patient
    const leader = await region.founded(3)
    const { term } = leader.group.status().raft!
    const cut = region.live.find((node) => node !== leader)!
    region.cut(cut.peer)
    await until('it misses the leader', () => cut.group.leader === undefined)
    await leader.group.propose(bytes('meanwhile'))
    region.mend(cut.peer)
    await until('it has what it missed', () => cut.machine.lines.length === 1)
    expect(leader.group.status().raft).toMatchObject({ role: 'leader', term })
    expect(cut.group.status().raft).toMatchObject({ leader: leader.peer, term })
  })

  it('hand leadership on when asked', async () => {
    const leader = await region.founded(3)
    await leader.group.propose(bytes('first'))
    const next = region.live.find((node) => node !== leader)!
    leader.group.transfer(next.peer)
    await until('it took over', () => next.group.leads() !== undefined && leader.group.leads() === undefined)
    expect(() => { leader.group.transfer(next.peer) }).toThrow(expect.objectContaining({ code: 'COLONY_RAFT_NOT_LEADER', leader: next.peer }))
    await leader.group.propose(bytes('second'))
    await region.same(['first', 'second'])
  })
})

describe('a majority that is gone', () => {
  it('is said to who proposes or reads, and nothing is led', async () => {
    await region.founded(3)
    const leader = await region.leader()
    for (const node of region.live) if (node !== leader) await region.stop(region.at(node))
    await until('it steps down', () => leader.group.leader === undefined)
    expect(leader.group.leads()).toBeUndefined()
    const signal = AbortSignal.timeout(300)
    await expect(leader.group.propose(bytes('alone'), { signal })).rejects.toMatchObject({ name: 'TimeoutError' })
    await expect(leader.group.propose(Buffer.alloc(raftDefaults.proposalBytesMax + 1))).rejects.toMatchObject({ code: 'COLONY_RAFT_TOO_LARGE' })
    const waiting = leader.group.read('index')
    const ended = expect(waiting).rejects.toMatchObject({ code: 'COLONY_RAFT_STOPPED' })
    await leader.group.stop()
    await ended
    expect(leader.machine.lines).toEqual([])
  })
})

describe('a member without a log that counts', () => {
  it('is taken in as a learner, and gets a snapshot where the log does not reach back', async () => {
    const settings = { snapshotEntries: 10 }
    const founder = await region.add(settings)
    await founder.group.found('group-of-the-test', { voters: [founder.peer], learners: [] })
    const lines = Array.from({ length: 2_000 }, (_, at) => `line ${at}`)
    await Promise.all(lines.map(async (line) => await founder.group.propose(bytes(line))))
    expect(founder.group.status().raft!.firstIndex).toBeGreaterThan(1)
    const learner = await region.add(settings)
    await until('it has all', () => learner.machine.lines.length === lines.length)
    expect(learner.machine.lines).toEqual(founder.machine.lines)
    await until('it knows what it is', () => learner.group.includes(learner.peer))
    expect(learner.group.status().raft!.configuration).toEqual({ voters: [founder.peer], learners: [learner.peer] })
    await founder.group.change({ kind: 'promote', peers: [learner.peer] })
    await learner.group.propose(bytes('two voters'))
    await until('both have it', () => founder.machine.lines.at(-1) === 'two voters')
  })

  it('comes back as a learner after its log was damaged, and hears and says nothing before', async () => {
    const leader = await region.founded(3)
    await leader.group.propose(bytes('one'))
    await leader.group.propose(bytes('two'))
    const damaged = region.live.find((node) => node !== leader)!
    const at = region.at(damaged)
    await region.stop(at)
    const level = new ClassicLevel<string, Uint8Array>(join(region.folder(at), 'log'), { valueEncoding: 'view' })
    for await (const key of level.keys()) if (key.includes('/entry/')) await level.del(key)
    await level.close()
    region.cut(damaged.peer)
    const back = await region.start(at)
    expect(back.group.status()).toMatchObject({ standing: 'untrusted', raft: undefined, soundness: { kind: 'untrusted' } })
    await expect(back.group.propose(bytes('no'))).rejects.toMatchObject({ code: 'COLONY_RAFT_NOT_MEMBER' })
    await expect(back.group.found('another', { voters: [back.peer], learners: [] })).rejects.toMatchObject({ code: 'COLONY_RAFT_REFUSED' })
    region.mend(damaged.peer)
    await until('it was taken in', () => back.group.status().raft?.configuration.learners.includes(back.peer) === true)
    await region.same(['one', 'two'])
    const { voters } = leader.group.status().raft!.configuration
    expect(voters).not.toContain(back.peer)
    expect(voters).toHaveLength(2)
    // It is whole from then on.
    await region.stop(at)
    await region.start(at)
    expect(region.nodes[at]!.group.status()).toMatchObject({ standing: 'member', soundness: { kind: 'whole' } })
  })

  it('comes back as a learner when its folder was emptied and only its name is left', async () => {
    const leader = await region.founded(3)
    await leader.group.propose(bytes('one'))
    const emptied = region.live.find((node) => node !== leader)!
    const at = region.at(emptied)
    await region.stop(at)
    for (const name of await readdir(region.folder(at))) await rm(join(region.folder(at), name), { recursive: true })
    await region.start(at)
    await region.same(['one'])
    await until('it learns', () => leader.group.status().raft!.configuration.learners.includes(emptied.peer))
  })
})

describe('a peer that is no member', () => {
  it('has its stream ended before a word of it is read', async () => {
    const leader = await region.founded(1)
    const stranger = await region.add()
    region.strangers.add(stranger.peer)
    const { refused, received } = leader.service.counters()
    const connection = await stranger.libp2p.dial(multiaddr(leader.address))
    const stream = await connection.newStream(raftProtocol)
    await until('it is refused', () => leader.service.counters().refused > refused && stream.status !== 'open')
    expect(leader.service.counters().received).toBe(received)
  })

  it('nor may a member announce a frame that is larger than any message', async () => {
    const leader = await region.founded(1)
    const evil = await region.add()
    const stream = await (await evil.libp2p.dial(multiaddr(leader.address))).newStream(raftProtocol)
    stream.send(Uint8Array.of(0xff, 0xff, 0xff, 0x7f))
    await until('its stream ends', () => stream.status !== 'open')
    expect(leader.group.leads()).toBeDefined()
  })
})
