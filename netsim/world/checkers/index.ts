/** Every checker of the edges. One that is not listed here does not run. */
import { accounting } from './accounting.ts'
import { busyInNeed } from './busy-in-need.ts'
import { byteBudget } from './byte-budget.ts'
import { directoryTruth } from './directory-truth.ts'
import { chatterBound } from './chatter-bound.ts'
import { diskMirrors } from './disk-mirrors.ts'
import { durableWrites } from './durable-writes.ts'
import type { MakeChecker } from './edge-checker.ts'
import { evictionTwin } from './eviction-twin.ts'
import { goneLeave } from './gone-leave.ts'
import { holdersSpread } from './holders-spread.ts'
import { linksSpan } from './links-span.ts'
import { livingStay } from './living-stay.ts'
import { loadBound } from './load-bound.ts'
import { noCircles } from './no-circles.ts'
import { noErrors } from './no-errors.ts'
import { oneFlight } from './one-flight.ts'
import { originSpared } from './origin-spared.ts'
import { acknowledgedStay } from './raft/acknowledged-stay.ts'
import { committedStay } from './raft/committed-stay.ts'
import { leasesEnd } from './raft/leases-end.ts'
import { linearizable } from './raft/linearizable.ts'
import { logsMatch } from './raft/logs-match.ts'
import { noContradiction } from './raft/no-contradiction.ts'
import { oneChange } from './raft/one-change.ts'
import { oneLeader } from './raft/one-leader.ts'
import { promisesKept } from './raft/promises-kept.ts'
import { readsCurrent } from './raft/reads-current.ts'
import { sameOrder } from './raft/same-order.ts'
import { undisturbed } from './raft/undisturbed.ts'
import { votesOnce } from './raft/votes-once.ts'
import { requestsEnd } from './requests-end.ts'
import { ringShares } from './ring-shares.ts'
import { servedBytes } from './served-bytes.ts'
import { versionsRise } from './versions-rise.ts'
import { viewsConverge } from './views-converge.ts'

export const allCheckers: readonly MakeChecker[] = Object.freeze([
  accounting, busyInNeed, byteBudget, chatterBound, directoryTruth, diskMirrors, durableWrites, evictionTwin, goneLeave, holdersSpread,
  linksSpan, livingStay, loadBound, noCircles, noErrors, oneFlight, originSpared, requestsEnd, ringShares, servedBytes,
  versionsRise, viewsConverge
])

/** Those of Raft, beside the others where edges take part in it. */
export const agreementCheckers: readonly MakeChecker[] = Object.freeze([
  acknowledgedStay, committedStay, leasesEnd, linearizable, logsMatch, noContradiction, oneChange, oneLeader, promisesKept, readsCurrent, sameOrder, undisturbed,
  votesOnce
])

/**
 * Those of large worlds. Left out are those of parts that a large world does not have (directories of its own at each edge, disks) and those
 * that go through everything: rings, links.
 */
export const leanCheckers: readonly MakeChecker[] = Object.freeze([
  accounting, busyInNeed, byteBudget, goneLeave, loadBound, noErrors, oneFlight, originSpared, requestsEnd, servedBytes, versionsRise, viewsConverge
])
