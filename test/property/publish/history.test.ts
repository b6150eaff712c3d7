/** Versions and histories: one order, whoever heard what when. */
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { contentKey } from '../../../protocols/ids.ts'
import { isSameWrite, kept, merged, type History } from '../../../protocols/publish/history.ts'
import { emptyHash, type Manifest } from '../../../protocols/publish/manifest.ts'
import { compareVersions, nextVersion, parseVersion, versionText } from '../../../protocols/publish/version.ts'

const versions = fc.record({ wallMs: fc.integer({ min: 0, max: 5 }), counter: fc.integer({ min: 0, max: 3 }), peer: fc.constantFrom('a', 'b', 'c') })

/** What a version says follows from it: nobody makes it twice. Some are retries of others. */
const manifests = versions.map((version): Manifest => ({
  key: contentKey('default', '/'), site: 'default', target: '/', hash: emptyHash, length: 0, fields: [], copies: 3, createdAtMs: 0, version,
  deleted: (version.wallMs + version.counter) % 3 === 0,
  ...(version.counter > 0 && { idempotencyKey: `request ${version.wallMs % 3}` })
}))

it('orders versions totally', () => {
  fc.assert(fc.property(versions, versions, versions, (a, b, c) => {
    expect(Math.sign(compareVersions(a, b))).toBe(-Math.sign(compareVersions(b, a)) + 0)
    expect(compareVersions(a, b) === 0).toBe(versionText(a) === versionText(b))
    if (compareVersions(a, b) <= 0 && compareVersions(b, c) <= 0) expect(compareVersions(a, c)).toBeLessThanOrEqual(0)
    expect(parseVersion(versionText(a))).toEqual(a)
  }))
})

it('makes a next version after all that were seen, whatever the clock says', () => {
  fc.assert(fc.property(fc.array(versions), fc.integer({ min: 0, max: 8 }), fc.constantFrom('a', 'b'), (seen, nowMs, peer) => {
    const next = nextVersion(nowMs, seen, peer)
    for (const version of seen) expect(compareVersions(next, version)).toBeGreaterThan(0)
    expect(next.wallMs).toBeGreaterThanOrEqual(nowMs)
  }))
})

it('comes to the same history in any order, and twice is once', () => {
  fc.assert(fc.property(fc.array(manifests, { maxLength: 12 }).chain((all) => fc.tuple(fc.constant(all), fc.shuffledSubarray(all, { minLength: all.length }))), fc.integer({ min: 1, max: 6 }), ([all, shuffled], historyMax) => {
    const merge = (each: readonly Manifest[]): History => each.reduce<History>((history, manifest) => merged(history, manifest, historyMax), [])
    const versionsOf = (history: History): string[] => history.map(({ version }) => versionText(version))
    const history = merge(all)
    expect(versionsOf(merge([...shuffled, ...shuffled]))).toEqual(versionsOf(history))
    expect(history.length).toBeLessThanOrEqual(historyMax)
    for (const one of history) expect(history.filter((other) => isSameWrite(one, other))).toEqual([one])
    // The newest of all writes, each in its latest version.
    const latest = all.filter((one) => all.every((other) => !isSameWrite(one, other) || compareVersions(one.version, other.version) >= 0))
    expect(versionsOf(history)).toEqual([...new Set(versionsOf(latest.toSorted((a, b) => compareVersions(b.version, a.version))))].slice(0, historyMax))
    for (const [index, manifest] of history.entries()) if (index > 0) expect(compareVersions(history[index - 1]!.version, manifest.version)).toBeGreaterThan(0)
    const newest = all.toSorted((a, b) => compareVersions(b.version, a.version))[0]
    if (newest !== undefined) expect(versionText(history[0]!.version)).toBe(versionText(newest.version))
    for (const manifest of all) if (historyMax > all.length) expect(merged(history, manifest, historyMax)).toBe(history)
  }))
})

it('keeps bodies of the newest versions only, and of none before a deletion', () => {
  fc.assert(fc.property(fc.array(manifests, { maxLength: 8 }), fc.integer({ min: 1, max: 4 }), (all, versionsKept) => {
    const history = all.reduce<History>((before, manifest) => merged(before, manifest, 16), [])
    const bodies = kept(history, versionsKept)
    expect(bodies).toEqual(history.slice(0, bodies.length))
    expect(bodies.length).toBeLessThanOrEqual(versionsKept)
    expect(bodies.some(({ deleted }) => deleted)).toBe(false)
    if (bodies.length < Math.min(versionsKept, history.length)) expect(history[bodies.length]!.deleted).toBe(true)
  }))
})
