/**
 * One line at the end of a terminal that is written over again and again: what a long task is doing.
 * Where the stream is no terminal it shows nothing, and lines are printed as they come.
 */
import type { WriteStream } from 'node:tty'
import { type Clock } from '../protocols/clock.ts'
import { formatDuration } from './units.ts'
import { truncate } from './table.ts'

/** What of standard output and standard error is needed. */
export type OutputStream = Pick<WriteStream, 'write'> & Partial<Pick<WriteStream, 'isTTY' | 'columns'>>

const erase = '\r\x1b[K'

export class StatusLine {
  readonly #stream: OutputStream
  #shown = false

  constructor (stream: OutputStream) {
    this.#stream = stream
  }

  /** Whether `show` shows anything. */
  get visible (): boolean {
    return this.#stream.isTTY === true
  }

  /** Puts `text` in the place of what was shown before. */
  show (text: string): void {
    if (!this.visible) return
    const columns = this.#stream.columns ?? 0
    // A terminal that does not know its width says 0. The last column stays free: some terminals go on to the next line after it.
    this.#stream.write(erase + truncate(text, (columns > 0 ? columns : 80) - 1))
    this.#shown = true
  }

  clear (): void {
    if (this.#shown) this.#stream.write(erase)
    this.#shown = false
  }

  /** Prints whole lines, newline included, which stay. */
  print (text: string): void {
    this.clear()
    this.#stream.write(text)
  }
}

export const progressDefaults = Object.freeze({
  /** Silence before a wait is shown, and between two updates, ms. Less flickers, more leaves people wondering. */
  intervalMs: 1_000
})

/** Shows on standard error what is waited for, and how long already, until `work` has ended either way. */
export async function showProgress<T> (clock: Clock, what: string, work: Promise<T>, stream: OutputStream = process.stderr): Promise<T> {
  const line = new StatusLine(stream)
  const startMs = clock.nowMs()
  let cancel = (): void => {}
  const wait = (): void => {
    cancel = clock.after(progressDefaults.intervalMs, () => {
      line.show(`${what} (${formatDuration(clock.nowMs() - startMs)})`)
      wait()
    })
  }
  wait()
  try {
    return await work
  } finally {
    cancel()
    line.clear()
  }
}
