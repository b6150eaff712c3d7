import type { Connection } from '@libp2p/interface'
import { Uint8ArrayList } from 'uint8arraylist'
import { describe, expect, it } from 'vitest'
import { RaftLanes } from '../../../protocols/raft/lanes.ts'
import { raftServiceDefaults } from '../../../protocols/raft/service-settings.ts'
import { stillClock } from '../../support/store.ts'
import { settled } from './support.ts'

async function lanes (openConnection: () => Promise<Connection>): Promise<{ lanes: RaftLanes, clock: ReturnType<typeof stillClock>, broken: string[] }> {
  const clock = stillClock()
  const broken: string[] = []
  const made = new RaftLanes({
    clock,
    settings: raftServiceDefaults,
    payloadBytesMax: 1_000,
    snapshotPayloadBytesMax: 1_000,
    components: {
      registrar: { handle: async () => {}, unhandle: async () => {} },
      connectionManager: { getConnections: () => [], openConnection }
    },
    peerIdFromName: (peer) => peer as never,
    isMember: () => true,
    onFrame: () => {},
    onBroken: (peer) => { broken.push(peer) }
  })
  await made.start()
  return { lanes: made, clock, broken }
}

const frame = (bytes: number): Uint8ArrayList => new Uint8ArrayList(new Uint8Array(bytes))

describe('the way to a peer that does not answer', () => {
  it('holds no more than it may, and drops the rest', async () => {
    const { lanes: lane } = await lanes(async () => await new Promise(() => {}))
    const count = 20
    const bytes = raftServiceDefaults.queueBytesMax / 10
    for (let sent = 0; sent < count; sent++) lane.send('b', 0, frame(bytes))
    expect(lane.counters.dropped).toBe(count - 9)
    await lane.stop()
  })

  it('is tried again only after a while, which doubles', async () => {
    let dials = 0
    const { lanes: lane, clock, broken } = await lanes(async () => {
      dials++
      throw new Error('nobody is there')
    })
    const waits: number[] = []
    for (let wait = 0; wait < 8; wait++) {
      const before = dials
      const sinceMs = clock.nowMs()
      while (dials === before) {
        lane.send('b', 0, frame(10))
        await settled()
        clock.advance(5)
      }
      waits.push(clock.nowMs() - sinceMs)
    }
    expect(broken).toHaveLength(8)
    expect(waits[1]).toBeLessThanOrEqual(raftServiceDefaults.reopenMs + 10)
    expect(waits[3]!).toBeGreaterThan(waits[1]!)
    expect(Math.max(...waits)).toBeLessThanOrEqual(raftServiceDefaults.reopenMaxMs + 10)
    await lane.stop()
  })
})
