/**
 * `netsim demo`, which is `npm start`: starts a colony on loopback, says what to try, then shows once a
 * second what it does, until it is told to stop or whoever started it goes.
 */
import { systemClock } from '../../daemon/clock.ts'
import { Demo, DemoError, regionNames } from '../../netsim/demo.ts'
import { isNothing, subtract } from '../../netsim/traffic.ts'
import { sleep } from '../../protocols/clock.ts'
import { type Command, type Given, wholeNumber } from '../command.ts'
import { watchParent } from '../parent-watch.ts'
import { DemoView } from './demo-view.ts'

export const demoCommandDefaults = Object.freeze({
  /** Between two looks at what the colony did, ms. */
  lookIntervalMs: 1_000
})

export const demo: Command = {
  name: 'demo',
  summary: 'a colony of several regions with an origin, and curl lines to try on it',
  description: 'Every edge is a colonyd process of its own; the origin serves this repository\'s own files.\nCtrl-C stops everything and leaves nothing behind.',
  flags: [
    { name: 'regions', placeholder: 'N', help: `regions, at most ${regionNames.length}`, byDefault: '3' },
    { name: 'edges', placeholder: 'N', help: 'edges in each region, at most 20', byDefault: '3' },
    { name: 'http-port', placeholder: 'PORT', help: 'HTTP port of the first edge, the others follow; 0 takes any free ones', byDefault: '8081' }
  ],
  example: 'netsim demo --regions 2 --edges 2',
  run
}

async function run (given: Given): Promise<void> {
  const clock = systemClock
  const view = new DemoView(process.stdout, clock)
  const stopping = new AbortController()
  const colony = new Demo({
    regions: wholeNumber(given, 'regions', { min: 1, max: regionNames.length, byDefault: 3 }),
    edgesPerRegion: wholeNumber(given, 'edges', { min: 1, max: 20, byDefault: 3 }),
    httpPort: wholeNumber(given, 'http-port', { min: 0, max: 65_535, byDefault: 8081 }),
    clock,
    onEvent: (event) => {
      view.event(event)
      if (event.kind === 'ended' && event.edgesLeft === 0) stopping.abort(new DemoError('no edge is left'))
    }
  })
  const stop = (reason: string): void => {
    // Told twice: the person has no patience with draining.
    if (stopping.signal.aborted) colony.kill()
    else {
      view.stopping(reason)
      stopping.abort()
      void colony.stop()
    }
  }
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => { stop(signal) })
  process.stdout.on('error', () => { stop('nobody reads what it prints') })
  const unwatch = watchParent(clock, () => { stop('whoever started it is gone') })
  try {
    await colony.start()
    view.whole(colony.edges, colony.originUrl, colony.trials())
    let before = await colony.traffic()
    while (true) {
      await sleep(clock, demoCommandDefaults.lookIntervalMs, stopping.signal)
      const now = await colony.traffic()
      const done = subtract(now, before)
      if (isNothing(done)) view.idle()
      else view.traffic(done)
      before = now
    }
  } catch (error) {
    // Stopped on demand is how a demo ends well.
    if (!stopping.signal.aborted) throw error
    if (stopping.signal.reason instanceof DemoError) throw stopping.signal.reason
  } finally {
    await colony.stop()
    view.end()
    unwatch()
  }
}
