/** The simulated world catches mistakes: the mutants can all still be made, and some quick ones are found at once. `npm run mutants` looks for all. */
import { describe, expect, it } from 'vitest'
import { allMutants } from './list/index.ts'
import { mutated, occurrences } from './mutant.ts'
import { search, staleness } from './search.ts'

describe('mutants', () => {
  it('are at least 40, each of a name and a change of its own', () => {
    expect(allMutants.length).toBeGreaterThanOrEqual(40)
    expect(new Set(allMutants.map(({ name }) => name)).size).toBe(allMutants.length)
    expect(new Set(allMutants.map(({ file, find, replace }) => [file, find, replace].join('\0'))).size).toBe(allMutants.length)
  })

  it.each(allMutants)('can be made: $name', (mutant) => {
    expect(staleness(mutant)).toBeUndefined()
    expect(mutant.replace).not.toBe(mutant.find)
  })

  it('say so when their text is gone or stands twice', () => {
    const mutant = { ...allMutants[0]!, find: 'a + b', replace: '$& b' }
    expect(mutated(mutant, 'c = a + b')).toBe('c = $& b')
    expect(occurrences(mutant, 'c')).toBe(0)
    expect(() => mutated(mutant, 'a + b; a + b')).toThrow(/stale: its text stands 2 times/)
  })

  it.each([
    { name: 'ring-ignores-weights', checker: 'ring-shares' },
    { name: 'skip-the-sync', checker: 'durable-writes' },
    { name: 'same-is-news', checker: 'versions-rise' },
    { name: 'vote-counts-twice', checker: 'one-leader' },
    { name: 'repeated-command-counts', checker: 'linearizable' }
  ])('are found: $name, by $checker', async ({ name, checker }) => {
    const mutant = allMutants.find((each) => each.name === name)!
    const { finding } = await search({ mutant, stages: mutant.stages, seeds: 1 })
    expect(finding?.checker).toBe(checker)
  })

  it('are what is found: the colony as it is passes the same worlds', async () => {
    expect(await search({ stages: ['steady', 'churn', 'group', 'halves'], seeds: 1 })).not.toHaveProperty('finding')
  })

  it('are refused by a name that nobody knows', async () => {
    await expect(search({ mutant: { name: 'nobody' }, stages: ['steady'], seeds: 1 })).rejects.toThrow(/there is no mutant nobody/)
  })
})
