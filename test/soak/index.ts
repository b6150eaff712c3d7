/**
 * What takes too long for every change: many seeds of every scenario, all mutants, all scenarios of the lab, and a
 * swarm under faults for half an hour. Runs one after another, goes on past what fails, and says at the end
 * what did. `npm run soak -- chaos lab` runs those alone.
 */
import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { formatTable } from '../../bin/table.ts'
import { formatDuration } from '../../bin/units.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))

/** New seeds at each run; what fails prints the one that repeats it. */
const seed = Date.now() % 1_000_000_000

const steps: ReadonlyArray<{ readonly name: string, readonly args: readonly string[] }> = [
  { name: 'world', args: ['bin/netsim.ts', 'world', '--scenario', 'all', '--seeds', '1..200'] },
  { name: 'random', args: ['bin/netsim.ts', 'world', '--scenario', 'random', '--seeds', `${seed}..${seed + 499}`] },
  { name: 'agreement', args: ['bin/netsim.ts', 'world', '--scenario', 'agreement', '--seeds', '1..2000'] },
  { name: 'minority', args: ['bin/netsim.ts', 'world', '--scenario', 'minority-cut', '--seeds', '1..100'] },
  { name: 'mutants', args: ['test/mutants/index.ts'] },
  { name: 'lab', args: ['test/lab/index.ts'] },
  { name: 'swarm', args: ['bin/netsim.ts', 'swarm', '--sweep', '50,100,200', '--regions', '5', '--seed', String(seed)] },
  { name: 'chaos', args: ['bin/netsim.ts', 'chaos', '--minutes', '30', '--seed', String(seed)] }
]

const wanted = process.argv.slice(2)
const unknown = wanted.filter((name) => !steps.some((step) => step.name === name))
if (unknown.length > 0) {
  process.stderr.write(`soak: ${unknown.join(', ')}: expected one of ${steps.map(({ name }) => name).join(', ')}\n`)
  process.exit(2)
}

const results: Array<{ name: string, command: string, code: number | null, ms: number }> = []
for (const { name, args } of steps.filter((step) => wanted.length === 0 || wanted.includes(step.name))) {
  const command = `node ${args.join(' ')}`
  process.stdout.write(`\n=== ${name}: ${command}\n`)
  const startMs = performance.now()
  const code = await new Promise<number | null>((resolve) => {
    spawn(process.execPath, args, { cwd: root, stdio: 'inherit' }).once('close', resolve)
  })
  results.push({ name, command, code, ms: performance.now() - startMs })
}

process.stdout.write(`\n${formatTable([
  { heading: 'STEP', value: ({ name }) => name },
  { heading: 'RESULT', value: ({ code }) => code === 0 ? 'passed' : `failed (${code})` },
  { heading: 'TOOK', value: ({ ms }) => formatDuration(ms), align: 'right' },
  { heading: 'COMMAND', value: ({ command }) => command }
], [{ rows: results }])}`)
process.exitCode = results.every(({ code }) => code === 0) ? 0 : 1
