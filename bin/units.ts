/**
 * Numbers as people read them: three figures or fewer, the unit that fits, a space before it. Every
 * table and line of the commands and benches writes them this way; `--json` never does.
 */
const sizeUnits = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB']

/** `1.2 GiB`; powers of 1024. */
export function formatBytes (bytes: number): string {
  let value = bytes
  let unit = 0
  // By what would be printed: 1023.9 KiB is 1 MiB.
  while (Math.round(value) >= 1024 && unit < sizeUnits.length - 1) {
    value /= 1024
    unit++
  }
  return `${figures(value, unit === 0 ? 0 : 1)} ${sizeUnits[unit]}`
}

/** `1.4 ms`, `230 ms`, `3.2 s`, `3 m 20 s`, `2 d 5 h`: the two largest units from a minute on. */
export function formatDuration (ms: number): string {
  if (ms > 0 && ms < 0.05) return '< 0.1 ms'
  if (ms < 999.5) return `${figures(ms, ms < 99.95 ? 1 : 0)} ms`
  if (ms < 59_950) return `${figures(ms / 1000, ms < 9_950 ? 1 : 0)} s`
  const seconds = Math.round(ms / 1000)
  const parts: readonly (readonly [number, string])[] = [
    [Math.floor(seconds / 86_400), 'd'], [Math.floor(seconds / 3600) % 24, 'h'], [Math.floor(seconds / 60) % 60, 'm'], [seconds % 60, 's']
  ]
  const first = parts.findIndex(([count]) => count > 0)
  return parts.slice(first, first + 2).filter(([count]) => count > 0).map(([count, unit]) => `${count} ${unit}`).join(' ')
}

/** `12,345`; what is below 10 and not whole keeps a digit. */
export function formatCount (count: number): string {
  return count.toLocaleString('en', { maximumFractionDigits: count < 10 ? 1 : 0 })
}

/** `63 %`. Only all is 100 and only nothing is 0: a single miss in a million hits shows as 99.9 %. */
export function formatShare (share: number): string {
  const percent = share * 100
  if (percent > 0 && percent < 0.1) return '< 0.1 %'
  if (percent > 99 && percent < 100) return `${(Math.floor(percent * 10) / 10).toFixed(1)} %`
  return `${figures(percent, percent < 10 ? 1 : 0)} %`
}

/** A bar of `width` characters; what is not nothing shows at least one. */
export function formatBar (share: number, width = 10): string {
  const within = Math.min(1, Math.max(0, share))
  const full = within === 0 ? 0 : Math.max(1, Math.round(within * width))
  return '█'.repeat(full) + '░'.repeat(width - full)
}

/** `digits` after the point, so that columns line up; none from 100 on, and none for what is whole. */
function figures (value: number, digits: number): string {
  return Number.isInteger(value) ? String(value) : value.toFixed(value < 99.95 ? digits : 0)
}
