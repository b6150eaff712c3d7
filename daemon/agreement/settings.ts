/** Every interval and limit of an edge's part in its region's group; Raft's own are in `protocols/raft/`. */
import { stewardDefaults } from '../../protocols/raft/steward.ts'

export const agreementDefaults = Object.freeze({
  ...stewardDefaults,
  /** Between two looks of a leader at who should vote and who takes no part, where nothing happens before, ms. Lower: newcomers that were missed are found sooner. */
  lookMs: 1_000,
  /** After a change of the configuration that was refused, ms. Lower: a learner is promoted sooner once it answers, more messages. */
  retryMs: 200,
  /**
   * How long an edge with `--join` that finds no group in its region, though it has reached the colony, waits before it founds
   * one, ms. Each edge of the region with a lower peer id adds a fifth. Lower: a new region agrees sooner, and more often
   * founds two groups, of which the younger then dissolves.
   */
  foundDelayMs: 5_000,
  /**
   * Share of a newcomer's knocks that go to anybody while nobody answers, the others to edges that it has a link to, 0 to 1. Lower: fewer handshakes
   * where many edges start at once; higher: sooner in where all linked ones are newcomers, too.
   */
  askAnybodyShare: 0.2,
  /** How long a voter that stops waits for its vote to be given to another, ms. Shorter stops sooner and may leave a group with a dead voter. */
  leaveTimeoutMs: 1_500,
  /** Between two askings for that, ms. */
  leaveRetryMs: 50
})

export type AgreementSettings = { readonly [K in keyof typeof agreementDefaults]: number }
