/**
 * `colony top`: the whole colony, again and again, from /v1/overview. On a terminal it takes the screen, follows its size and
 * gives it back as it was, however it ends; elsewhere it prints a page at a time.
 */
import { MessageChannel } from 'node:worker_threads'
import { systemClock } from '../../daemon/clock.ts'
import type { Overview } from '../../daemon/admin/overview.ts'
import { deadline, sleep } from '../../protocols/clock.ts'
import { ColonyError, messageOf } from '../../protocols/errors.ts'
import { AdminError, adminUrl, sendRequest } from '../admin.ts'
import { type Command, type Given, tableStyle, wholeNumber } from '../command.ts'
import { truncate } from '../table.ts'
import { Looks, type Page } from './top-rates.ts'
import { pageLines } from './top-view.ts'

export const topDefaults = Object.freeze({
  /** Wait for one overview, ms. The edge gives itself 5 s to ask the others. */
  requestTimeoutMs: 10_000
})

export const top: Command = {
  name: 'top',
  summary: 'the whole colony, live: edges, hits, bytes by source, hot keys, origins',
  description: 'One edge asks all the others. Rates are between two looks; those of the first page are since the start of each edge.\nOn a terminal q or Ctrl-C quits; elsewhere pages follow each other, with --json one document a line.',
  flags: [
    { name: 'interval', placeholder: 'SECONDS', help: 'between two looks, 1 to 3600', byDefault: '2' },
    { name: 'once', help: 'one page, and no more' }
  ],
  example: 'colony top --admin http://127.0.0.1:9090\ncolony top --once --json',
  run
}

async function run (given: Given): Promise<void> {
  const intervalMs = wholeNumber(given, 'interval', { min: 1, max: 3_600, byDefault: 2 }) * 1_000
  const looks = new Looks()
  const stopping = new AbortController()
  const stop = (): void => { stopping.abort() }
  // Nobody reads any more (`| head`), or the terminal is gone.
  process.stdout.once('error', stop)
  const first = await look(given, stopping.signal)
  if (given.once === true) {
    print(given, first, looks)
    return
  }
  const rest = stayAlive()
  try {
    if (process.stdout.isTTY && given.json !== true) await live(given, first, looks, intervalMs, stopping)
    else {
      for (let overview = first; ; overview = await look(given, stopping.signal)) {
        print(given, overview, looks)
        await sleep(systemClock, intervalMs, stopping.signal)
      }
    }
  } catch (error) {
    if (!stopping.signal.aborted) throw error
  } finally {
    rest()
  }
}

function print (given: Given, overview: Overview, looks: Looks): void {
  process.stdout.write(given.json === true ? `${JSON.stringify(overview)}\n` : `${pageLines(looks.next(overview), tableStyle()).join('\n')}\n`)
}

async function live (given: Given, first: Overview, looks: Looks, intervalMs: number, stopping: AbortController): Promise<void> {
  let page = looks.next(first)
  let trouble: string | undefined
  const draw = (): void => { screen.draw(liveLines(page, trouble, intervalMs, process.stdout)) }
  const screen = new Screen(draw, () => { stopping.abort() })
  screen.open()
  try {
    for (;;) {
      draw()
      await sleep(systemClock, intervalMs, stopping.signal)
      try {
        page = looks.next(await look(given, stopping.signal))
        trouble = undefined
      } catch (error) {
        stopping.signal.throwIfAborted()
        // The edge may be on its way back.
        if (!(error instanceof ColonyError)) throw error
        trouble = error.message
      }
    }
  } finally {
    screen.close()
  }
}

/** @param size of the terminal; one that does not know its size says 0 */
export function liveLines (page: Page, trouble: string | undefined, intervalMs: number, size: { readonly columns?: number, readonly rows?: number }): string[] {
  const width = size.columns || 80
  const height = size.rows || 24
  const { bold = String } = tableStyle()
  const heading = trouble ?? `${new Date(page.overview.atMs).toTimeString().slice(0, 8)}, every ${intervalMs / 1_000} s, q quits`
  return [bold(truncate(`colony top  ${heading}`, width)), ...pageLines(page, { width, height: height - 1, bold })]
}

/** @throws AdminError */
async function look (given: Given, signal: AbortSignal): Promise<Overview> {
  const base = adminUrl(given)
  const limit = deadline(systemClock, topDefaults.requestTimeoutMs, `the edge at ${base}`, signal)
  try {
    const response = await sendRequest(given, { method: 'GET', path: '/v1/overview', signal: limit.signal })
    const document = await response.json().catch(() => undefined) as Partial<Overview> | null | undefined
    limit.signal.throwIfAborted()
    if (!Array.isArray(document?.edges)) throw new AdminError(`what answers at ${base} is no edge's admin listener: give its admin address with --admin or COLONY_ADMIN`)
    return document as Overview
  } catch (error) {
    signal.throwIfAborted()
    if (limit.signal.aborted) throw new AdminError(`${messageOf(limit.signal.reason)} to answer /v1/overview: is its machine overloaded?`, { cause: error })
    throw error
  } finally {
    limit.clear()
  }
}

/** The clock's timers let a process end, and between two looks nothing else is open. @returns ends that */
function stayAlive (): () => void {
  const { port1 } = new MessageChannel()
  port1.ref()
  return () => { port1.close() }
}

// Alternate screen, no cursor, no wrapping of lines that are too long (xterm's private modes); and back.
const enter = '\x1b[?1049h\x1b[?25l\x1b[?7l'
const leave = '\x1b[?7h\x1b[?25h\x1b[?1049l'
const endings = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

/** The terminal while it is ours: keys one by one, and its state given back before this program ends in whatever way. */
class Screen {
  readonly #onResize: () => void
  readonly #onQuit: () => void
  #open = false

  constructor (onResize: () => void, onQuit: () => void) {
    this.#onResize = onResize
    this.#onQuit = onQuit
  }

  open (): void {
    this.#open = true
    const { stdin, stdout } = process
    process.on('exit', this.#restore)
    for (const ending of endings) process.on(ending, this.#onEnding)
    stdout.on('resize', this.#onResize)
    if (stdin.isTTY) stdin.setRawMode(true).on('data', this.#onKeys).resume()
    stdout.write(enter)
  }

  draw (lines: readonly string[]): void {
    // Written over line by line, so that nothing flickers; no line end after the last, which would scroll.
    if (this.#open) process.stdout.write(`\x1b[H${lines.map((line) => `${line}\x1b[K`).join('\r\n')}\x1b[J`)
  }

  close (): void {
    this.#restore()
    process.off('exit', this.#restore)
    for (const ending of endings) process.off(ending, this.#onEnding)
    process.stdout.off('resize', this.#onResize)
    process.stdin.off('data', this.#onKeys).pause()
  }

  readonly #restore = (): void => {
    if (!this.#open) return
    this.#open = false
    if (process.stdin.isTTY) process.stdin.setRawMode(false)
    process.stdout.write(leave)
  }

  /** Ctrl-C comes as a character, as the terminal no longer makes a signal of it. */
  readonly #onKeys = (keys: Buffer): void => {
    if (/[qQ\x03]/.test(keys.toString('latin1'))) this.#onQuit()
  }

  /** Ends as the signal would have, so that whoever sent it sees that. */
  readonly #onEnding = (signal: NodeJS.Signals): void => {
    this.close()
    process.kill(process.pid, signal)
  }
}
