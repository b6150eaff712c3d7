/**
 * A program of ours as a child process: started with the running Node, given up to end with this
 * process (its standard input is a pipe that closes then), known by its `ready` line, stopped by
 * SIGTERM and, when that is not heard in time, SIGKILL. One that answers calls (calls.ts) can be called.
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { extname } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { Clock } from '../protocols/clock.ts'
import { ColonyError } from '../protocols/errors.ts'
import { Caller } from './calls.ts'

export interface ProgramInit {
  /** As it is called in messages. */
  readonly name: string
  /** Relative to this folder, without an ending: it is `.ts` in a clone and `.js` in a package, like this file's own. */
  readonly module: string
  readonly args: readonly string[]
  readonly clock: Clock
  /** It answers calls, and may tell what nobody asked: each such message comes here. */
  readonly onTold?: (message: unknown) => void
  /** Flags of Node itself. */
  readonly execArgv?: readonly string[]
}

export class ProgramError extends ColonyError {
  constructor (message: string) {
    super('COLONY_PROGRAM', message)
  }
}

/** `with exit code 1`, `by SIGKILL`. */
export type ProgramEnd = string

export class Program {
  readonly name: string
  /** Undefined when the system could not start it; `ended` then says so. */
  readonly pid: number | undefined
  /** Resolves when it is gone and its last words are read. Never rejects. */
  readonly ended: Promise<ProgramEnd>
  /** The values of its ready line; rejects when it ends without one. */
  readonly ready: Promise<ReadonlyMap<string, string>>
  readonly #child: ChildProcess
  readonly #caller: Caller | undefined
  readonly #clock: Clock
  #lastLine = ''

  constructor ({ name, module, args, clock, onTold, execArgv = [] }: ProgramInit) {
    this.name = name
    this.#clock = clock
    const script = fileURLToPath(new URL(module + extname(import.meta.url), import.meta.url))
    const child = spawn(process.execPath, [...execArgv, script, ...args], {
      env: { ...withoutColony(process.env), COLONY_PARENT_WATCH: '1' },
      stdio: onTold === undefined ? ['pipe', 'pipe', 'pipe'] : ['pipe', 'pipe', 'pipe', 'ipc'],
      serialization: 'advanced',
      // A group of its own: Ctrl-C reaches the parent alone, which then stops the others in order.
      detached: true
    })
    this.#child = child
    this.pid = child.pid
    // Nothing is ever written; the pipe's other end closing is no failure.
    child.stdin!.on('error', () => {})
    createInterface(child.stderr!).on('line', (line) => { if (line.trim() !== '') this.#lastLine = line })
    this.ended = new Promise((resolve) => {
      child.once('error', (error) => { resolve(`as it could not be started: ${error.message}`) })
      child.once('close', (code, signal) => { resolve(signal === null ? `with exit code ${code}` : `by ${signal}`) })
    })
    this.ready = new Promise((resolve, reject) => {
      createInterface(child.stdout!).on('line', (line) => { if (line.startsWith('ready ')) resolve(pairs(line)) })
      void this.ended.then((end) => { reject(new ProgramError(`${name} ended ${end} before it was ready${this.lastWords()}`)) })
    })
    // Whoever does not wait for it hears of the end by `ended`.
    this.ready.catch(() => {})
    if (onTold === undefined) return
    this.#caller = new Caller(child, onTold)
    void this.ended.then((end) => { this.#caller?.end(new ProgramError(`${name} ended ${end}${this.lastWords()}`)) })
  }

  /**
   * Has it run one of its calls.
   *
   * @throws ProgramError when it fails there, or the program ends before it answers
   */
  async call (name: string, argument?: unknown): Promise<unknown> {
    if (this.#caller === undefined) throw new TypeError(`${this.name} answers no calls`)
    return await this.#caller.call(name, argument)
  }

  /** Sends it a signal, such as SIGSTOP. */
  signal (signal: NodeJS.Signals): void { this.#child.kill(signal) }

  /** What it last wrote to its log, fit to follow a sentence; empty when it wrote nothing. */
  lastWords (): string {
    return this.#lastLine === '' ? '' : `; its last line: ${readable(this.#lastLine).slice(0, lastLineCharsMax)}`
  }

  /** Resolves when it is gone. */
  async stop (graceMs: number): Promise<void> {
    const cancel = this.#clock.after(graceMs, () => { this.kill() })
    this.#child.kill('SIGTERM')
    this.#child.stdin?.end()
    await this.ended
    cancel()
  }

  kill (): void {
    this.#child.kill('SIGKILL')
  }
}

const lastLineCharsMax = 400

/** The variables of whoever starts us must not configure the children. */
function withoutColony (env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !name.startsWith('COLONY_')))
}

/** A log line's level, message and error; any other line as it is. */
function readable (line: string): string {
  try {
    const { level, msg, error } = JSON.parse(line) as { level?: string, msg?: string, error?: { message?: string } }
    return `${level}: ${msg}${error?.message === undefined ? '' : ` (${error.message})`}`
  } catch {
    return line
  }
}

function pairs (line: string): ReadonlyMap<string, string> {
  return new Map(line.split(' ').slice(1).map((pair) => {
    const at = pair.indexOf('=')
    return [pair.slice(0, at), pair.slice(at + 1)] as const
  }))
}
