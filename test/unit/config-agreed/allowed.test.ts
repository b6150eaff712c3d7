/** Lists of allowed peers that may and may not be agreed on, and settings that say that they have no effect yet. */
import { describe, expect, it } from 'vitest'
import { allowedBy, lockOut, type LockOutInit } from '../../../protocols/config/allowed.ts'
import { describeChange } from '../../../protocols/config/diff.ts'
import { notesOf, withoutEffect } from '../../../protocols/config/notes.ts'
import { readSettings, settingsShape } from '../../../protocols/config/schema.ts'
import type { Shape } from '../../../protocols/config/shape.ts'

describe('a list of allowed peers', () => {
  const init: LockOutInit = { self: 'a', groups: [{ scope: 'regional', voters: ['a', 'b', 'c'] }, { scope: 'global', voters: [] }], leader: 'b', nameOf: (peer) => `edge-${peer}` }
  const fault = (...allowed: string[]): string | undefined => lockOut(new Set(allowed), init)

  it('is fine while the asked edge, a majority of the voters and who leads its roll-out are on it', () => {
    expect(fault('a', 'b')).toBeUndefined()
    expect(fault('a', 'b', 'c', 'x')).toBeUndefined()
    expect(lockOut(new Set(['a', 'c']), { ...init, leader: undefined })).toBeUndefined()
  })

  it.each([
    ['the asked edge', ['b', 'c'], 'peers.allowed: leaves out edge-a, the edge that was asked'],
    ['the leader of its roll-out', ['a', 'c'], 'peers.allowed: leaves out edge-b, which leads the roll-out (let --plan now do without one, or stop that edge first)'],
    ['a majority', ['b'], 'peers.allowed: leaves out edge-a, the edge that was asked; and 2 of 3 voters of the regional group, which could agree on nothing more: edge-a, edge-c']
  ])('is refused in one sentence where it leaves out %s', (_whom, allowed, sentence) => {
    expect(fault(...allowed)).toBe(sentence)
  })

  it('lets everybody in where it is empty or absent', () => {
    expect([allowedBy({}), allowedBy({ peers: { allowed: [] } }), allowedBy(undefined)]).toEqual([undefined, undefined, undefined])
  })

  it('says by name who would be shut out now, and which keys that moves', () => {
    const members = ['a', 'b', 'c'].map((peer) => ({ peer, name: `edge-${peer}`, region: peer === 'c' ? 'par' : 'fra', weight: 1 }))
    const { shutOut, movedByRegion, regionWide } = describeChange({ before: { peers: { allowed: ['a', 'b', 'c'] } }, after: { peers: { allowed: ['a', 'c'] } }, members })
    expect(shutOut).toEqual([{ peer: 'b', name: 'edge-b', region: 'fra' }])
    expect([[...movedByRegion.keys()], regionWide]).toEqual([['fra'], true])
    expect(describeChange({ before: { peers: { allowed: ['a'] } }, after: {}, members }).shutOut).toEqual([])
  })
})

describe('settings without effect', () => {
  /** Whether a path leads to a value in the schema. */
  function leads ([name, ...rest]: readonly string[], shape: Shape | undefined): boolean {
    if (name === undefined) return shape?.kind === 'leaf' || shape?.kind === 'list'
    if (shape?.kind === 'names') return name === '*' && leads(rest, shape.each)
    return shape?.kind === 'fields' && Object.hasOwn(shape.fields, name) && leads(rest, shape.fields[name])
  }

  it.each(withoutEffect)('are settings: %s', (path) => {
    expect(leads(path.split('/'), settingsShape)).toBe(true)
  })

  it('are told by path where they are given, and only there', () => {
    const document = { sites: { shop: { stale: { fenced: 'refuse', ifError: '5s' } }, 'a.b': { stale: { fenced: 'refuse' } } }, placement: { copiesMin: 2 }, flags: { beta: true } }
    expect(readSettings(document)).toMatchObject({ placement: { copiesMin: 2 } })
    expect(notesOf(document)).toEqual(['placement.copiesMin', 'sites/a.b/stale/fenced', 'sites.shop.stale.fenced'].map((path) => `${path}: kept, but no edge acts on it yet`))
    expect(notesOf({ placement: { copiesMin: null }, sites: { shop: { stale: null } } })).toEqual([])
    expect([notesOf(undefined), notesOf({ flags: { beta: true } })]).toEqual([[], []])
  })
})
