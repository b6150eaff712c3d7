/** Counting who still wants something. */
import { describe, expect, it } from 'vitest'
import { Interest } from '../../../daemon/cache/interest.ts'

describe('an interest', () => {
  it('counts those who joined and have not left, each once', () => {
    const interest = new Interest()
    const one = interest.join()
    const other = interest.join()
    expect(interest.count).toBe(2)
    one()
    one()
    expect(interest.count).toBe(1)
    other()
    expect(interest.count).toBe(0)
  })

  it('tells its one listener of everyone who leaves, and of nobody twice', () => {
    const interest = new Interest()
    const seen: string[] = []
    interest.onChange(() => { seen.push(`first ${interest.count}`) })
    const one = interest.join()
    const other = interest.join()
    one()
    interest.onChange(() => { seen.push(`second ${interest.count}`) })
    one()
    other()
    expect(seen).toEqual(['first 1', 'second 0'])
  })
})
