import { describe, expect, it } from 'vitest'
import { S3Fifo } from '../../../daemon/store/s3-fifo.ts'
import type { Evicted } from '../../../daemon/store/s3-fifo.ts'

/** Of what was evicted, each with its own id as the value. */
function ids (evicted: ReadonlyArray<Evicted<string>>): string[] {
  expect(evicted.every(({ id, value }) => id === value)).toBe(true)
  return evicted.map(({ id }) => id)
}

function filled (count: number): S3Fifo<string> {
  const fifo = new S3Fifo<string>({ bytesMax: 100, objectShareMax: 0.25 })
  for (let index = 0; index < count; index++) fifo.insert(`first ${index}`, 1, `first ${index}`)
  return fifo
}

/** Moves `count` objects of one byte to main: used twice, then pushed through the small queue. */
function withMain (count: number): S3Fifo<string> {
  const fifo = filled(count)
  for (let index = 0; index < count; index++) {
    fifo.access(`first ${index}`)
    fifo.access(`first ${index}`)
  }
  for (let index = 0; index < 200; index++) fifo.insert(`scan ${index}`, 1, `scan ${index}`)
  return fifo
}

function resident (fifo: S3Fifo<string>, name: string, count: number): number {
  return Array.from({ length: count }, (_, index) => fifo.has(`${name} ${index}`)).filter(Boolean).length
}

describe('S3Fifo', () => {
  it('evicts newcomers in their order and remembers them as ghosts', () => {
    const fifo = filled(100)
    expect(ids(fifo.insert('next', 2, 'next'))).toEqual(['first 0', 'first 1'])
    expect(fifo.isGhost('first 0')).toBe(true)
    expect(fifo.has('first 0')).toBe(false)
    expect(fifo.bytes).toBe(100)
  })

  it('moves to main what was used twice, and not what was used once', () => {
    const fifo = filled(100)
    fifo.access('first 0')
    fifo.access('first 0')
    fifo.access('first 1')
    expect(ids(fifo.insert('next', 1, 'next'))).toEqual(['first 1'])
    expect(fifo.has('first 0')).toBe(true)
  })

  it('takes a ghost into main, where a scan does not reach it', () => {
    const fifo = filled(100)
    fifo.insert('next', 1, 'next')
    fifo.insert('first 0', 1, 'first 0')
    for (let index = 0; index < 500; index++) fifo.insert(`scan ${index}`, 1, `scan ${index}`)
    expect(fifo.has('first 0')).toBe(true)
    expect(fifo.isGhost('first 0')).toBe(false)
  })

  it('evicts from main what was not used since, in its order, once main has more than its share', () => {
    const fifo = filled(100)
    for (let index = 0; index < 100; index++) {
      fifo.access(`first ${index}`)
      fifo.access(`first ${index}`)
    }
    expect(ids(fifo.insert('next', 1, 'next'))).toEqual(['first 0'])
    expect(fifo.isGhost('first 0')).toBe(false)
    fifo.access('first 1')
    expect(ids(fifo.insert('after', 1, 'after'))).toEqual(['first 2'])
  })

  it('keeps a newcomer of up to a tenth from costing main anything of its share', () => {
    const fifo = withMain(90)
    expect(ids(fifo.insert('large', 10, 'large')).every((id) => id.startsWith('scan'))).toBe(true)
    expect(resident(fifo, 'first', 90)).toBe(90)
  })

  it('leaves main three quarters against any number of objects of a quarter', () => {
    const fifo = withMain(90)
    for (let index = 0; index < 50; index++) {
      fifo.insert(`large ${index}`, 25, `large ${index}`)
      expect(resident(fifo, 'first', 90)).toBe(75)
    }
  })

  it('does not admit what is above its share', () => {
    const fifo = filled(0)
    expect(fifo.fits(25)).toBe(true)
    expect(fifo.fits(26)).toBe(false)
    expect(() => fifo.insert('large', 26, 'large')).toThrow('does not fit')
  })

  it('replaces a resident object where it was, with its new size', () => {
    const fifo = withMain(90)
    fifo.insert('first 0', 3, 'first 0')
    for (let index = 0; index < 300; index++) fifo.insert(`more ${index}`, 1, `more ${index}`)
    expect(fifo.has('first 0')).toBe(true)
    expect(fifo.bytes).toBeLessThanOrEqual(100)
  })

  it('forgets what is removed without a ghost', () => {
    const fifo = filled(3)
    fifo.remove('first 1')
    fifo.remove('never there')
    expect([fifo.size, fifo.bytes, fifo.isGhost('first 1')]).toEqual([2, 2, false])
  })

  it('makes room for reservations and takes them back', () => {
    const fifo = filled(100)
    expect(ids(fifo.reserve(2))).toEqual(['first 0', 'first 1'])
    fifo.release(2)
    expect(fifo.bytes).toBe(98)
    expect(ids(fifo.insert('next', 2, 'next'))).toEqual([])
    expect(() => { fifo.release(1) }).toThrow('more bytes were released')
  })

  it('keeps a value with each resident, and none with a ghost', () => {
    const fifo = filled(100)
    fifo.insert('next', 1, 'next')
    fifo.set('first 1', 'another')
    fifo.set('first 0', 'a ghost has none')
    expect([fifo.get('first 0'), fifo.get('first 1'), fifo.get('first 2')]).toEqual([undefined, 'another', 'first 2'])
    expect([...fifo.residents()]).toHaveLength(100)
    expect([...fifo.residents()]).toContainEqual(['first 1', 'another'])
  })

  it('shrinks with its budget', () => {
    const fifo = filled(100)
    expect(ids(fifo.resize(97))).toEqual(['first 0', 'first 1', 'first 2'])
    expect(ids(fifo.resize(200))).toEqual([])
  })

  it('holds at most so many objects', () => {
    const fifo = new S3Fifo<string>({ bytesMax: 1000, objectShareMax: 1, entriesMax: 3 })
    for (const id of ['a', 'b', 'c']) expect(ids(fifo.insert(id, 1, id))).toEqual([])
    expect(ids(fifo.insert('d', 1, 'd'))).toEqual(['a'])
  })

  it('recalls the second use of what is not resident, and what it evicted', () => {
    const fifo = filled(100)
    expect(fifo.recall('elsewhere')).toBe(false)
    expect(fifo.recall('elsewhere')).toBe(true)
    fifo.insert('next', 1, 'next')
    expect(fifo.recall('first 0')).toBe(true)
  })

  it('restores an earlier run into main until that has its share, then into the small queue', () => {
    const fifo = new S3Fifo<string>({ bytesMax: 100, objectShareMax: 0.25 })
    for (let index = 0; index < 100; index++) fifo.restore(`old ${index}`, 1, `old ${index}`)
    for (let index = 0; index < 500; index++) fifo.insert(`scan ${index}`, 1, `scan ${index}`)
    expect(resident(fifo, 'old', 90)).toBe(90)
    expect(fifo.has('old 95')).toBe(false)
  })
})
