/**
 * Starts the parts of an edge in order and stops them in reverse. A part that fails to start takes
 * down those before it, so nothing is left half running; stopping goes on past a part that fails.
 */
import type { Logger } from './log.ts'

export const lifecycleDefaults = Object.freeze({
  /** How long running responses may go on when the edge is told to stop, ms. Longer loses fewer downloads, shorter restarts sooner. */
  drainGraceMs: 10_000
})
export type LifecycleSettings = { readonly [K in keyof typeof lifecycleDefaults]: number }

export interface Part {
  readonly name: string
  start?: () => Promise<void> | void
  stop?: () => Promise<void> | void
}

export class Lifecycle {
  readonly #parts: readonly Part[]
  readonly #logger: Logger
  #running: Part[] = []
  #starting: Promise<void> | undefined
  #stopping: Promise<void> | undefined

  constructor (parts: readonly Part[], logger: Logger) {
    this.#parts = parts
    this.#logger = logger
  }

  /** @throws what the first failing part threw, after the others have stopped */
  async start (): Promise<void> {
    for (const part of this.#parts) {
      if (this.#stopping !== undefined) return
      try {
        // Counted first: a part that failed half way has something to stop, too.
        this.#running.push(part)
        this.#starting = (async () => { await part.start?.() })()
        await this.#starting
      } catch (error) {
        await this.stop()
        throw error
      }
    }
  }

  /** May be called twice, and while starting. */
  async stop (): Promise<void> {
    this.#stopping ??= this.#stop()
    await this.#stopping
  }

  async #stop (): Promise<void> {
    await this.#starting?.catch(() => {})
    for (const part of this.#running.toReversed()) {
      try {
        await part.stop?.()
      } catch (error) {
        this.#logger.warn({ error, part: part.name }, 'a part did not stop cleanly')
      }
    }
    this.#running = []
  }
}
