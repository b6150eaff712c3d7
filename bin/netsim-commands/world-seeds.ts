/** The seeds of a command line: `7`, `1..200`, `3,5,8..10`. */
import { UsageError } from '../command.ts'

const seedMax = 999_999_999
const seedsMax = 100_000

/** @throws UsageError when it is not such a list, or a very long one */
export function readSeeds (flag: string, text: string): number[] {
  const seeds = text.split(',').flatMap((part) => {
    const match = /^(\d{1,9})(?:\.\.(\d{1,9}))?$/.exec(part)
    const [first, last] = [Number(match?.[1]), Number(match?.[2] ?? match?.[1])]
    if (!(first <= last) || last > seedMax || last - first >= seedsMax) {
      throw new UsageError(`--${flag} is ${JSON.stringify(text)}: expected whole numbers and ranges such as 7, 1..200 or 3,5,8..10, at most ${seedsMax} of them`)
    }
    return Array.from({ length: last - first + 1 }, (_, at) => first + at)
  })
  return seeds
}
