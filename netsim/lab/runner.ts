/**
 * Where a lab can be: here, or through NETEM_RUNNER, a command that runs another where netem works (such
 * as user-mode Linux, which ends with that command). In such a guest NETEM_GUEST is set, and nothing
 * is handed on a second time.
 */
import { MissingError, missingSentence, type Wanted, whatIsMissing } from './machine.ts'

type Environment = Readonly<Record<string, string | undefined>>

/**
 * @param ends whether what is to run comes to an end by itself, as what a runner runs must
 * @returns undefined when the machine has all that is wanted, else the runner to go through
 * @throws MissingError when neither will do
 */
export async function checkMachine (wanted: Wanted, env: Environment, ends: boolean): Promise<string | undefined> {
  const { words, onlyNetem } = await whatIsMissing(wanted)
  if (words.length === 0) return undefined
  const { NETEM_RUNNER: runner, NETEM_GUEST: guest } = env
  const runnable = runner !== undefined && runner !== '' && guest === undefined
  if (runnable && ends) return runner
  const sentence = missingSentence(words, onlyNetem && !runnable)
  throw new MissingError(runnable ? `${sentence}; NETEM_RUNNER provides it only as long as a command runs: give one after --, or give --no-delay` : sentence)
}

/** The runner may have arguments of its own, as in `with-netem -t 900`: the shell parts them. */
export function runnerCommand (runner: string, command: readonly string[]): string[] {
  return ['sh', '-c', `${runner} "$@"`, 'sh', ...command]
}
