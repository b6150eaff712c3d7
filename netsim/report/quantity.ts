/**
 * Numbers with their unit, as the page writes them everywhere. The function is also sent to the browser as its own
 * text, for axes and legends, and may therefore use nothing from outside itself.
 */
import type { Unit } from './document.ts'

/** `12,345`, `3.2 ms`, `1 m 30 s`, `4.5 KiB/s`, `99.7 %`. */
export function formatQuantity (value: number, unit: Unit): string {
  const figures = (number: number, digits: number): string => number.toLocaleString('en', { maximumFractionDigits: digits })
  const digitsOf = (number: number): number => Math.abs(number) >= 100 || number === 0 ? 0 : Math.abs(number) >= 10 ? 1 : Math.abs(number) >= 1 ? 2 : 3
  const duration = (ms: number): string => {
    if (ms < 999.5) return `${figures(ms, digitsOf(ms))} ms`
    if (ms < 59_950) return `${figures(ms / 1_000, ms < 9_950 ? 2 : 1)} s`
    const seconds = Math.round(ms / 1_000)
    const parts: ReadonlyArray<readonly [number, string]> = [[Math.floor(seconds / 86_400), 'd'], [Math.floor(seconds / 3_600) % 24, 'h'], [Math.floor(seconds / 60) % 60, 'm'], [seconds % 60, 's']]
    const first = parts.findIndex(([count]) => count > 0)
    return parts.slice(first, first + 2).filter(([count]) => count > 0).map(([count, name]) => `${count} ${name}`).join(' ')
  }
  if (unit === 'ms') return duration(value)
  if (unit === 's') return value === 0 ? '0 s' : duration(value * 1_000)
  if (unit === 'B' || unit === 'B/s') {
    const power = Math.min(5, Math.max(0, Math.floor(Math.log2(Math.max(1, Math.abs(value))) / 10)))
    return `${figures(value / 1_024 ** power, power === 0 ? 1 : digitsOf(value / 1_024 ** power))} ${['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'][power]}${unit === 'B/s' ? '/s' : ''}`
  }
  // Only all is 100 %: one error in a million shows.
  if (unit === '%') return `${value > 99 && value < 100 ? (Math.floor(value * 1_000) / 1_000).toString() : figures(value, digitsOf(value))} %`
  return `${figures(value, digitsOf(value))}${unit}`
}
