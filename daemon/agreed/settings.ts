/**
 * Every interval and limit of agreed configuration as a running part of an edge, with its reason. Those of the roll-out
 * itself, of health and of the scopes' deadlines are in protocols/config/settings.ts.
 */
import { raftDefaults } from '../../protocols/raft/settings.ts'

export const agreedDefaults = Object.freeze({
  /** How long a version has to run before it counts as one that this edge can run, ms. Lower mistakes a slow death for health; higher counts a power cut against the version. */
  provenMs: 10_000,
  /** Between two reports of health while nothing is rolled out, ms; they are what a roll-out is held against later. Lower: more messages to a leader, one from each edge. */
  idleReportIntervalMs: 30_000,
  /** How often a leader looks at a roll-out, and an edge whether it leads, ms. Lower: a bad version is taken back sooner, within what reports tell. */
  driveIntervalMs: 1_000,
  /** Between two looks whether what a dissolved group had agreed on is taken in, ms; each reads it from disk. */
  absorbRetryMs: 10_000,
  /** Between two looks at a group's state by an edge that has no part in it, ms, while nothing is rolled out. Lower: it follows sooner, for more calls to the group's members. */
  copyIntervalMs: 5_000,
  /** Wait for a member's answer before another one is asked, ms. Lower: a dead one holds up less; higher bears long ways and large states. */
  copyTimeoutMs: 1_500,
  /** Between two tries of a read or a change that got no answer, ms. */
  copyRetryMs: 200,
  /** Largest state that is copied, bytes: what a group's snapshot may have. */
  copyBytesMax: 16 * 1024 * 1024,
  /** How seldom it is written down that the state is current, ms: what "how old" is wrong by after a restart, on the safe side. */
  noteCurrentMs: 60_000,
  /** Longest wait of one request for a change (`watch`), ms. Higher: fewer requests; beyond a minute proxies and clients give up. */
  watchMaxMs: 60_000,
  /** Requests that wait for a change at once. Each holds a connection. */
  watchersMax: 64,
  /** Requests that wait for what their token names, at once; more are told at once what is lacking. */
  tokenWaitersMax: 1_024,
  /** Largest body of a change, bytes: a document of the largest size, written with blanks. */
  bodyBytesMax: 1024 * 1024
})

/** Raft's own for the global group, whose members are far from each other. */
export const globalRaftDefaults = Object.freeze({
  ...raftDefaults,
  /** 500 ms by default: round trips of 300 ms are usual between continents, and global changes are rare. */
  heartbeatTicks: 20,
  /** 2 s by default, so that a killed leader is replaced within the 5 s that a global change is waited for. */
  electionTicks: 80,
  leaseTicks: 60
})

export type AgreedServiceSettings = { readonly [K in keyof typeof agreedDefaults]: number }
