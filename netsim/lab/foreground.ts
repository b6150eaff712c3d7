/** A command in the place of this one: it has the terminal, and its exit code is what counts. */
import { spawn } from 'node:child_process'
import { constants } from 'node:os'
import { labEnvironment, MachineError } from './machine.ts'

/** As a shell tells that a signal ended something. */
export function signalExitCode (signal: NodeJS.Signals): number {
  return 128 + constants.signals[signal]
}

/** @returns the exit code; @throws MachineError when it cannot be started */
export async function runForeground ([program, ...args]: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<number> {
  const child = spawn(program!, args, { stdio: 'inherit', env: { ...labEnvironment(), ...env } })
  // Ctrl-C is for the command: it has its own way to end, and this one waits for that.
  const ignore = (): void => {}
  process.on('SIGINT', ignore)
  const pass = (signal: NodeJS.Signals): void => { child.kill(signal) }
  process.on('SIGTERM', pass)
  try {
    return await new Promise<number>((resolve, reject) => {
      child.once('error', (error) => { reject(new MachineError(`${program} cannot be run: ${error.message}`, { cause: error })) })
      child.once('exit', (code, signal) => { resolve(code ?? signalExitCode(signal!)) })
    })
  } finally {
    process.off('SIGINT', ignore)
    process.off('SIGTERM', pass)
  }
}
