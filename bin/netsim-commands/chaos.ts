/** `netsim chaos`: a swarm under load while everything goes wrong in turn, and how often its answers were right all the same. */
import { availableParallelism } from 'node:os'
import { systemClock } from '../../daemon/clock.ts'
import { runExperiment } from '../../netsim/swarm/experiment.ts'
import { drawFaults } from '../../netsim/swarm/faults.ts'
import { defaultProcesses, regionName } from '../../netsim/swarm/plan.ts'
import { Random } from '../../netsim/random.ts'
import { swarmReport } from '../../netsim/report/swarm-report.ts'
import { ColonyError } from '../../protocols/errors.ts'
import { type Command, type Given, wholeNumber } from '../command.ts'
import { commandLine, readReport, writeReport } from './report.ts'
import { readSwarmFlags, swarmCommandDefaults, swarmFlags, withView } from './swarm.ts'
import { summaryOf } from './swarm-summary.ts'

export const chaos: Command = {
  name: 'chaos',
  summary: 'a swarm under load while edges die, links are cut and the origin fails: how many answers were right',
  description: 'Faults of every kind come one after another, drawn from the seed. A client whose edge does not answer asks another\none of its region, once. Ends with 1 when a single byte was wrong.',
  flags: [
    { name: 'minutes', placeholder: 'N', help: 'how long', byDefault: '5' },
    { name: 'peers', placeholder: 'N', help: 'edges', byDefault: '24' },
    ...swarmFlags.filter(({ name }) => name !== 'origin')
  ],
  example: 'netsim chaos --minutes 30 --seed 7',
  run
}

async function run (given: Given): Promise<void> {
  const peers = wholeNumber(given, 'peers', { min: 2, max: 1_000, byDefault: 24 })
  const workloadMs = wholeNumber(given, 'minutes', { min: 1, max: 1_440, byDefault: 5 }) * 60_000
  const options = readSwarmFlags(given)
  const { chaosCalmMs, chaosFaultMs } = swarmCommandDefaults
  const faults = drawFaults({
    random: new Random(options.seed).fork('chaos'),
    regions: Array.from({ length: options.regions }, (_, index) => regionName(index)),
    durationMs: workloadMs,
    calmMs: chaosCalmMs,
    faultMs: chaosFaultMs
  })
  const file = readReport(given)
  const report = await withView(given, async (view, signal) => {
    const report = await runExperiment({
      ...options, peers, faults, signal, workloadMs,
      // Many processes, so that one held still is a few edges.
      procs: options.procs ?? Math.max(defaultProcesses(peers, availableParallelism()), Math.ceil(peers / 3)),
      idle: false,
      clock: systemClock,
      onEvent: (event) => { view.event(event) }
    })
    view.report(report)
    return report
  })
  writeReport(file, () => swarmReport(report, commandLine('chaos', given, options.seed), options.regionRttMs))
  if (given.json === true) process.stdout.write(`${JSON.stringify(summaryOf(report))}\n`)
  const wrong = report.workload?.wrongBytes ?? 0
  if (wrong > 0) throw new ColonyError('COLONY_CHAOS', `${wrong} bytes were wrong: ${report.workload?.wrong[0] ?? ''} (repeat with --seed ${options.seed})`)
}
