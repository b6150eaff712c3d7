/** Plays a scenario as `npm run test:lab` does, in a process of its own, and gives what it measured. */
import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'

/** @throws with what it printed when it did not end well, be it that the machine cannot have a lab */
export async function playScenario (...args: readonly string[]): Promise<Record<string, unknown>> {
  const child = spawn(process.execPath, [fileURLToPath(new URL('index.ts', import.meta.url)), ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
  let out = ''
  let log = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => { out += text })
  child.stderr.setEncoding('utf8').on('data', (text: string) => { log += text })
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', resolve)
  })
  if (code !== 0) throw new Error(`the lab ended with exit code ${code}:\n${log}${out}`)
  return (JSON.parse(out.trimEnd().split('\n').at(-1)!) as [Record<string, unknown>])[0]
}
