/** A worker thread that runs one world after another as it is told, and says how far it is. */
import { setFlagsFromString } from 'node:v8'
import { parentPort } from 'node:worker_threads'
import { runWorld, type RunPlan, type RunResult } from './run.ts'
import { systemClock } from '../../daemon/clock.ts'

export type WorkerMessage =
  | { readonly kind: 'progress', readonly simulatedMs: number }
  | { readonly kind: 'result', readonly result: RunResult }

// While a world is built nearly everything that is made stays. V8 learns from that to put lists of the same kind among the old objects at
// once, also later, when each is dead within a second; what hangs on them grows old with them: 5 MB more each simulated second of a large world.
setFlagsFromString('--no-allocation-site-pretenuring')

parentPort?.on('message', (plan: RunPlan) => {
  const tell = (message: WorkerMessage): void => { parentPort?.postMessage(message) }
  tell({ kind: 'result', result: runWorld(plan, systemClock, (simulatedMs) => { tell({ kind: 'progress', simulatedMs }) }) })
})
