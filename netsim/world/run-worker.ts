/** A worker thread that runs one world after another as it is told, and says how far it is. */
import { parentPort } from 'node:worker_threads'
import { runWorld, type RunPlan, type RunResult } from './run.ts'
import { systemClock } from '../../daemon/clock.ts'

export type WorkerMessage =
  | { readonly kind: 'progress', readonly simulatedMs: number }
  | { readonly kind: 'result', readonly result: RunResult }

parentPort?.on('message', (plan: RunPlan) => {
  const tell = (message: WorkerMessage): void => { parentPort?.postMessage(message) }
  tell({ kind: 'result', result: runWorld(plan, systemClock, (simulatedMs) => { tell({ kind: 'progress', simulatedMs }) }) })
})
