/** What a swarm costs, out of what its processes tell. */
import { describe, expect, it } from 'vitest'
import { costOf, readingOf } from '../../../netsim/swarm/cost.ts'
import type { HostUsage } from '../../../netsim/swarm/host.ts'
import { noTraffic } from '../../../netsim/traffic.ts'

const usage = (cpuMs: number, gossip: number, content: number, delay: number): HostUsage => ({
  pid: 1, edges: 5, cpuMs, rssBytes: 50_000_000, eventLoopDelayMs: { p50: delay, p99: 2 * delay, max: 3 * delay }, traffic: noTraffic,
  coordination: {
    gossip: { bytesIn: 2 * gossip, bytesOut: gossip, messagesIn: 3, messagesOut: gossip / 100 },
    publish: { bytesIn: content, bytesOut: content, messagesIn: 1, messagesOut: 1 }
  }
})

describe('the cost of a swarm', () => {
  it('is for each edge and second, each byte counted once, and without what moves content', () => {
    const before = readingOf(1_000, [usage(100, 1_000, 0, 1), usage(100, 1_000, 0, 1)])
    const after = readingOf(11_000, [usage(600, 11_000, 9_999, 4), usage(200, 21_000, 9_999, 8)])
    expect(costOf(before, after)).toEqual({
      seconds: 10,
      cpuPercentPerPeer: 0.6,
      rssBytesPerPeer: 10_000_000,
      eventLoopDelayMs: { p50: 8, p99: 16 },
      coordination: { bytesPerPeerSecond: 300, messagesPerPeerSecond: 3, byPart: { gossip: 300 } }
    })
  })

  it('counts a restarted edge, which begins at nothing again, as nothing and not below it', () => {
    const cost = costOf(readingOf(0, [usage(0, 5_000, 0, 1)]), readingOf(1_000, [usage(10, 100, 0, 1)]))
    expect(cost.coordination.bytesPerPeerSecond).toBe(0)
  })
})
