/**
 * Steps of pulse chains, remembered: all simulated edges check the very values that one of them made, in one process, so each
 * is hashed once and not once an edge. The values are the daemon's (protocols/membership/pulse.ts).
 */
import { hashStep } from '../../../protocols/membership/pulse.ts'

/** Kept at the value itself: a table beside it would be looked through by every collection of garbage. */
const before = Symbol('before')
type Remembering = Uint8Array & { [before]?: Uint8Array }

/** `hashStep`, remembered for as long as the value is. */
export function rememberedStep (value: Remembering): Uint8Array {
  return value[before] ??= hashStep(value)
}
