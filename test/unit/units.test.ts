/** Numbers as people read them. */
import { describe, expect, it } from 'vitest'
import { formatBar, formatBytes, formatCount, formatDuration, formatShare } from '../../bin/units.ts'

describe('numbers for people', () => {
  it.each([
    [0, '0 B'], [999, '999 B'], [1023, '1023 B'], [1024, '1 KiB'], [1075, '1.0 KiB'], [1.2 * 1024 ** 3, '1.2 GiB'],
    [256 * 1024 ** 2, '256 MiB'], [99.97 * 1024, '100 KiB'], [1023.9 * 1024, '1.0 MiB'], [3 * 1024 ** 5, '3 PiB'], [4096 * 1024 ** 5, '4096 PiB']
  ])('writes %d bytes as %s', (bytes, text) => {
    expect(formatBytes(bytes)).toBe(text)
  })

  it.each([
    [0, '0 ms'], [0.04, '< 0.1 ms'], [1.4, '1.4 ms'], [99.96, '100 ms'], [230, '230 ms'], [999.4, '999 ms'], [999.6, '1.0 s'], [3200, '3.2 s'],
    [59_949, '60 s'], [59_960, '1 m'], [200_000, '3 m 20 s'], [3_600_000, '1 h'], [3_605_000, '1 h'], [18_180_000, '5 h 3 m'], [190_800_000, '2 d 5 h']
  ])('writes %d ms as %s', (ms, text) => {
    expect(formatDuration(ms)).toBe(text)
  })

  it.each([
    [0, '0 %'], [0.0001, '< 0.1 %'], [0.047, '4.7 %'], [0.5, '50 %'], [0.634, '63 %'], [0.99999, '99.9 %'], [1, '100 %']
  ])('writes the share %d as %s', (share, text) => {
    expect(formatShare(share)).toBe(text)
  })

  it.each([[0, '0'], [0.25, '0.3'], [7, '7'], [12.4, '12'], [12345, '12,345']])('writes the count %d as %s', (count, text) => {
    expect(formatCount(count)).toBe(text)
  })

  it.each([[0, '░░░░'], [0.001, '█░░░'], [0.5, '██░░'], [1, '████'], [7, '████'], [-1, '░░░░']])('draws the share %d as %s', (share, bar) => {
    expect(formatBar(share, 4)).toBe(bar)
  })
})
