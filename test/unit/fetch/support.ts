/**
 * What the tests of the fetch protocol share: an asking and an answering service joined by real
 * streams of `streamPair`, with stubs where a libp2p node would be, and a clock that moves when told.
 */
import { createHash } from 'node:crypto'
import { streamPair } from '@libp2p/utils'
import type { Connection, PeerId, Stream } from '@libp2p/interface'
import { onTestFinished } from 'vitest'
import { contentKey } from '../../../protocols/ids.ts'
import { Verb, type Ask, type RemoteHead } from '../../../protocols/fetch/messages.ts'
import type { FetchProvider, Offer, TransferPurges } from '../../../protocols/fetch/provider.ts'
import { fetch, type Fetch } from '../../../protocols/fetch/service.ts'
import { fetchDefaults, type FetchSettings } from '../../../protocols/fetch/settings.ts'
import type { PeerAnswer } from '../../../protocols/fetch/transfer.ts'
import { handOf, type Hand } from '../../support/evil-peer.ts'
import { eventually, hashOf } from '../../support/store.ts'
import { manualClock, type ManualClock } from '../membership/support.ts'

export const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
export const never = new AbortController().signal

export function askOf (more: Partial<Ask> = {}): Ask {
  return {
    verb: Verb.Fill, key: contentKey('default', '/a'), site: 'default', target: '/a', fields: [['accept', '*/*']], path: ['asker'],
    silent: [], offset: 0, staleOk: false, headOnly: false, turnedAway: false, last: false, credit: 1_000, blockBytes: 1024 * 1024, traceparent,
    ...more
  }
}

export function headOf (body: Uint8Array, more: Partial<RemoteHead> = {}): RemoteHead {
  return { status: 200, fields: [['etag', '"1"']], ageMs: 5, length: body.byteLength, hash: hashOf(body), ...more }
}

export interface TestOffer extends Offer {
  released: number
}

/** A body that is all there. Counts its releases. */
export function offerOf (body: Uint8Array, more: Partial<Offer> = {}): TestOffer {
  const offer: TestOffer = {
    kind: 'hit',
    head: headOf(body),
    stale: false,
    same: false,
    open: async function * (offset, chunkBytesMax) {
      for (let at = offset; at < body.byteLength; at += chunkBytesMax) yield body.subarray(at, at + chunkBytesMax)
    },
    total: () => ({ length: body.byteLength, hash: hashOf(body) }),
    ...more,
    released: 0,
    release: () => { offer.released++ }
  }
  return offer
}

type Handler = (stream: Stream, connection: Connection) => void

class Registrar {
  handler: Handler | undefined
  readonly handle = async (_protocol: string, handler: Handler): Promise<void> => { this.handler = handler }
  readonly unhandle = async (): Promise<void> => { this.handler = undefined }
}

function idOf (name: string): PeerId { return { toString: () => name } as PeerId }

export interface FetchRig {
  readonly clock: ManualClock
  readonly asker: Fetch
  readonly server: Fetch
  /** Both ends of every stream that the asker opened. */
  readonly streams: Array<{ outbound: Stream, inbound: Stream }>
  ask: (ask?: Partial<Ask>, options?: { signal?: AbortSignal, onFilling?: () => void }) => Promise<PeerAnswer>
  /** Opens a stream to the answering service, to be spoken by hand. */
  open: (from?: string) => Promise<Hand>
  /** Moves the clock in steps until the condition holds. */
  pass: (condition: () => boolean, stepMs?: number, limitMs?: number) => Promise<void>
}

export interface FetchRigInit {
  readonly provider?: FetchProvider['answer']
  readonly settings?: Partial<FetchSettings>
  /** Settings of the answering side, where they differ. */
  readonly serverSettings?: Partial<FetchSettings>
  readonly mayAsk?: (peer: string) => boolean
  /** What the answering side says that it has applied, and what the asker makes of that. */
  readonly purges?: TransferPurges
  /** Answers in place of the answering service: an asked peer that does as it likes. */
  readonly handler?: (stream: Stream) => void
}

export async function fetchRig (init: FetchRigInit): Promise<FetchRig> {
  const clock = manualClock()
  const serverRegistrar = new Registrar()
  const streams: FetchRig['streams'] = []
  const settings = { ...fetchDefaults, ...init.settings }
  const common = { clock, peerIdFromName: idOf, mayAsk: init.mayAsk ?? (() => true) }
  const nowhere = { getConnections: () => [], openConnection: async () => { throw new Error('nobody to dial') } }
  const server = fetch({
    ...common,
    settings: { ...settings, ...init.serverSettings },
    purges: init.purges,
    provider: { answer: init.provider ?? (async () => ({ kind: 'miss' })) }
  })({ registrar: serverRegistrar, connectionManager: nowhere })
  const newStream = async (from = 'asker', handler?: (stream: Stream) => void): Promise<Stream> => {
    const [outbound, inbound] = await streamPair({ delay: 0 })
    streams.push({ outbound, inbound })
    if (handler !== undefined) handler(inbound)
    else if (serverRegistrar.handler === undefined) inbound.abort(new Error('no such protocol'))
    else serverRegistrar.handler(inbound, { remotePeer: idOf(from) } as Connection)
    return outbound
  }
  const connection = { status: 'open', newStream: async () => await newStream('asker', init.handler) } as unknown as Connection
  const asker = fetch({ ...common, settings, purges: init.purges, provider: { answer: async () => ({ kind: 'miss' }) } })({
    registrar: new Registrar(), connectionManager: { getConnections: () => [connection], openConnection: async () => connection }
  })
  await server.start()
  await asker.start()
  onTestFinished(async () => {
    await asker.stop()
    await server.stop()
    for (const { outbound, inbound } of streams) for (const stream of [outbound, inbound]) stream.abort(new Error('the test is over'))
  })
  return {
    clock, asker, server, streams,
    ask: async (ask, options) => await asker.ask('server', askOf(ask), { signal: never, ...options }),
    open: async (from) => handOf(await newStream(from)),
    pass: async (condition, stepMs = 50, limitMs = 10_000_000) => {
      const endMs = clock.nowMs() + limitMs
      await eventually(async () => {
        if (condition()) return true
        if (clock.nowMs() >= endMs) throw new Error(`it did not happen within ${limitMs} ms of the clock`)
        await clock.advance(stepMs)
        return condition()
      })
    }
  }
}

/** The whole body of a hit. @throws what the body throws */
export async function bodyOfHit (answer: PeerAnswer): Promise<Uint8Array> {
  if (answer.kind !== 'hit') throw new Error(`the answer is ${answer.kind}${answer.kind === 'silent' ? `: ${answer.error.message}` : ''}`)
  const parts: Uint8Array[] = []
  for await (const chunk of answer.body) parts.push(chunk)
  return Buffer.concat(parts)
}

export function same (one: Uint8Array, other: Uint8Array): boolean {
  return Buffer.compare(one, other) === 0
}

export function sha256 (bytes: Uint8Array): Uint8Array {
  return createHash('sha256').update(bytes).digest()
}
