/**
 * Real programs that tests drive as a user would: run to their end, with an environment of their own so
 * that neither the machine's settings nor those of the surrounding `npm test` show through.
 * With COLONY_TRANSCRIPT=1 each run tells its command and the lines of its output that matter.
 */
import { execFile, execFileSync } from 'node:child_process'
import { delimiter, dirname } from 'node:path'

export interface RunInit {
  readonly cwd: string
  readonly env?: Readonly<Record<string, string>>
  /** Exit codes that are no failure. Default: only 0. */
  readonly statuses?: readonly number[]
  /** Which lines of the output a transcript has; without, the run is no part of it. */
  readonly show?: RegExp
}

export interface Ran {
  readonly status: number
  readonly stdout: Buffer
  /** Both outputs, as text. */
  readonly text: string
}

const timeoutMs = 50_000

/** The Node of this process first, for npm's `#!/usr/bin/env node`. */
const path = `${dirname(process.execPath)}${delimiter}${process.env.PATH ?? ''}`

/** @throws where it ends with another status, or not in time */
export async function run (command: string, args: readonly string[], { cwd, env, statuses = [0], show }: RunInit): Promise<Ran> {
  return await new Promise((resolve, reject) => {
    const options = { cwd, env: { PATH: path, HOME: cwd, LC_ALL: 'C.UTF-8', ...env }, timeout: timeoutMs, killSignal: 'SIGKILL', maxBuffer: 64 * 1024 * 1024, encoding: 'buffer' } as const
    execFile(command, args, options, (error, stdout, stderr) => {
      const status = error === null ? 0 : error.code
      const text = `${stdout.toString()}${stderr.toString()}`
      if (show !== undefined) tell([`$ ${[command, ...args].map(quoted).join(' ')}`, ...text.split('\n').filter((line) => line !== '' && show.test(line))])
      if (typeof status === 'number' && statuses.includes(status)) resolve({ status, stdout, text })
      else reject(new Error(`${command} ${args.join(' ')} ended with ${String(status ?? error?.signal)}:\n${text}`))
    })
  })
}

export function tell (lines: readonly string[]): void {
  if (process.env.COLONY_TRANSCRIPT === '1') console.log(lines.join('\n'))
}

/** Whether tests of these programs are left out here, said aloud. Never in CI: what is missing there fails them. */
export function leftOut (...programs: readonly string[]): boolean {
  const missing = programs.filter((program) => !isThere(program))
  if (missing.length === 0 || process.env.CI === 'true') return false
  console.warn(`left out, as this machine has no ${missing.join(', ')}`)
  return true
}

function isThere (program: string): boolean {
  try {
    execFileSync(program, ['--version'], { stdio: 'ignore', timeout: timeoutMs })
    return true
  } catch {
    return false
  }
}

function quoted (word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll('\n', '\\n')}'`
}
