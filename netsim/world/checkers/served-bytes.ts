/**
 * Bytes served equal the origin's for their version: the version is one that the origin had, with its length; it was
 * current there within the object's freshness lifetime. What is marked stale may be older, but only while something was broken
 * not long ago: else the origin could have been asked.
 */
import type { EdgeChecker, Sight } from './edge-checker.ts'

export function servedBytes (sight: Sight): EdgeChecker {
  const name = 'served-bytes'
  const { objects, limits, edges, fail } = sight
  /** Wall clocks were set by so much, all in all, ms: ages told by them may be wrong by it. */
  let jumpedMs = 0
  return {
    name,
    onFault: ({ kind, by, hosts }, phase) => { if (kind === 'clock-jump' && phase === 'begins') jumpedMs += 2 * Math.abs(by) * hosts.length },
    onServed: (edge, object, version, bytes, stale, tookMs) => {
      const nowMs = sight.nowMs()
      const what = (): string => `${edges[edge]!.peer} served version ${version} of object ${object}`
      const current = objects.version(object, nowMs)
      if (version < 0 || version > current) fail(name, `${what()}, and the origin has come to ${current} only`)
      const length = objects.bytes(object, version)
      if (bytes !== length) fail(name, `${what()} with ${bytes} bytes; it has ${length}`)
      if (stale) {
        const calmMs = nowMs - sight.calmSinceMs()
        if (calmMs > limits.requestMs) fail(name, `${what()} as stale, and nothing has been broken for ${Math.round(calmMs)} ms`)
        return
      }
      const lifetimeMs = objects.lifetimeMs(object)
      // What was current when the client asked answers it, however long that took.
      const overMs = nowMs - tookMs - objects.endMs(object, version)
      const allowedMs = lifetimeMs * (1 + limits.staleSlackShare) + limits.staleSlackMs + jumpedMs
      if (overMs > allowedMs) fail(name, `${what()} as fresh ${Math.round(overMs)} ms after the origin had replaced it; its lifetime is ${lifetimeMs} ms`)
    }
  }
}
