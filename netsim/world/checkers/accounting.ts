/** Every request that was answered is counted once: as a hit, as fetched from a peer or the origin, or as an error. */
import type { EdgeChecker, Sight } from './edge-checker.ts'

export function accounting ({ totals, fail }: Sight): EdgeChecker {
  const name = 'accounting'
  const onLook = (): void => {
    const { requests, hits, peerFetches, originFetches, errors, latencies } = totals
    const sum = hits + peerFetches + originFetches + errors
    if (sum !== requests || latencies.count !== requests) {
      fail(name, `${requests} requests were answered, ${sum} counted as hits, fetches and errors, and ${latencies.count} timed`)
    }
  }
  return { name, onLook, onEnd: onLook }
}
