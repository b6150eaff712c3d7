import { describe, expect, it } from 'vitest'
import { overview, overviewDefaults, overviewRoutes, summaryOf, type OverviewSource } from '../../../daemon/admin/overview.ts'
import type { EdgeStatus } from '../../../daemon/admin/status.ts'
import { encodeSummary, type Summary } from '../../../protocols/survey/summary.ts'
import { RpcError, type Call } from '../../../protocols/rpc.ts'
import { turn } from '../cache/support.ts'
import { manualClock } from '../membership/support.ts'
import { callTo } from '../warm/support.ts'

const summary: Summary = {
  name: 'edge', region: 'x', version: '0.1.0', uptimeMs: 1, requests: { hit: 1, stale: 0, revalidated: 0, miss: 0, pass: 0, failed: 0 },
  servedBytes: { store: 1, peer: 0, origin: 0 }, peerBytes: { received: 0, sent: 0 }, originBytes: 0,
  store: { objects: 0, memoryBytes: 0, memoryBytesMax: 0, diskBytes: 0, diskBytesMax: 0 }, flights: 0, origins: [], hotKeys: []
}

function source (count: number, call: Call): OverviewSource & { clock: ReturnType<typeof manualClock> } {
  return {
    call, clock: manualClock(), settings: { ...overviewDefaults, inFlightMax: 3 }, self: 'peer-0', ownSummary: () => ({ ...summary, name: 'self\x1b[2J' }),
    members: () => Array.from({ length: count }, (_, index) => ({ peer: `peer-${index}`, name: `edge-${index}`, region: index % 2 === 0 ? 'b' : 'a', draining: false }))
  }
}

describe('the overview', () => {
  it('has every edge by region and name, with its summary or why there is none', async () => {
    const call = callTo({
      'peer-1': async () => ({ head: encodeSummary({ ...summary, name: 'one' }) }),
      'peer-2': async () => ({ head: { name: 'nonsense' } }),
      'peer-3': undefined
    })
    const { edges, through } = await overview(source(4, call))
    expect(through).toBe('peer-0')
    expect(edges.map(({ name, summary: told, error }) => [name, told?.name ?? error])).toEqual([
      ['edge-1', 'one'], ['edge-3', 'peer peer-3 gave no answer'], ['edge-0', 'self\ufffd[2J'], ['edge-2', expect.stringMatching(/^a peer sent a summary/) as string]
    ])
  })

  it('asks a few at a time, and nobody after its deadline', async () => {
    let now = 0
    let most = 0
    const from = source(20, async (peer, _head, { signal, timeoutMs } = {}) => {
      most = Math.max(most, ++now)
      await new Promise<void>((resolve) => {
        signal?.addEventListener('abort', () => { resolve() })
        from.clock.after(timeoutMs ?? 0, resolve)
      })
      now--
      throw new RpcError('COLONY_RPC_SILENT', peer, 'silence')
    })
    const asked = overview(from)
    await from.clock.advance(overviewDefaults.deadlineMs)
    const { edges } = await asked
    expect(most).toBe(3)
    expect(edges.filter(({ error }) => error === 'silence')).toHaveLength(9)
    expect(edges.filter(({ error }) => error?.includes('not asked') === true)).toHaveLength(10)
    expect(edges.find(({ peer }) => peer === 'peer-0')?.summary).toBeDefined()
  })

  it('is one round of questions for all who look at the same time', async () => {
    let calls = 0
    const answer = Promise.withResolvers<void>()
    const [route] = overviewRoutes(source(2, callTo({
      'peer-1': async () => {
        calls++
        await answer.promise
        return { head: encodeSummary(summary) }
      }
    })))
    const run = async (): Promise<number> => (await route!.run({ params: {}, query: new URLSearchParams(), request: {} as never })).status
    const both = [run(), run()]
    await turn()
    answer.resolve()
    expect([...await Promise.all(both), calls]).toEqual([200, 200, 1])
    await run()
    expect(calls).toBe(2)
  })

  it('tells of an origin once, however many sites it stands behind', () => {
    const origin = { url: 'http://origin.example', breaker: 'open', inFlight: 2, queued: 1, sent: 9, ttfbMs: 3 } as const
    const status = {
      ...summary, traffic: { requests: summary.requests, originBytes: 5 }, sites: [{ name: 'a', origins: [origin] }, { name: 'b', origins: [origin] }, { name: 'published', origins: [] }]
    } as unknown as EdgeStatus
    expect(summaryOf(status, summary.servedBytes, [{ site: 'a', target: '/', perSecond: 1.23456, errorPerSecond: 0 }])).toMatchObject({
      originBytes: 5,
      origins: [{ url: 'http://origin.example', breaker: 'open', inFlight: 2, queued: 1, sent: 9, ttfbMs: 3 }],
      hotKeys: [{ site: 'a', target: '/', perSecond: 1.23 }]
    })
  })
})
