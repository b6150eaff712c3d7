/** Sums of what edges say to each other beside content, part by part. Pure. */
import type { PartTraffic } from '../../daemon/admin/status.ts'

export type Coordination = Readonly<Record<string, PartTraffic>>

/** Moves content, or answers a person: not what it costs to be a colony. */
const others = ['content', 'survey', 'warm', 'publish']

export const noPart: PartTraffic = Object.freeze({ bytesIn: 0, bytesOut: 0, messagesIn: 0, messagesOut: 0 })

export function addCoordination (one: Coordination, other: Coordination): Coordination {
  return combine(one, other, (a, b) => a + b)
}

/** What came to pass between two moments; a restarted edge counts anew, and never below nothing. */
export function subtractCoordination (later: Coordination, earlier: Coordination): Coordination {
  return combine(later, earlier, (a, b) => Math.max(0, a - b))
}

/** Bytes sent, of the parts that coordinate. Each byte is counted once, where it leaves. */
export function coordinationBytes (all: Coordination): Record<string, number> {
  return Object.fromEntries(Object.entries(all).filter(([part]) => !others.includes(part)).map(([part, { bytesOut }]) => [part, bytesOut]))
}

function combine (one: Coordination, other: Coordination, operate: (a: number, b: number) => number): Coordination {
  const parts = new Set([...Object.keys(one), ...Object.keys(other)])
  return Object.fromEntries([...parts].map((part) => {
    const a = one[part] ?? noPart
    const b = other[part] ?? noPart
    return [part, {
      bytesIn: operate(a.bytesIn, b.bytesIn),
      bytesOut: operate(a.bytesOut, b.bytesOut),
      messagesIn: operate(a.messagesIn, b.messagesIn),
      messagesOut: operate(a.messagesOut, b.messagesOut)
    }]
  }))
}
