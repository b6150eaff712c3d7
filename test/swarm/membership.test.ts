/**
 * Membership among real libp2p nodes on loopback: two regions, one address to begin with.
 */
import { afterEach, describe, expect, it } from 'vitest'
import { MemoryDatastore } from 'datastore-core/memory'
import { nameCid } from '../../protocols/cid.ts'
import { startMeshNode, until } from '../support/mesh-node.ts'
import type { MeshNode, MeshNodeInit } from '../support/mesh-node.ts'

const running: MeshNode[] = []

async function start (init: MeshNodeInit): Promise<MeshNode> {
  const node = await startMeshNode(init)
  running.push(node)
  return node
}

afterEach(async () => {
  await Promise.all(running.splice(0).map(async (node) => { await node.stop() }))
})

function see (nodes: readonly MeshNode[], names: readonly string[]): boolean {
  return nodes.every((node) => node.names().join() === [...names].sort().join())
}

async function startFive (): Promise<MeshNode[]> {
  const first = await start({ name: 'a1', region: 'a' })
  const others = await Promise.all(['a2', 'a3', 'b1', 'b2'].map(async (name) =>
    await start({ name, region: name.slice(0, 1), join: [first.address] })))
  return [first, ...others]
}

const five = ['a1', 'a2', 'a3', 'b1', 'b2']

describe('membership of a mesh', () => {
  it('gives every edge the whole list, links and round trips, from one address', async () => {
    const nodes = await startFive()
    await until('every edge has the whole list', () => see(nodes, five))
    await until('every edge is linked with every other', () => nodes.every((node) => nodes.every((other) => other === node || node.isLinked(other))))
    await until('every link is measured', () => nodes.every((node) => nodes.every((other) => other === node || node.membership.rttMs(other.peer) !== undefined)))
    expect(nodes[0]?.membership.member(nodes[3]?.peer ?? '')).toMatchObject({ name: 'b1', region: 'b', weight: 1, draining: false })
  })

  it('hears with an edge\'s first word where it may be dialled', async () => {
    const first = await start({ name: 'a1', region: 'a' })
    const second = await start({ name: 'a2', region: 'a', join: [first.address] })
    await until('it is known', () => first.membership.isMember(second.peer))
    expect(first.membership.member(second.peer)).toMatchObject({ sequence: 1 })
    expect(first.membership.addresses(second.peer)).toEqual([second.address])
  })

  it('drops an edge that takes its leave from every list at once, without waiting for its silence', async () => {
    const nodes = await startFive()
    await until('every edge has the whole list', () => see(nodes, five))
    const [leaver] = running.splice(4, 1)
    await leaver?.stop()
    const left = nodes.filter((node) => node !== leaver)
    await until('the others have dropped it', () => see(left, five.filter((name) => name !== 'b2')))
    expect(left.map((node) => node.membership.counters().expired)).toEqual([0, 0, 0, 0])
  })

  it('hands its leave to the linked edges where gossip loses it', async () => {
    const first = await start({ name: 'a1', region: 'a' })
    const leaver = await startMeshNode({ name: 'a2', region: 'a', join: [first.address] })
    await until('both know each other', () => see([first, leaver], ['a1', 'a2']))
    const pubsub = leaver.libp2p.services.pubsub as { publish: () => Promise<unknown> }
    pubsub.publish = async () => ({ recipients: [] })
    await leaver.stop()
    await until('it is gone', () => see([first], ['a1']))
    expect(first.membership.counters().expired).toBe(0)
  })

  it('drops an edge that falls silent from every list', async () => {
    const nodes = await startFive()
    await until('every edge has the whole list', () => see(nodes, five))
    // Stopped without its leave, and still linked: it just says nothing any more.
    await nodes[4]?.membership.stop()
    await until('the others have dropped it', () => see(nodes.slice(0, 4), five.filter((name) => name !== 'b2')))
    expect(nodes[0]?.membership.counters().expired).toBe(1)
  })

  it('tells every edge of a change', async () => {
    const nodes = await startFive()
    await until('every edge has the whole list', () => see(nodes, five))
    let heard = 0
    nodes[0]?.membership.onChange(() => { heard++ })
    nodes[4]?.membership.announce({ draining: true, weight: 2.5 })
    const peer = nodes[4]?.peer ?? ''
    await until('every edge knows', () => nodes.every(({ membership }) => membership.member(peer)?.draining === true && membership.member(peer)?.weight === 2.5))
    expect(heard).toBeGreaterThan(0)
  })

  it('takes a restarted edge back under its identity, which finds its peers again without being told whom to join', async () => {
    // Without the DHT, whose routing table has a memory of its own.
    const first = await start({ name: 'a1', region: 'a', dht: false })
    const datastore = new MemoryDatastore()
    const before = await startMeshNode({ name: 'b1', region: 'b', join: [first.address], datastore, dht: false })
    await until('both know each other', () => see([first, before], ['a1', 'b1']))
    const incarnation = before.membership.self().incarnation
    await before.stop()
    await until('it is gone', () => see([first], ['a1']))

    const after = await start({ name: 'b1', region: 'b', key: before.key, datastore, dht: false })
    await until('it is back', () => see([first, after], ['a1', 'b1']))
    expect(first.membership.member(after.peer)?.incarnation).toBeGreaterThan(incarnation)
  })

  it('stays up and says so when a join address does not answer, and joins when it does', async () => {
    const gone = await startMeshNode({ name: 'a1', region: 'a' })
    const listen = gone.address.replace(/\/p2p\/.*/, '')
    await gone.stop()
    const waiting = await start({ name: 'b1', region: 'b', join: [gone.address] })
    await until('it says so', () => waiting.warnings.length > 0)
    expect(waiting.warnings[0]).toContain(`cannot reach join address ${gone.address}`)
    expect(waiting.warnings[0]).toMatch(/trying again in \d+ s$/)

    const back = await start({ name: 'a1', region: 'a', key: gone.key, listen })
    await until('both know each other', () => see([waiting, back], ['a1', 'b1']))
  })

  it('provides the name of its region in the DHT', async () => {
    const nodes = await startFive()
    const found = new Set<string>()
    const lookUp = async (): Promise<void> => {
      const { contentRouting } = nodes[1]?.libp2p ?? {}
      for await (const { id } of contentRouting?.findProviders(nameCid('colony/test/b'), { signal: AbortSignal.timeout(2_000) }) ?? []) found.add(id.toString())
    }
    const wanted = nodes.slice(3).map(({ peer }) => peer)
    let looking = false
    await until('the DHT tells the edges of the region', () => {
      if (!looking) {
        looking = true
        void lookUp().catch(() => {}).finally(() => { looking = false })
      }
      return wanted.every((peer) => found.has(peer))
    })
    expect([...found].sort()).toEqual(wanted.sort())
  })

  it('dials the providers that it finds', async () => {
    const alone = await start({ name: 'b2', region: 'b', dht: false })
    const bootstrap = await start({ name: 'a1', region: 'a', dht: false })
    const finder = await start({ name: 'b1', region: 'b', join: [bootstrap.address], dht: false, providers: [alone] })
    await until('all know each other', () => see([alone, bootstrap, finder], ['a1', 'b1', 'b2']))
    expect(finder.isLinked(alone)).toBe(true)
  })

  // The deadline of the one is what the other is given in vain.
  const meetMs = 6_000
  const meet = async (dht: boolean): Promise<boolean> => {
    const bootstrap = await start({ name: 'a1', region: 'a', dht })
    const [one, other] = await Promise.all(['b1', 'b2'].map(async (name) => await start({ name, region: 'b', join: [bootstrap.address], dht })))
    if (one === undefined || other === undefined) return false
    await until('both are linked with the bootstrap edge', () => one.isLinked(bootstrap) && other.isLinked(bootstrap))
    return await until('the two are linked', () => one.isLinked(other), meetMs).then(() => true, () => false)
  }

  it('links two edges of a region that only know one edge of another region', async () => {
    expect(await meet(true)).toBe(true)
  })

  it('does not link them without the DHT', async () => {
    expect(await meet(false)).toBe(false)
  })
})
