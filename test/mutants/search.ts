/** Runs a trial in a process of its own, with a mutant or without. */
import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { mutantVariable, occurrences, type Mutant } from './mutant.ts'
import { seedsMax, type StageName } from './stages.ts'
import type { Trial } from './trial.ts'

/** A trial that takes longer has gone round in circles, ms: the longest ones take some 20 s of the processor, of which a busy machine gives a part. */
const trialMsMax = 300_000

const at = (path: string): string => fileURLToPath(new URL(path, import.meta.url))

/** The process ended otherwise than with a result: it hung, or the mutant's file was never loaded. */
export class TrialError extends Error {}

export interface SearchOptions {
  /** None: the colony as it is. */
  readonly mutant?: Pick<Mutant, 'name'> | undefined
  readonly stages: readonly StageName[]
  readonly seeds?: number
}

/** Plays the stages, seed by seed, until a checker finds something. @throws TrialError */
export async function search ({ mutant, stages, seeds = seedsMax }: SearchOptions): Promise<Trial> {
  const { [mutantVariable]: _, ...env } = process.env
  return await new Promise((resolve, reject) => {
    execFile(process.execPath, ['--import', at('./loader.ts'), at('./trial.ts'), '--seeds', String(seeds), ...stages], {
      env: mutant === undefined ? env : { ...env, [mutantVariable]: mutant.name },
      timeout: trialMsMax,
      maxBuffer: 16 * 1024 * 1024
    }, (error, stdout, stderr) => {
      if (error === null) resolve(JSON.parse(stdout.trimEnd().split('\n').at(-1)!) as Trial)
      else if (error.code === 70) reject(new TrialError('its file is not loaded'))
      else reject(new TrialError(error.killed === true ? `no end after ${trialMsMax / 1_000} s` : /^\w*Error: .*$/m.exec(stderr)?.[0] ?? stderr.trim(), { cause: error }))
    })
  })
}

/** @returns why a mutant cannot be made any more; undefined when it can */
export function staleness (mutant: Mutant): string | undefined {
  const count = occurrences(mutant, readFileSync(at(`../../${mutant.file}`), 'utf8'))
  return count === 1 ? undefined : `its text stands ${count} times in ${mutant.file}`
}
