import { expect, it } from 'vitest'
import { formatQuantity } from '../../../netsim/report/quantity.ts'

it.each([
  [12_345, '', '12,345'], [0.5, '/s', '0.5/s'], [3.25, 'ms', '3.25 ms'], [999.9, 'ms', '1 s'], [2_500, 'ms', '2.5 s'], [90_000, 'ms', '1 m 30 s'],
  [0, 's', '0 s'], [7_200, 's', '2 h'], [1_536, 'B', '1.5 KiB'], [0, 'B/s', '0 B/s'], [3 * 2 ** 30, 'B/s', '3 GiB/s'], [100, '%', '100 %'], [99.99996, '%', '99.999 %'], [0.11, '%', '0.11 %']
] as const)('writes %d %s as people read it: %s', (value, unit, text) => {
  expect(formatQuantity(value, unit)).toBe(text)
})
