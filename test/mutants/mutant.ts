/**
 * What a mutant is: a core of the colony with one mistake in it, such as people make. Its text is changed while the
 * module is loaded (loader.ts), in a process of its own, so that no code that anybody runs has a switch for it. A mutant
 * that no checker finds shows what the simulated world does not look at (mutation analysis: DeMillo, Lipton and Sayward 1978).
 */
import assert from 'node:assert/strict'
import type { StageName } from './stages.ts'

export interface Mutant {
  /** Kebab-case; what goes wrong. */
  readonly name: string
  /** The changed file, from the repository's root. */
  readonly file: string
  /** Stands in the file exactly once. */
  readonly find: string
  readonly replace: string
  /** Where it is looked for, one after the other. */
  readonly stages: readonly StageName[]
  /** What it breaks, so that whoever reads the table need not work it out. */
  readonly why: string
}

/** The names of processes' environment variable for the mutant that they load; unset for none. */
export const mutantVariable = 'COLONY_MUTANT'

/** @returns how often the mutant's text stands in its file: once, or the mutant is stale */
export function occurrences ({ find }: Pick<Mutant, 'find'>, text: string): number {
  return text.split(find).length - 1
}

/** @returns the file's text with the mistake */
export function mutated (mutant: Mutant, text: string): string {
  assert.equal(occurrences(mutant, text), 1, `mutant ${mutant.name} is stale: its text stands ${occurrences(mutant, text)} times in ${mutant.file}`)
  return text.replace(mutant.find, () => mutant.replace)
}
