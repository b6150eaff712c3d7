/** Many runs on several processors: each worker thread takes the next seed when it has done one. */
import { Worker } from 'node:worker_threads'
import type { WorkerMessage } from './run-worker.ts'
import type { RunPlan, RunResult } from './run.ts'
import { ColonyError, messageOf } from '../../protocols/errors.ts'

export const runsDefaults = Object.freeze({
  /** Memory of one worker for objects, MiB: the largest world that is aimed at (1,200 edges) has to fit in. */
  heapMiBMax: 7_168,
  /** And for young ones, MiB: what a request needs is dead before they are looked through. Lower: a large world moves it all to the old ones first. */
  youngMiBMax: 96
})

export interface RunsInit {
  readonly plans: readonly RunPlan[]
  /** Worker threads. */
  readonly workers: number
  /** Part of all runs' simulated time that is done, 0 to 1. */
  readonly onProgress?: (done: number) => void
  readonly onResult?: (result: RunResult) => void
  readonly signal?: AbortSignal
}

/** The simulation itself failed: neither an answer nor a violation. */
export class WorldError extends ColonyError {
  constructor (message: string, options?: { cause?: unknown }) {
    super('COLONY_WORLD', message, options)
  }
}

/**
 * @returns in the order of the plans
 * @throws WorldError when a run breaks down; the signal's reason when that aborts first
 */
export async function runWorlds ({ plans, workers, onProgress, onResult, signal }: RunsInit): Promise<RunResult[]> {
  const results: RunResult[] = []
  const simulatedMs = new Float64Array(plans.length)
  const totalMs = plans.reduce((sum, { sizes }) => sum + sizes.hours * 3_600_000, 0)
  const { promise: ended, resolve: end, reject: fail } = Promise.withResolvers<void>()
  const onAbort = (): void => { fail(signal?.reason) }
  signal?.addEventListener('abort', onAbort, { once: true })
  let next = 0
  let missing = plans.length
  const threads = Array.from({ length: Math.min(workers, plans.length) }, () => {
    const worker = new Worker(new URL(import.meta.url.endsWith('.ts') ? './run-worker.ts' : './run-worker.js', import.meta.url), {
      resourceLimits: { maxOldGenerationSizeMb: runsDefaults.heapMiBMax, maxYoungGenerationSizeMb: runsDefaults.youngMiBMax }
    })
    let at = -1
    const give = (): void => {
      at = next++
      if (at < plans.length) worker.postMessage(plans[at])
    }
    worker.on('message', (message: WorkerMessage) => {
      if (message.kind === 'progress') simulatedMs[at] = message.simulatedMs
      else {
        results[at] = message.result
        simulatedMs[at] = plans[at]!.sizes.hours * 3_600_000
        onResult?.(message.result)
        if (--missing === 0) end()
        give()
      }
      onProgress?.(simulatedMs.reduce((sum, each) => sum + each, 0) / totalMs)
    })
    worker.on('error', (error) => {
      fail(new WorldError(`the simulation broke down at seed ${plans[at]?.seed} of ${plans[at]?.scenario}: ${messageOf(error)}\n${error instanceof Error ? error.stack ?? '' : ''}`, { cause: error }))
    })
    give()
    return worker
  })
  try {
    signal?.throwIfAborted()
    if (plans.length > 0) await ended
    return results
  } finally {
    signal?.removeEventListener('abort', onAbort)
    await Promise.all(threads.map(async (worker) => await worker.terminate()))
  }
}
