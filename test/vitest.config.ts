/**
 * How the tests run. One file a worker, few workers: swarm tests start real edges, and a crowded
 * machine makes late timers look like protocol faults.
 */
import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

// As the launchers do (bin/node-version.js): workers and the programs that tests start load what was compiled before.
process.env.NODE_COMPILE_CACHE ??= fileURLToPath(new URL('../node_modules/.cache/compiled', import.meta.url))

export default defineConfig({
  root: fileURLToPath(new URL('..', import.meta.url)),
  test: {
    include: ['test/**/*.test.ts'],
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 60_000,
    hookTimeout: 60_000,
    reporters: ['default', './test/support/tally-reporter.ts']
  }
})
