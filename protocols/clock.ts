/**
 * Time and chance as parameters. Nothing in `protocols/` reads a clock or rolls a die by itself:
 * the daemon hands in the machine's (`daemon/clock.ts`), tests and the simulator hand in theirs,
 * and the same seed then gives the same run.
 */
export interface Clock {
  /** Wall clock, milliseconds since the Unix epoch. May jump: only for dates that people or HTTP see. */
  wallMs: () => number
  /** Milliseconds since some fixed moment; never goes back. For every duration and deadline. */
  nowMs: () => number
  /** Uniform in [0, 1). For jitter and choice, never for secrets. */
  random: () => number
  /**
   * Runs `callback` once after `delayMs`. The timer does not keep the process alive.
   *
   * @returns cancels it; may be called again, and after it ran
   */
  after: (delayMs: number, callback: () => void) => () => void
}

/** Resolves after `delayMs`; rejects with the signal's reason when that aborts first. */
export async function sleep (clock: Clock, delayMs: number, signal?: AbortSignal): Promise<void> {
  signal?.throwIfAborted()
  await new Promise<void>((resolve, reject) => {
    const onAbort = (): void => {
      cancel()
      reject(signal?.reason as Error)
    }
    const cancel = clock.after(delayMs, () => {
      signal?.removeEventListener('abort', onAbort)
      resolve()
    })
    signal?.addEventListener('abort', onAbort, { once: true })
  })
}

/**
 * A signal that aborts after `delayMs` or with `parent`, whichever is first.
 * Call `clear` when the work is over: it drops the timer and the listener on the parent.
 */
export function deadline (clock: Clock, delayMs: number, what: string, parent?: AbortSignal): { signal: AbortSignal, clear: () => void } {
  const controller = new AbortController()
  const onAbort = (): void => { controller.abort(parent?.reason) }
  const cancel = clock.after(delayMs, () => {
    controller.abort(new DOMException(`${what} took longer than ${delayMs} ms`, 'TimeoutError'))
  })
  if (parent?.aborted === true) onAbort()
  else parent?.addEventListener('abort', onAbort, { once: true })
  return {
    signal: controller.signal,
    clear: () => {
      cancel()
      parent?.removeEventListener('abort', onAbort)
    }
  }
}
