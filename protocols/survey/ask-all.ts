/**
 * Asks many edges one thing each: a few at a time, all under one deadline, so that neither a large colony nor its
 * dead members hold up a page. Who did not answer is part of the result.
 */
import { deadline, type Clock } from '../clock.ts'
import { messageOf } from '../errors.ts'
import type { PeerName } from '../ids.ts'

export interface AskAllInit {
  readonly clock: Clock
  /** Edges asked at once. */
  readonly inFlightMax: number
  /** For all of them together, ms. */
  readonly deadlineMs: number
  readonly signal?: AbortSignal
}

/** What one edge said, or why nothing is known of it. */
export type Said<T> = { readonly peer: PeerName, readonly answer: T } | { readonly peer: PeerName, readonly error: string }

/** @returns an entry for each of `peers`, in their order; rejects only when `signal` aborts */
export async function askAll<T> (init: AskAllInit, peers: readonly PeerName[], ask: (peer: PeerName, signal: AbortSignal) => Promise<T>): Promise<Array<Said<T>>> {
  const limit = deadline(init.clock, init.deadlineMs, 'asking all edges', init.signal)
  const said: Array<Said<T>> = []
  const next = peers.entries()
  try {
    await Promise.all(Array.from({ length: Math.min(init.inFlightMax, peers.length) }, async () => {
      for (const [index, peer] of next) {
        said[index] = limit.signal.aborted
          ? { peer, error: `it was not asked: all together may take ${init.deadlineMs} ms` }
          : await ask(peer, limit.signal).then((answer) => ({ peer, answer }), (error: unknown) => ({ peer, error: messageOf(error) }))
      }
    }))
    init.signal?.throwIfAborted()
    return said
  } finally {
    limit.clear()
  }
}
