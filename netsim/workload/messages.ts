/**
 * What the client process of a workload is told and what it reports. Everything is plain data; both sides
 * are of one version, so nothing is checked. `start`, `update`, `origin` and `stop` are calls (../calls.ts), each
 * second's report is told unasked.
 */
import type { ClientSettings } from './client.ts'
import type { Shape } from './shape.ts'
import type { AnswerSource } from './verifier.ts'

/** An edge to be asked. */
export interface Target {
  readonly name: string
  readonly region: string
  /** Without a slash at the end, such as http://127.1.1.1:8080. */
  readonly http: string
}

export interface StartCall {
  /** The origin's own seed. */
  readonly seed: number | string
  readonly shape: Shape
  /** Their regions, in this order, are those that ask, also when all edges of one are gone later. */
  readonly targets: readonly Target[]
  readonly settings?: Partial<ClientSettings>
}

export interface UpdateCall {
  readonly targets: readonly Target[]
}

export interface OriginCall {
  readonly down: boolean
}

/** Of right answers; whoever got none has an error instead. 0 where there was none. */
export interface Latency {
  readonly p50: number
  readonly p90: number
  readonly p99: number
  readonly p999: number
  readonly max: number
}

export interface Group {
  /** Finished, rightly or not. Of a source: right answers only, as only those have one. */
  readonly requests: number
  readonly errors: number
  /** Of right bodies. */
  readonly bytes: number
  readonly latencyMs: Latency
}

/** Everything since the start. */
export interface Report {
  /** From the start to this report. */
  readonly seconds: number
  /** Finished, rightly or not. */
  readonly requests: number
  /** Requests that got no right answer, not from a second edge either; wrong answers are among them. */
  readonly errors: number
  /** Errors that no cache could have spared: the origin was down meanwhile, and nobody had been given the object before. */
  readonly unanswerable: number
  /** Requests whose first edge gave no right answer; what a client that never asks twice would see. */
  readonly firstTryErrors: number
  /** Answers that passed for whole with a byte, a length, a version or a range that is not the origin's. Must be 0. */
  readonly wrongAnswers: number
  /** Bytes in answers, whole or cut, that are not the origin's, and those missing in whole ones. Must be 0. */
  readonly wrongBytes: number
  /** Of right bodies. */
  readonly bytes: number
  /** Right answers among all requests, 0 to 1; 1 before there is any. */
  readonly availability: number
  /** Fresh answers from the asked edge's own store among right answers, 0 to 1. */
  readonly hitRatio: number
  /** Right answers that the asked edge had from a peer, or from the origin. */
  readonly peerFetches: number
  readonly originFetches: number
  readonly byRegion: Readonly<Record<string, Group>>
  readonly bySource: Readonly<Record<AnswerSource, Group>>
  /** By the last edge's answer; `none` where no head came. */
  readonly byStatus: Readonly<Record<string, number>>
  /** Errors by what went wrong last: connect, timeout, closed, malformed, cut, status-503, wrong, unfinished, no-edge, overload. */
  readonly byError: Readonly<Record<string, number>>
  /** From when the request was meant to start, waits of the client itself and a second edge included. */
  readonly latencyMs: Latency
  /** From when it was handed to the connections of the edge that answered it rightly. */
  readonly serviceMs: Latency
  /** Requests under way. */
  readonly inFlight: number
  /** Processor time that the client has used since its start, user and system. */
  readonly cpuMs: number
  /** What was wrong with the first few wrong answers, a sentence each. */
  readonly wrong: readonly string[]
  /** One row a second. */
  readonly series: readonly SeriesRow[]
}

/** What finished within one second. */
export interface SeriesRow {
  /** End of the second, from the start. */
  readonly atMs: number
  readonly requests: number
  readonly errors: number
  readonly firstTryErrors: number
  readonly wrongAnswers: number
  readonly bytes: number
  readonly hits: number
  readonly peerFetches: number
  readonly originFetches: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly maxMs: number
  readonly inFlight: number
}

/** Told each second and answered to `stop`: the rows are collected by the parent. */
export interface Progress {
  readonly report: Omit<Report, 'series'>
  readonly row: SeriesRow
}
