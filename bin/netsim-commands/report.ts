/** `--report FILE` of every command that has one: found wanting before the run, written after it. */
import type { ReportDocument } from '../../netsim/report/document.ts'
import { ReportError } from '../../netsim/report/report-error.ts'
import { ReportFile } from '../../netsim/report/report-file.ts'
import { type Flag, type Given, UsageError } from '../command.ts'

export const reportFlag: Flag = { name: 'report', placeholder: 'FILE.html', help: 'write a page with charts, the map and the faults, for a browser' }

/** @throws UsageError when nothing can be written there */
export function readReport (given: Given): ReportFile | undefined {
  if (typeof given.report !== 'string') return undefined
  try {
    return new ReportFile(given.report)
  } catch (error) {
    if (error instanceof ReportError) throw new UsageError(`--report: ${error.message}`)
    throw error
  }
}

/** @throws ReportError */
export function writeReport (file: ReportFile | undefined, document: () => ReportDocument): void {
  if (file === undefined) return
  file.write(document())
  process.stderr.write(`report: ${file.path}\n`)
}

/** What repeats a run: its flags as they were given, and its seed. */
export function commandLine (name: string, given: Given, seed: number): string {
  const flags = Object.entries(given)
    .filter(([flag]) => !['report', 'json', 'seed'].includes(flag))
    .flatMap(([flag, value]) => value === true ? [`--${flag}`] : value.split('\n').map((each) => `--${flag} ${/^[\w.:,/%@+=-]+$/.test(each) ? each : `'${each}'`}`))
  return ['netsim', name, ...flags, `--seed ${seed}`].join(' ')
}
