/** Durations, lists and names in the sentences of an explanation. */
import type { PeerName } from '../../protocols/ids.ts'

const units = [['days', 86_400_000], ['h', 3_600_000], ['min', 60_000], ['s', 1_000]] as const

/** `1.2 ms`, `48 s`, `2.5 min`: one unit, two figures or more, as a person says it. */
export function duration (ms: number): string {
  // By what would be printed: 59.7 s is 1 min, 999.7 ms is 1 s.
  const [name, size] = units.find(([, size]) => ms >= size * 0.9917) ?? ['ms', 1]
  const count = ms / size
  const digits = count < 9.95 && name !== 's' ? 1 : 0
  return `${Number(count.toFixed(digits))} ${name}`
}

/** `a`, `a and b`, `a, b and 3 more`. */
export function listed (names: readonly string[], most = 4): string {
  const shown = names.slice(0, names.length > most ? most - 1 : most)
  if (names.length > shown.length) return `${shown.join(', ')} and ${names.length - shown.length} more`
  const last = shown.pop() ?? ''
  return shown.length === 0 ? last : `${shown.join(', ')} and ${last}`
}

/** The end of a peer id, as its beginning is the same for all; for who has no name, or not one of its own. */
export function shortPeer (peer: PeerName): string {
  return peer.length <= 10 ? peer : `…${peer.slice(-8)}`
}
