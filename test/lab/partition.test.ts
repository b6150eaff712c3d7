/**
 * The lab's part of CI: a partition between real hosts, on plain cables, which needs no netem and runs
 * on the machine itself. The other scenarios are for `npm run test:lab`. Without root or the programs it
 * fails with the sentence that says what is missing.
 */
import { expect, it } from 'vitest'
import { playScenario } from './run.ts'

/** Alone on two cores it takes 40 s. */
const limitMs = 300_000

it('a region that is cut off goes on alone, and is one of the colony again after healing', async () => {
  const { failed, sources } = await playScenario('small-cut', '--no-delay')
  expect(failed).toBeNull()
  // Who says that all was right has asked: from the store, a neighbour, the origin, stale, and in vain.
  expect(sources).toEqual({ hit: expect.any(Number), peer: expect.any(Number), origin: expect.any(Number), stale: expect.any(Number), none: 1 })
}, limitMs)
