/** Calls between edges: what each side does when the other is slow, gone, hostile or closed its stream. */
import { streamPair } from '@libp2p/utils'
import type { Connection, PeerId, Stream } from '@libp2p/interface'
import { describe, expect, it, onTestFinished } from 'vitest'
import { systemClock } from '../../daemon/clock.ts'
import { WireError } from '../../protocols/errors.ts'
import { rpc, rpcDefaults, type Answerer, type Rpc, type RpcSettings } from '../../protocols/rpc.ts'
import { frameStream, type StreamComponents } from '../../protocols/streams.ts'
import { encodeFrame } from '../../protocols/wire.ts'
import { eventually } from '../support/store.ts'

type Handler = (stream: Stream, connection: Connection) => void
const idOf = (name: string): PeerId => ({ toString: () => name }) as PeerId
const text = (value: string): Uint8Array => new TextEncoder().encode(value)

interface Rig { caller: Rpc, server: Rpc, streams: Stream[], opened: () => number, open: () => Promise<Stream> }

async function rig (answer: Answerer, settings: Partial<RpcSettings> = {}, mayCall = true): Promise<Rig> {
  const streams: Stream[] = []
  let opened = 0
  let handler: Handler | undefined
  const common = { protocol: '/test/1.0.0', clock: systemClock, settings: { ...rpcDefaults, ...settings }, peerIdFromName: idOf }
  const open = async (): Promise<Stream> => {
    opened++
    const [outbound, inbound] = await streamPair({ delay: 0 })
    streams.push(outbound, inbound)
    handler?.(inbound, { remotePeer: idOf('caller') } as Connection)
    return outbound
  }
  const connection = { status: 'open', newStream: open } as unknown as Connection
  const connectionManager = { getConnections: () => [connection], openConnection: async () => connection } as StreamComponents['connectionManager']
  const registrar = { handle: async (_protocol: string, each: Handler) => { handler = each }, unhandle: async () => {} }
  const server = rpc({ ...common, mayCall: () => mayCall, answer })({ registrar, connectionManager })
  const caller = rpc({ ...common, mayCall: () => true, answer: async () => ({ head: {} }) })({
    registrar: { handle: async () => {}, unhandle: async () => {} }, connectionManager
  })
  await server.start()
  await caller.start()
  onTestFinished(async () => {
    await caller.stop()
    await server.stop()
    for (const stream of streams) stream.abort(new Error('the test is over'))
  })
  return { caller, server, streams, opened: () => opened, open }
}

describe('a call', () => {
  it('brings its own answer, however the answers of others overtake it, all on one stream', async () => {
    const gates = Array.from({ length: 10 }, () => Promise.withResolvers<undefined>())
    const { caller, opened } = await rig(async ({ head, payload }) => {
      await gates[head.number as number]?.promise
      return { head: { double: (head.number as number) * 2 }, payload: payload.slice().reverse() }
    })
    const calls = gates.map(async (_gate, number) => await caller.call('server', { number }, { payload: text(`n${number}`) }))
    for (const gate of gates.toReversed()) gate.resolve(undefined)
    const answers = await Promise.all(calls)
    expect(answers.map(({ head }) => head.double)).toEqual(gates.map((_gate, number) => number * 2))
    expect(answers.map(({ payload }) => new TextDecoder().decode(payload))).toEqual(gates.map((_gate, number) => `${number}n`))
    expect(opened()).toBe(1)
  })

  it('is refused with the sentence of whoever was called, and the stream goes on', async () => {
    const { caller, opened } = await rig(async ({ head }) => {
      if (head.bad === true) throw new WireError('a peer asked for nonsense')
      return { head: { fine: true } }
    })
    await expect(caller.call('server', { bad: true })).rejects.toMatchObject({ code: 'COLONY_RPC_REFUSED', message: 'a peer asked for nonsense', peer: 'server' })
    expect((await caller.call('server', {})).head).toEqual({ fine: true })
    expect(opened()).toBe(1)
  })

  it('ends at its deadline, and is told silent', async () => {
    const { caller } = await rig(async () => await new Promise(() => {}))
    await expect(caller.call('server', {}, { timeoutMs: 30 })).rejects.toMatchObject({ code: 'COLONY_RPC_SILENT' })
  })

  it('ends with the reason of whoever gave it up', async () => {
    const { caller } = await rig(async () => await new Promise(() => {}))
    const controller = new AbortController()
    const call = caller.call('server', {}, { signal: controller.signal })
    controller.abort(new Error('enough'))
    await expect(call).rejects.toThrow('enough')
  })

  it('goes again over a new stream when the kept one was closed', async () => {
    const { caller, streams, opened } = await rig(async () => ({ head: { fine: true } }))
    await caller.call('server', {})
    streams[1]?.abort(new Error('the other side went away'))
    expect((await caller.call('server', {})).head).toEqual({ fine: true })
    expect(opened()).toBe(2)
  })

  it('is not answered for who may not call', async () => {
    const { caller } = await rig(async () => ({ head: {} }), {}, false)
    await expect(caller.call('server', {}, { timeoutMs: 500 })).rejects.toMatchObject({ code: 'COLONY_RPC_SILENT' })
  })

  it('to one who never reads leaves a bounded number of frames behind, and the stream is given up', async () => {
    const streams: Stream[] = []
    const newStream = async (): Promise<Stream> => {
      const [outbound] = await streamPair({ delay: 0 })
      // As a full one: what is sent waits for the other side.
      Object.assign(outbound, { send: () => false })
      streams.push(outbound)
      return outbound
    }
    const connection = { status: 'open', newStream } as unknown as Connection
    const caller = rpc({
      protocol: '/test/1.0.0', clock: systemClock, settings: { ...rpcDefaults, waitingMax: 8, idleStreamMs: 200 }, peerIdFromName: idOf, mayCall: () => true,
      answer: async () => ({ head: {} })
    })({
      registrar: { handle: async () => {}, unhandle: async () => {} },
      connectionManager: { getConnections: () => [connection], openConnection: async () => connection }
    })
    await caller.start()
    const said: string[] = []
    for (let index = 0; index < 20; index++) said.push(await caller.call('deaf', {}, { timeoutMs: 5 }).then(() => '', (error: Error) => error.message))
    expect(said.filter((text) => text.includes('calls to answer')).length).toBeGreaterThanOrEqual(12)
    await eventually(() => streams[0]?.status !== 'open')
    await caller.stop()
  })

  it('waits in its stream while as many as may be are worked on', async () => {
    let running = 0
    let most = 0
    const gate = Promise.withResolvers<undefined>()
    const { caller } = await rig(async () => {
      most = Math.max(most, ++running)
      await gate.promise
      running--
      return { head: {} }
    }, { answeringMax: 3 })
    const calls = Array.from({ length: 12 }, async () => await caller.call('server', {}))
    await eventually(() => running === 3)
    gate.resolve(undefined)
    await Promise.all(calls)
    expect(most).toBe(3)
  })
})

describe('a caller that breaks the protocol', () => {
  it.each([
    ['no id', encodeFrame({ body: {} })],
    ['a payload over the limit', encodeFrame({ id: 1, body: {} }, new Uint8Array(400 * 1024))],
    ['bytes that are no frame', new Uint8Array([1, 2, 3])]
  ])('loses its stream for %s, and others are answered on', async (_what, frame) => {
    const { caller, open } = await rig(async () => ({ head: { fine: true } }))
    const stream = await open()
    await frameStream(stream, 1024 * 1024, 2).write(frame).catch(() => {})
    await eventually(() => stream.status !== 'open')
    expect((await caller.call('server', {})).head).toEqual({ fine: true })
  })

  it('is told so for a call without a body, on the same stream', async () => {
    const { open } = await rig(async () => ({ head: {} }))
    const frames = frameStream(await open(), 1024, 2)
    await frames.write(encodeFrame({ id: 7, body: 3 }))
    expect(new TextDecoder('latin1').decode((await frames.read()).subarray())).toContain('without a body')
  })
})
