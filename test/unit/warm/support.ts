/** What the tests of warming share: calls through the wire's own encoding, and answers by hand. */
import { RpcError, type Answerer, type Call } from '../../../protocols/rpc.ts'
import { decodeFrame, encodeFrame, type Frame } from '../../../protocols/wire.ts'
import { messageOf } from '../../../protocols/errors.ts'
import type { PeerName } from '../../../protocols/ids.ts'

/** Calls to answerers in memory; a peer without one is silent at once. */
export function callTo (answerers: Readonly<Record<PeerName, Answerer | undefined>>, from = 'asker'): Call {
  return async (peer, head, { signal = new AbortController().signal } = {}) => {
    signal.throwIfAborted()
    const answer = answerers[peer]
    if (answer === undefined) throw new RpcError('COLONY_RPC_SILENT', peer, `peer ${peer} gave no answer`)
    const aborted = Promise.withResolvers<never>()
    const onAbort = (): void => { aborted.reject(signal.reason as Error) }
    signal.addEventListener('abort', onAbort)
    try {
      const answered = await Promise.race([answer(through(head), from, signal), aborted.promise])
      return through(answered.head)
    } catch (error) {
      signal.throwIfAborted()
      throw error instanceof RpcError ? error : new RpcError('COLONY_RPC_REFUSED', peer, messageOf(error))
    } finally {
      signal.removeEventListener('abort', onAbort)
    }
  }
}

function through (head: object): Frame {
  return decodeFrame(encodeFrame(head))
}

/** Gives these answers in turn, the last again and again, and keeps the questions. */
export function scripted (...answers: readonly object[]): Answerer & { readonly asked: object[] } {
  const asked: object[] = []
  const answerer: Answerer = async ({ head }) => {
    asked.push(head)
    return { head: answers[Math.min(asked.length, answers.length) - 1] ?? {} }
  }
  return Object.assign(answerer, { asked })
}
