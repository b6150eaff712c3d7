import { describe, expect, it } from 'vitest'
import { markDefaults, Marks, Purged, type Place } from '../../../protocols/purge/marks.ts'
import { PrefixTree } from '../../../protocols/purge/prefix-tree.ts'

const hard = { soft: false, atMs: 10 }
const subject = { epoch: 0, site: 'shop', target: '/img/a.png?v=1', tags: [] }

describe('marks of purges', () => {
  it('tell what is stale from what is gone, and since when', () => {
    const marks = new Marks()
    marks.apply([{ scope: 'shop', kind: 'path', text: '/img/a.png' }], { soft: true, atMs: 5 })
    marks.apply([{ scope: '', kind: 'prefix', text: '/img/' }], { soft: true, atMs: 7 })
    expect(marks.isPurged(subject)).toBe(Purged.Soft)
    expect(marks.softenedAtMs(subject)).toBe(5)
    expect(marks.softenedAtMs({ ...subject, target: '/img/b.png' })).toBe(7)
    expect(marks.softenedAtMs({ ...subject, target: '/b.png' })).toBeUndefined()
    marks.apply([{ scope: 'shop', kind: 'all' }], hard)
    expect(marks.isPurged(subject)).toBe(Purged.Hard)
  })

  it('go into the folder above when there are too many, and spare other folders and what is younger', () => {
    const marks = new Marks({ ...markDefaults, marksMax: 40 })
    for (let index = 0; index < 100; index++) marks.apply([{ scope: 'shop', kind: 'target', text: `/img/${index}.png` }], hard)
    expect(marks.size).toBeLessThanOrEqual(40)
    expect(marks.isPurged({ ...subject, target: '/img/other.png' })).toBe(Purged.Hard)
    expect(marks.isPurged({ ...subject, target: '/css/a.css' })).toBe(Purged.None)
    expect(marks.isPurged({ ...subject, target: '/img/other.png', epoch: 99 })).toBe(Purged.None)
    expect(marks.isPurged({ ...subject, target: '/img/99.png', epoch: 99 })).toBe(Purged.Hard)
  })

  it('of many hosts become one of their site, and leave other sites alone', () => {
    const marks = new Marks({ ...markDefaults, marksMax: 40 })
    for (let index = 0; index < 100; index++) marks.apply([{ scope: `shop|h${index}`, kind: 'all' }], hard)
    expect(marks.size).toBeLessThanOrEqual(40)
    expect(marks.isPurged({ ...subject, host: 'h0' })).toBe(Purged.Hard)
    expect(marks.isPurged({ ...subject, site: 'other', host: 'h0' })).toBe(Purged.None)
  })

  it('cost a look-up no more for there being many: a mark is not looked at that does not fit', () => {
    const looks = { count: 0 }
    const tree = new PrefixTree<{ readonly at: number }>()
    for (let index = 0; index < 10_000; index++) tree.set(`/img/${index}/`, { at: index })
    tree.visit('/img/77/a.png', () => { looks.count++ })
    expect(looks.count).toBe(1)
    expect(tree.size).toBe(10_000)
  })

  it('of a tag with very many objects are one', () => {
    const marks = new Marks()
    const place: Place = { scope: 'shop', kind: 'tag', tag: 7 }
    const before = marks.epoch
    for (let index = 0; index < 1_000; index++) marks.apply([place], hard)
    expect(marks.size).toBeLessThanOrEqual(2)
    expect(marks.isPurged({ ...subject, epoch: before, tags: [3, 7] })).toBe(Purged.Hard)
    expect(marks.isPurged({ ...subject, epoch: marks.epoch, tags: [3, 7] })).toBe(Purged.None)
  })
})
