/**
 * Checkers watch a run and end it at the first thing that must never happen. What every checker may hear
 * of stands here: machines, faults, calm. What it needs of the edges (bytes served, views, leaders) it is
 * handed by the edges when it is made.
 */
import { ColonyError } from '../../protocols/errors.ts'
import type { Fault } from './faults.ts'
import type { HostIndex } from './machine.ts'

export interface Checker {
  /** Kebab-case; stands in the report. */
  readonly name: string
  /** A process has started, or started again. */
  readonly onUp?: (host: HostIndex) => void
  /** A process has ended; `graceful` when it took leave. */
  readonly onDown?: (host: HostIndex, graceful: boolean) => void
  readonly onFault?: (fault: Fault, phase: 'begins' | 'ends') => void
  /** The last fault that was under way has ended: from here on repair may be expected. Another may follow. */
  readonly onCalm?: () => void
  /** The run's end is reached. */
  readonly onEnd?: () => void
}

/** A checker's finding; it ends the run. */
export class Violation extends ColonyError {
  readonly checker: string
  /** Virtual time, ms. */
  readonly atMs: number

  constructor (checker: string, atMs: number, sentence: string) {
    super('COLONY_WORLD_VIOLATION', sentence)
    this.checker = checker
    this.atMs = atMs
  }
}
