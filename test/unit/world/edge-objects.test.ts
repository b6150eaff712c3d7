/** What the world's origin has follows from an object's number alone. */
import { describe, expect, it } from 'vitest'
import { Objects } from '../../../netsim/world/edge/objects.ts'
import { Latencies } from '../../../netsim/world/edge/latencies.ts'
import { Mesh } from '../../../netsim/world/edge/mesh.ts'
import { isContentKey } from '../../../protocols/ids.ts'
import { KeyWord, keyWord } from '../../../protocols/key-word.ts'

const objects = new Objects({ seed: 1, count: 10_000_000, medianBytes: 1_000, sigma: 1, bytesMax: 1_000_000, lifetimeMs: [1_000, 60_000], changeMs: 10_000 })

describe('the objects of a world', () => {
  it('have keys of the right shape, that tell the number back', () => {
    for (const object of [0, 1, 63, 64, 9_999_999, 2 ** 31 - 1]) {
      expect(isContentKey(objects.key(object))).toBe(true)
      expect(objects.object(objects.key(object))).toBe(object)
    }
  })

  it('have keys whose words fill a circle evenly', () => {
    for (const word of [KeyWord.Ring, KeyWord.Home]) {
      const eighths = new Array<number>(8).fill(0)
      for (let object = 0; object < 8_000; object++) eighths[Math.floor(keyWord(objects.key(object), word) / 2 ** 29)]!++
      expect(Math.max(...eighths)).toBeLessThan(1_150)
      expect(Math.min(...eighths)).toBeGreaterThan(850)
    }
  })

  it('have the words of their keys without the keys', () => {
    for (const word of Object.values(KeyWord)) {
      for (const object of [0, 1, 9_999_999, 2 ** 31 - 1]) expect(objects.word(object, word)).toBe(keyWord(objects.key(object), word))
    }
  })

  it('have a version until the moment that the next one begins', () => {
    for (let object = 0; object < 200; object++) {
      const version = objects.version(object, 123_456)
      const endMs = objects.endMs(object, version)
      expect(endMs).toBeGreaterThan(123_456)
      expect(objects.version(object, endMs - 1)).toBe(version)
      expect(objects.version(object, endMs)).toBe(version + 1)
      expect(objects.bytes(object, version)).not.toBe(objects.bytes(object, version + 1))
      expect(objects.lifetimeMs(object)).toBeGreaterThanOrEqual(1_000)
      expect(objects.lifetimeMs(object)).toBeLessThanOrEqual(60_000)
    }
  })
})

describe('latencies', () => {
  it('tell percentiles within a twentieth', () => {
    const latencies = new Latencies()
    for (let ms = 1; ms <= 1_000; ms++) latencies.note(ms)
    for (const [share, ms] of [[0.5, 500], [0.99, 990], [1, 1_000]] as const) expect(Math.abs(latencies.percentile(share) / ms - 1)).toBeLessThan(0.05)
    expect(new Latencies().percentile(0.5)).toBe(0)
  })
})

describe('the mesh of links', () => {
  it('knows what hangs together, and what no longer does', () => {
    const links = [[1], [0], [3], [2], []]
    const mesh = new Mesh(5, (edge) => links[edge]!)
    expect([mesh.connected(0, 1), mesh.connected(1, 2), mesh.connected(4, 4)]).toEqual([true, false, true])
    links[1]!.push(2)
    mesh.linked(1, 2)
    expect([mesh.connected(0, 3), mesh.connected(0, 4)]).toEqual([true, false])
    links[1]!.pop()
    mesh.broke()
    expect(mesh.connected(0, 3)).toBe(false)
  })
})
