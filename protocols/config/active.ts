/**
 * Which version an edge runs, apart from what its group has agreed on: it follows what is desired when it can, and
 * stays on its last good version, and says so, when it cannot. A version under which the process stopped again and
 * again is one that it cannot run, so the attempt is written down before it is made.
 */
import type { ConfigSettings } from './settings.ts'

/** What is stored, synced, before it counts. */
export interface ActiveState {
  /** The version that runs, and the one that its region keeps to in what is region-wide; 0: none yet. */
  readonly version: number
  readonly regionWide: number
  /** An attempt that has not been proven yet. */
  readonly trying?: { readonly version: number, readonly attempts: number } | undefined
  readonly refused?: { readonly version: number, readonly reason: string } | undefined
}

export const noActive: ActiveState = Object.freeze({ version: 0, regionWide: 0 })

export type Move =
  /** Nothing to do: it runs what it should, or refuses it. */
  | { readonly kind: 'stay', readonly state: ActiveState }
  /** Store `state`, then run the version, and say how it went with `ran` or `refuse`. */
  | { readonly kind: 'try', readonly state: ActiveState }

/** What to do about the version that is desired now. Also to be asked at the start, before anything runs. */
export function follow (state: ActiveState, desired: { readonly version: number, readonly regionWide: number }, { attemptsMax }: Pick<ConfigSettings, 'attemptsMax'>): Move {
  const { version } = desired
  if (state.refused?.version === version) return { kind: 'stay', state }
  if (state.version === version && state.regionWide === desired.regionWide) return { kind: 'stay', state: without(state, 'trying') }
  const attempts = state.trying?.version === version ? state.trying.attempts : 0
  if (attempts >= attemptsMax) {
    return { kind: 'stay', state: refuse(state, version, `the edge stopped ${attempts} times while it began to run it`) }
  }
  return { kind: 'try', state: { ...without(state, 'refused'), trying: { version, attempts: attempts + 1 } } }
}

/** It runs, and has gone on running for a while. */
export function ran (desired: { readonly version: number, readonly regionWide: number }): ActiveState {
  return { version: desired.version, regionWide: desired.regionWide }
}

/** It cannot run `version`; what ran before goes on. @param reason one sentence, without its final stop */
export function refuse (state: ActiveState, version: number, reason: string): ActiveState {
  return { ...without(state, 'trying'), refused: { version, reason } }
}

/** Another release of the program may run what this one could not. */
export function upgraded (state: ActiveState): ActiveState {
  return without(without(state, 'trying'), 'refused')
}

function without (state: ActiveState, field: 'trying' | 'refused'): ActiveState {
  const { [field]: _gone, ...rest } = state
  return rest
}
