/**
 * Every interval, limit and budget of a Raft group's core. Time is counted in ticks: the host says how
 * long one is (`tickMs`) and wakes the core by `ticksUntilDue`, so that a fine tick costs nothing while
 * nothing is due. Bytes count an entry's data; what surrounds it on the wire is bounded by the codec. Servers of one group
 * need equal values where a receiver checks them: the three of data in a message, `membersMax` and those of leases.
 */
import { ColonyError } from '../errors.ts'
import { entryBytesMax } from './commands.ts'

export const raftDefaults = Object.freeze({
  /** What the host calls one tick, ms; the core never reads it. Groups of one configuration must agree on it, as leases do. */
  tickMs: 25,
  /** Between two heartbeats of a leader. Lower: leases and lost messages are renewed sooner, more messages. 100 ms by default. */
  heartbeatTicks: 4,
  /**
   * Silence of the leader after which a server may stand for election; each waits for this and a random part of it more. 300 ms
   * by default, so that a killed leader is replaced in about 0.4 s. Lower: quicker, and elections (not disturbances, thanks to pre-votes) whenever a machine stalls. Must exceed
   * `heartbeatTicks` and the longest round trip several times.
   */
  electionTicks: 12,
  /**
   * Election timeouts of a majority's silence after which a leader steps down; the thesis (section 6.2) has 1. With one voter
   * down and a round trip of 100 ms one lost segment, which TCP sends again after 200 ms and a round trip, is as long a silence as
   * an election timeout, and ends nothing: followers that miss a heartbeat only ask for pre-votes, which nobody gives while he hears
   * the leader. What is promised ends with the lease, whatever this is. Lower: a leader that is cut off says so sooner; higher: it bears
   * worse links, and who waits at it waits longer to be told.
   */
  quorumTimeouts: 2,
  /**
   * Between two heartbeats to a learner that has everything, or has not answered for long; others get those of voters. 10 s by default. Lower: a learner
   * that came back is found sooner, and in a region of a hundred edges each costs the leader a message and its answer.
   */
  learnerTicks: 400,
  /**
   * How long a leader relies on a heartbeat that a majority answered, from its sending. At most `electionTicks - 1`, as a follower may
   * see its first tick at once; what is below that allows for clocks that run at different speeds: 9 of 11 ticks allow 22 %.
   * Must exceed `heartbeatTicks` and one round trip, or leases lapse between heartbeats and reads cost a round trip.
   */
  leaseTicks: 9,
  /** After which a snapshot that was sent and not answered is sent again. 10 s by default. Lower: a slow link carries it twice. */
  snapshotTimeoutTicks: 400,
  /**
   * Wait after a snapshot that could not be sent, or was not answered, before the next one; doubles up to `snapshotTimeoutTicks`. 0.5 s by
   * default. Lower: a peer whose disk or link fails gets megabytes again and again; higher: one that only restarted waits longer.
   */
  snapshotRetryTicks: 20,

  /** Data of one proposal, bytes: the largest command and its key. Higher: one value holds up others for longer; lower: large commands are refused. */
  proposalBytesMax: entryBytesMax,
  /** Data in one append message, bytes; a single larger entry travels alone. Higher: fewer messages, and a lost one costs more. */
  appendBytesMax: 256 * 1024,
  /** Entries in one append message. The codec takes no more than 2,048. */
  appendEntriesMax: 1_024,
  /** Append messages to one peer that are not answered yet. Higher: long links are filled, and a slow peer's queue grows. */
  inflightMessagesMax: 64,
  /** Data in such messages, bytes. Throughput of a link is at most this a round trip: 20 MB/s at 100 ms. */
  inflightBytesMax: 2 * 1024 * 1024,
  /** Data in a leader's log that is not committed yet, bytes; past it proposals are refused. A first one is always taken. */
  uncommittedBytesMax: 8 * 1024 * 1024,
  /** Data handed out for applying in one `ready`, bytes; at least one entry. Lower: other work gets its turn sooner. */
  applyBytesMax: 1024 * 1024,
  /** A snapshot's data, bytes: it travels in one message and is held in memory by its leader. */
  snapshotBytesMax: 16 * 1024 * 1024,
  /** Entries kept behind a snapshot, so that a follower that is a little late needs no snapshot. */
  keptEntries: 1_024,
  /** Their data at most, bytes: a log of large values would otherwise hold that many of them in memory. Lower: more snapshots are sent. */
  keptBytes: 4 * 1024 * 1024,
  /** Reads that wait for a heartbeat round or for the leader's first commit; past it they are refused. */
  readsMax: 4_096,
  /** A learner is promoted only when it lacks at most this many of the leader's entries and has answered within an election timeout. */
  promotionLagMax: 64,
  /** Voters and learners of one configuration. A region's edges are learners at least. */
  membersMax: 1_024,
  /**
   * How far messages may bring one's own term on, all together, before time has passed (`termTicks`). An honest group elects at most once in an election
   * timeout, and not at all while it has a leader: a million are 3 days of nothing but elections at the default. A corrupt or hostile term
   * cannot use up the number space. The term of a server that has none yet (0) is taken as it comes. Lower: a server that slept
   * through many elections has to be set up anew.
   */
  termJumpMax: 1_000_000,
  /**
   * Ticks that allow for one more term, up to `termJumpMax`. One peer that names ever higher terms brings the group on by 40 a second
   * at the default, which takes longer than there are computers to come to the last one (2^52). Must be well below `electionTicks` over the number of
   * voters, or honest elections would use up what is allowed. Higher: slower still.
   */
  termTicks: 1
})

export type RaftSettings = { readonly [K in keyof typeof raftDefaults]: number }

/** @throws ColonyError when the settings cannot work together: a lease that outlives the promise it rests on, or messages that cannot be sent */
export function checkSettings (settings: RaftSettings): void {
  const { heartbeatTicks, electionTicks, quorumTimeouts, leaseTicks, inflightMessagesMax, appendEntriesMax, termJumpMax, termTicks } = settings
  const demand = (holds: boolean, what: string): void => {
    if (!holds) throw new ColonyError('COLONY_RAFT_SETTINGS', `these Raft settings cannot work: ${what}`)
  }
  demand(heartbeatTicks >= 1, `heartbeatTicks ${heartbeatTicks} must be 1 or more`)
  demand(electionTicks > heartbeatTicks, `electionTicks ${electionTicks} must exceed heartbeatTicks ${heartbeatTicks}`)
  demand(quorumTimeouts >= 1, `quorumTimeouts ${quorumTimeouts} must be 1 or more`)
  demand(leaseTicks >= 0 && leaseTicks < electionTicks, `leaseTicks ${leaseTicks} must be below electionTicks ${electionTicks}`)
  demand(termJumpMax >= 1 && termTicks >= 1 && termTicks < electionTicks, `termJumpMax ${termJumpMax} and termTicks ${termTicks} must be 1 or more, and termTicks below electionTicks ${electionTicks}`)
  demand(inflightMessagesMax >= 1 && appendEntriesMax >= 1, 'inflightMessagesMax and appendEntriesMax must be 1 or more')
}
