/**
 * That the lab's links are what they are said to be, in CI: through NETEM_RUNNER where this machine's kernel has no
 * netem. Without either it fails with the sentence that says so.
 */
import { expect, it } from 'vitest'
import { playScenario } from './run.ts'

/** In user-mode Linux beside another test it takes half a minute. */
const limitMs = 300_000

it('packets are delayed, lost, doubled, throttled and cut as the topology says, each direction by itself', async () => {
  expect(await playScenario('links')).toMatchObject({ scenario: 'links', failed: null })
}, limitMs)
