/** The checkers of fair shares and of stores let a healthy colony pass, and end the run of one that is broken in the way each is there for. */
import { afterEach, describe, expect, it, vi } from 'vitest'
import { shareCases } from './share-cases.ts'
import { findings, nameOf } from './small-colony.ts'

describe('the checkers of shares and stores', () => {
  afterEach(() => { vi.restoreAllMocks() })

  it.for(shareCases)('end the run of an edge that $broken', (each) => {
    expect(findings({ ...each, prepare: () => {} })).toEqual([])
    expect(findings(each)).toEqual([{ checker: nameOf(each), atMs: expect.any(Number), sentence: expect.stringMatching(each.says) }])
  })
})
