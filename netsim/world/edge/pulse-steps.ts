/**
 * Steps of pulse chains, remembered: all simulated edges check the very values that one of them made, in one process, so each
 * is hashed once and not once an edge. The values are the daemon's (protocols/membership/pulse.ts).
 */
import { hashStep } from '../../../protocols/membership/pulse.ts'

const steps = new WeakMap<Uint8Array, Uint8Array>()

/** `hashStep`, remembered for as long as the value is. */
export function rememberedStep (value: Uint8Array): Uint8Array {
  let step = steps.get(value)
  if (step === undefined) {
    step = hashStep(value)
    steps.set(value, step)
  }
  return step
}
