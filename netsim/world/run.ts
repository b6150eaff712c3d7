/**
 * One run, from what can be said on a command line to what is printed of it. The same in this thread, in a
 * worker and in a test.
 */
import { closeSync, openSync, writeSync } from 'node:fs'
import { createColony } from './edge/colony.ts'
import { World, type CreateColony, type WorldResult } from './world.ts'
import { type WorldRecord, WorldRecorder } from '../report/world-recorder.ts'
import type { Sizes } from './scenario.ts'
import type { Note } from './trace.ts'
import { scenarioOf } from '../scenarios/index.ts'
import type { Clock } from '../../protocols/clock.ts'

/** All of it plain data: it is handed to worker threads. */
export interface RunPlan {
  readonly scenario: string
  readonly seed: number
  readonly sizes: Sizes
  /** File for the notes of the trace, a line each. */
  readonly tracePath?: string | undefined
  /** Whether the run is written down for a report. */
  readonly record?: boolean
}

export interface RunResult extends WorldResult {
  readonly wallMs: number
  readonly cpuMs: number
  /** Most memory that the process has had so far, bytes. */
  readonly rssBytesMax: number
  readonly record?: WorldRecord
}

export function runWorld (plan: RunPlan, clock: Clock, onProgress?: (simulatedMs: number) => void, create: CreateColony = createColony): RunResult {
  const scenario = scenarioOf(plan.scenario)
  if (scenario === undefined) throw new RangeError(`there is no scenario ${plan.scenario}`)
  const startMs = clock.nowMs()
  const startUsage = process.cpuUsage()
  const notes = plan.tracePath === undefined ? undefined : new NoteFile(plan.tracePath)
  try {
    const recorder = plan.record === true ? new WorldRecorder(create) : undefined
    const world = new World({ seed: plan.seed, scenario, sizes: plan.sizes, createColony: recorder?.create ?? create, ...notes && { onNote: notes.write } })
    const watch = (simulatedMs: number): void => {
      recorder?.sample(simulatedMs)
      onProgress?.(simulatedMs)
    }
    // A minute for progress; shorter steps draw finer pictures.
    const result = world.run(watch, recorder === undefined ? undefined : Math.min(60_000, world.durationMs / 120))
    const { user, system } = process.cpuUsage(startUsage)
    return {
      ...result,
      wallMs: Math.round(clock.nowMs() - startMs),
      cpuMs: Math.round((user + system) / 1_000),
      rssBytesMax: process.resourceUsage().maxRSS * 1_024,
      ...(recorder !== undefined && { record: recorder.record() })
    }
  } finally {
    notes?.close()
  }
}

/** Written in pieces, at once: a run has no turn of the event loop to spare. */
class NoteFile {
  readonly #file: number
  #text = ''

  constructor (path: string) {
    this.#file = openSync(path, 'w')
  }

  readonly write: Note = (timeMs, kind, subject, value) => {
    this.#text += `${timeMs} ${kind} ${subject} ${value}\n`
    if (this.#text.length > 65_536) this.#flush()
  }

  close (): void {
    this.#flush()
    closeSync(this.#file)
  }

  #flush (): void {
    writeSync(this.#file, this.#text)
    this.#text = ''
  }
}
