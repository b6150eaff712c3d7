import { describe, expect, it } from 'vitest'
import type { EdgeOverview, Overview } from '../../daemon/admin/overview.ts'
import { Looks, total } from '../../bin/colony-commands/top-rates.ts'
import { liveLines } from '../../bin/colony-commands/top.ts'
import { pageLines } from '../../bin/colony-commands/top-view.ts'
import { visibleWidth } from '../../bin/table.ts'
import { decodeSummary, encodeSummary, type Summary } from '../../protocols/survey/summary.ts'
import { decodeHead, encodeHead, headBytesMax } from '../../protocols/wire.ts'

const MiB = 1024 * 1024

function summary (more: Partial<Summary> = {}): Summary {
  return {
    name: 'europe-1', region: 'europe', version: '0.1.0', uptimeMs: 10_000,
    requests: { hit: 60, stale: 0, revalidated: 0, miss: 40, pass: 0, failed: 0 },
    servedBytes: { store: 60 * MiB, peer: 30 * MiB, origin: 10 * MiB },
    peerBytes: { received: 30 * MiB, sent: 0 }, originBytes: 10 * MiB,
    store: { objects: 5, memoryBytes: 1, memoryBytesMax: 2, diskBytes: 25, diskBytesMax: 100 },
    flights: 2,
    origins: [{ url: 'http://origin.example', breaker: 'closed', sent: 20, inFlight: 1, queued: 0, ttfbMs: 30 }],
    hotKeys: [{ site: 'shop', target: '/a.css', perSecond: 7 }],
    ...more
  }
}

function edge (name: string, region: string, told: Summary | undefined = summary({ name, region }), error?: string): EdgeOverview {
  return { peer: `12D3KooW${name}`, name, region, draining: false, summary: told, error }
}

function overview (...edges: readonly EdgeOverview[]): Overview {
  return { through: edges[0]?.peer ?? '', atMs: 0, edges }
}

const twice = (before: Summary, now: Summary): ReturnType<typeof total> => {
  const looks = new Looks()
  looks.next(overview(edge('a', 'x', before)))
  return total(looks.next(overview(edge('a', 'x', now))).edges)
}

describe('rates', () => {
  it('are between two looks, over the time that the edge itself measured', () => {
    const now = summary({ uptimeMs: 14_000, requests: { hit: 64, stale: 2, revalidated: 2, miss: 48, pass: 4, failed: 0 }, originBytes: 14 * MiB })
    expect(twice(summary(), now)).toMatchObject({ requests: 5, hits: 2, store: 0, originIn: MiB })
  })

  it('are over the life of an edge that was seen for the first time', () => {
    const page = new Looks().next(overview(edge('a', 'x')))
    expect(page.first).toBe(true)
    expect(total(page.edges)).toMatchObject({ requests: 10, hits: 6, store: 6 * MiB, peerIn: 3 * MiB })
    expect(page.origins[0]?.requests).toBe(2)
  })

  it.each([
    ['its time', summary({ uptimeMs: 2_000, requests: { hit: 70, stale: 0, revalidated: 0, miss: 50, pass: 0, failed: 0 }, servedBytes: { store: 61 * MiB, peer: 31 * MiB, origin: 11 * MiB } }), 60],
    ['a counter', summary({ uptimeMs: 20_000, requests: { hit: 10, stale: 0, revalidated: 0, miss: 30, pass: 0, failed: 0 } }), 2]
  ])('begin anew with an edge that was started anew, as %s shows', (_what, now, requests) => {
    expect(twice(summary(), now).requests).toBe(requests)
  })

  it('go on with the last word of an edge that was silent in between', () => {
    const looks = new Looks()
    looks.next(overview(edge('a', 'x')))
    const mute = looks.next(overview({ ...edge('a', 'x'), summary: undefined, error: 'silence' }))
    expect(total(mute.edges).requests).toBe(0)
    const now = summary({ uptimeMs: 20_000, requests: { hit: 80, stale: 0, revalidated: 0, miss: 40, pass: 0, failed: 0 } })
    expect(total(looks.next(overview(edge('a', 'x', now))).edges).requests).toBe(2)
  })

  it('add up hot keys and origins over the edges', () => {
    const open = summary({ origins: [{ url: 'http://origin.example', breaker: 'open', sent: 10, inFlight: 0, queued: 3, ttfbMs: 50 }], hotKeys: [{ site: 'shop', target: '/b', perSecond: 8 }, { site: 'shop', target: '/a.css', perSecond: 5 }] })
    const page = new Looks().next(overview(edge('a', 'x'), edge('b', 'x', open)))
    expect(page.origins).toEqual([{ url: 'http://origin.example', edges: 2, leftAlone: 1, requests: 3, inFlight: 1, queued: 3, ttfbMs: 50 }])
    expect(page.keys).toEqual([{ site: 'shop', target: '/a.css', requests: 12, edges: 2 }, { site: 'shop', target: '/b', requests: 8, edges: 1 }])
  })
})

describe('the page', () => {
  const colony = overview(edge('asia-1', 'asia'), edge('europe-1', 'europe'), { ...edge('europe-2', 'europe'), summary: undefined, error: 'peer 12D3 gave no answer' })

  it('shows the whole, then edges by region, hot keys and origins', () => {
    expect(pageLines(new Looks().next(colony))).toEqual([
      'colony     2 of 3 edges answer, 2 regions, through asia-1',
      'requests   20/s, since the start of each edge',
      'hit ratio  ██████░░░░ 60 %',
      'fetched    6 MiB/s between edges, 2 MiB/s from origins by 4/s requests',
      '',
      'SERVED FROM     BYTES  SHARE',
      'own store    12 MiB/s   60 %  ██████░░░░',
      'peers         6 MiB/s   30 %  ███░░░░░░░',
      'origins       2 MiB/s   10 %  █░░░░░░░░░',
      '',
      'EDGES                 REQUESTS  HITS    STORE    PEERS   ORIGIN  FULL  FETCHES    UP',
      'asia: 1 edge              10/s  60 %  6 MiB/s  3 MiB/s  1 MiB/s  25 %        2     -',
      '  asia-1                  10/s  60 %  6 MiB/s  3 MiB/s  1 MiB/s  25 %        2  10 s',
      'europe: 1 of 2 edges      10/s  60 %  6 MiB/s  3 MiB/s  1 MiB/s  25 %        2     -',
      '  europe-1                10/s  60 %  6 MiB/s  3 MiB/s  1 MiB/s  25 %        2  10 s',
      '  europe-2              silent     -        -        -        -     -        -     -',
      '',
      'europe-2 does not answer: peer 12D3 gave no answer',
      '',
      'HOT KEYS     REQUESTS  EDGES',
      'shop:/a.css      14/s      2',
      '',
      'ORIGINS                REQUESTS  STATE   FIRST BYTE  IN FLIGHT  QUEUED  EDGES',
      'http://origin.example       4/s  in use       30 ms          2       0      2'
    ])
  })

  const large = overview(...['africa', 'asia', 'europe'].flatMap((region) => Array.from({ length: 30 }, (_, index) => edge(`${region}-with-a-long-name-${index}`, region, summary({
    hotKeys: Array.from({ length: 10 }, (_each, at) => ({ site: 'shop', target: `/${'long/'.repeat(60)}${at}`, perSecond: 100 - at }))
  })))))

  it.each([[40, 24], [80, 24], [80, 50], [200, 60], [200, 200]])('fits a terminal of %d columns and %d lines, with all its parts', (columns, rows) => {
    const lines = liveLines(new Looks().next(large), undefined, 2_000, { columns, rows })
    expect(lines.length).toBeLessThanOrEqual(rows)
    for (const line of lines) expect(visibleWidth(line), line).toBeLessThanOrEqual(columns)
    const text = lines.join('\n')
    for (const part of ['SERVED FROM', 'africa: 30 edges', 'europe: 30 edges', 'HOT KEYS', 'ORIGINS']) expect(text).toContain(part)
    // Every edge where there is room, none of 90 where there is not.
    expect(lines.filter((line) => line.startsWith('  ')).length).toBe(rows === 200 ? 90 : 0)
    expect([text.includes('ORIGIN '), text.includes(' UP')]).toEqual([columns >= 80, columns >= 200])
  })

  it('says how many regions a low terminal leaves out', () => {
    const many = overview(...Array.from({ length: 100 }, (_, index) => edge(`e-${index}`, `region-${index}`)))
    expect(liveLines(new Looks().next(many), undefined, 2_000, { columns: 80, rows: 24 }).join('\n')).toMatch(/and \d\d more regions/)
  })

  it('says in its first line why nothing new comes', () => {
    expect(liveLines(new Looks().next(colony), 'no edge answers', 2_000, { columns: 80, rows: 24 })[0]).toContain('no edge answers')
  })

  it('is there for a terminal that does not know its size', () => {
    const lines = liveLines(new Looks().next(large), undefined, 2_000, { columns: 0, rows: 0 })
    expect([lines.length <= 24, lines.every((line) => visibleWidth(line) <= 80)]).toEqual([true, true])
  })
})

describe('a summary from a peer', () => {
  const decode = (head: object): Summary => decodeSummary({ head: decodeHead(encodeHead(head)) })

  it('comes through the wire as it was', () => {
    expect(decode(encodeSummary(summary({ zone: 'rack-1' })))).toEqual(summary({ zone: 'rack-1' }))
  })

  it('is cut to its bounds before it is sent, and then fits a frame', () => {
    const wide = 'ü'.repeat(5_000)
    const large = summary({
      name: wide, zone: wide, version: wide, region: wide,
      origins: Array.from({ length: 100 }, () => ({ ...summary().origins[0]!, url: wide })),
      hotKeys: Array.from({ length: 100 }, () => ({ site: wide, target: wide, perSecond: 1 }))
    })
    const head = encodeHead(encodeSummary(large))
    expect(head.byteLength).toBeLessThan(headBytesMax)
    expect(decodeSummary({ head: decodeHead(head) }).hotKeys).toHaveLength(20)
  })

  it('carries nothing that moves a terminal\'s cursor or turns a line around', () => {
    const told = decode({ ...encodeSummary(summary()), name: 'a\x1b[2Jb', hotKeys: [{ site: 's', target: '/\u202egnp\u009b1m', perSecond: 1 }] })
    expect([told.name, told.hotKeys[0]?.target]).toEqual(['a\ufffd[2Jb', '/\ufffdgnp\ufffd1m'])
  })

  it.each([
    ['a name that is no text', { name: 5 }],
    ['a name that is too long', { name: 'a'.repeat(300) }],
    ['a time that goes back', { uptimeMs: -1 }],
    ['a count that is no number', { flights: NaN }],
    ['a count beyond all bounds', { originBytes: 1e300 }],
    ['too many hot keys', { hotKeys: Array.from({ length: 21 }, () => summary().hotKeys[0]) }],
    ['an origin in no known state', { origins: [{ ...summary().origins[0], breaker: 'ajar' }] }],
    ['no requests', { requests: [] }]
  ])('is refused with %s', (_what, wrong) => {
    expect(() => decode({ ...encodeSummary(summary()), ...wrong })).toThrow(/^a peer /)
  })
})
