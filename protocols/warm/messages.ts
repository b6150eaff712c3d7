/**
 * How one edge has another fetch something into its store before clients ask (`colony warm`),
 * `/colony/warm/1.0.0`. There is one question, asked again and again: "see to it that you have this". The asked edge
 * begins or joins the fetch, answers when it is over or after a while with how far it is, and drops what
 * nobody asks about any more. So a lost answer, a restart or a second asker need no word of their own.
 */
import { WireError } from '../errors.ts'
import type { Answerer } from '../rpc.ts'
import { printable } from '../text.ts'
import type { Frame } from '../wire.ts'

/** What is to be there. A key is computed by the asked edge itself. */
export interface WarmAsk {
  readonly site: string
  /** Normalised origin-form target. */
  readonly target: string
  /** The client's Host where the site preserves it. */
  readonly host?: string
  /** Whose question it is, random: a question asked again has the answer that was lost, another's is about what is there now. */
  readonly job: string
}

export const WarmState = {
  /** Waits for others to be fetched. */
  Queued: 'queued',
  /** Being fetched. */
  Running: 'running',
  /** The queue is full: to be asked again later. */
  Busy: 'busy',
  /** It was fetched, or found current, and is here. */
  Stored: 'stored',
  /** It was here. */
  Held: 'held',
  /** Its answer is not for others, or says that it may not be stored. */
  NotStorable: 'not-storable',
  Failed: 'failed'
} as const
export type WarmState = typeof WarmState[keyof typeof WarmState]
export type WarmOutcome = Exclude<WarmState, 'queued' | 'running' | 'busy'>

export const WarmSource = { Store: 'store', Peer: 'peer', Origin: 'origin' } as const
export type WarmSource = typeof WarmSource[keyof typeof WarmSource]

export interface WarmAnswer {
  readonly state: WarmState
  /** Body bytes that have come in; 0 for what was here. */
  readonly bytes: number
  /** Of the response, once there is one. */
  readonly status?: number
  readonly source?: WarmSource
  /** A sentence, where it is not stored. */
  readonly why?: string
}

/** Whether there is nothing more to ask. */
export function isOver (state: WarmState): state is WarmOutcome {
  return state !== WarmState.Queued && state !== WarmState.Running && state !== WarmState.Busy
}

const textMax = 16 * 1024
const whyMax = 500
const jobText = /^[A-Za-z0-9-]{1,64}$/
// Goes into a request to the origin.
const hostText = /^[A-Za-z0-9\-._~!$&'()*+,;=%:[\]]{0,300}$/

export function encodeAsk ({ site, target, host, job }: WarmAsk): object {
  return { kind: 'warm', site, target, host, job }
}

/** @throws WireError */
export function decodeAsk ({ head }: Pick<Frame, 'head'>): WarmAsk {
  if (head.kind !== 'warm') throw new WireError('a peer asked to warm with a kind that nobody knows')
  const { host = undefined, job } = head
  if (host !== undefined && (typeof host !== 'string' || !hostText.test(host))) throw new WireError('a peer asked to warm for a host with what may not stand in one')
  if (typeof job !== 'string' || !jobText.test(job)) throw new WireError('a peer asked to warm without saying for which job')
  return { job, site: text(head.site, 'site', 256), target: text(head.target, 'target', textMax), host }
}

export function encodeAnswer (answer: WarmAnswer): object {
  return { ...answer, why: answer.why?.slice(0, whyMax) }
}

/** @throws WireError */
export function decodeAnswer ({ head }: Pick<Frame, 'head'>): WarmAnswer {
  const { status, source, why } = head
  return {
    state: oneOf(head.state, Object.values(WarmState), 'state'),
    bytes: integer(head.bytes, 'bytes', 0, Number.MAX_SAFE_INTEGER),
    ...(status === undefined ? {} : { status: integer(status, 'status', 100, 599) }),
    ...(source === undefined ? {} : { source: oneOf(source, Object.values(WarmSource), 'source') }),
    ...(why === undefined ? {} : { why: printable(text(why, 'why', whyMax)) })
  }
}

/** The answering side, over whoever does it. */
export function warmAnswerer (warmer: { warm: (ask: WarmAsk, signal: AbortSignal) => Promise<WarmAnswer> }): Answerer {
  return async (request, _from, signal) => ({ head: encodeAnswer(await warmer.warm(decodeAsk(request), signal)) })
}

function oneOf<T extends string> (value: unknown, known: readonly T[], name: string): T {
  const found = known.find((each) => each === value)
  if (found === undefined) throw new WireError(`a peer told of warming with a ${name} that nobody knows`)
  return found
}

function integer (value: unknown, name: string, min: number, max: number): number {
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < min || value > max) {
    throw new WireError(`a peer told of warming with ${name} outside ${min} to ${max}`)
  }
  return value
}

function text (value: unknown, name: string, lengthMax: number): string {
  if (typeof value !== 'string' || value.length > lengthMax) throw new WireError(`a peer spoke of warming with a ${name} that is not text of at most ${lengthMax} characters`)
  return value
}
