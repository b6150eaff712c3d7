/**
 * Every interval, limit and bound of agreed configuration that an edge may set for itself, with its reason. What all
 * edges of a group must hold alike stands with the code as constants: `configLimits`, `versionLimits`, `tokenLimits`.
 */
import { healthDefaults } from './health.ts'

export const configDefaults = Object.freeze({
  /** How long a change of local, regional and global scope is waited for, ms; then the answer says what is known, and the same key asks again. */
  localTimeoutMs: 100,
  regionalTimeoutMs: 1_000,
  globalTimeoutMs: 5_000,
  /** Between two reports of an edge's health to its leader, ms. Lower: a bad version is seen sooner, for more messages. */
  reportIntervalMs: 5_000,
  /** How long a roll-out stays at each step at least, from when all its edges run the version, ms. Lower: faster, and blind to what shows late. */
  stageMs: 60_000,
  /**
   * How long a step waits for enough requests to judge by, ms. Then it goes on where there was as little to do before,
   * and is aborted where requests stayed away. Also how long trouble everywhere is waited out.
   */
  quietMs: 600_000,
  /** How long an edge may take to run a version, or be silent, before it counts as failed, ms. */
  silentMs: 30_000,
  /** Share of a step's edges that may fail to run the version, 0 to 1: one broken machine among many stops nobody. */
  failedShareMax: 0.1,
  /** How long a leader listens before it begins a roll-out's first step, ms: it needs to know how things were. */
  listenMs: 30_000,
  /** How far back "before" reaches, ms; at least `quietMs`, so that both are of one length. */
  beforeMs: 600_000,
  /** Reports of one edge are added up over this long, ms. Lower: sharper bounds of time, more memory: 200 bytes each. */
  slotMs: 30_000,
  /** Edges whose health is kept, 6 KiB each. */
  edgesMax: 10_000,
  /** Before an unanswered proposal of a roll-out is repeated, ms. */
  proposeAgainMs: 2_000,
  /** Times that an edge tries a version under which it stopped, before it stays on its last good one. 1 mistakes a power cut for a fault. */
  attemptsMax: 2,
  ...healthDefaults
})
export type ConfigSettings = { readonly [K in keyof typeof configDefaults]: number }
