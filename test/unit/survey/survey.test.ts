/** Asking every member about a key: nobody is asked twice, too few at once are asked, and silence is an answer. */
import { describe, expect, it } from 'vitest'
import { contentKey, type PeerName } from '../../../protocols/ids.ts'
import { RpcError, type Call } from '../../../protocols/rpc.ts'
import type { Holdings } from '../../../protocols/survey/messages.ts'
import { surveyDefaults } from '../../../protocols/survey/settings.ts'
import { survey, surveyAnswerer } from '../../../protocols/survey/survey.ts'
import { decodeFrame, encodeFrame } from '../../../protocols/wire.ts'
import { manualClock } from '../membership/support.ts'

const key = contentKey('default', '/a')
const never = new AbortController().signal
const nothing: Holdings = { variants: [], moreVariants: 0, fetching: 0, owner: false }
const holdingsOf = (peer: PeerName): Holdings => ({ ...nothing, ring: `ring-of-${peer}` })

/** Every peer answers by `surveyAnswerer`, through real frames. */
const answering: Call = async (peer, head) => {
  const answer = await surveyAnswerer(() => holdingsOf(peer))(decodeFrame(encodeFrame(head)), 'asker', never)
  return decodeFrame(encodeFrame(answer.head))
}

const names = (count: number): PeerName[] => Array.from({ length: count }, (_, index) => `edge-${index}`)

describe('a survey', () => {
  it('brings what each peer said, in their order, a few being asked at once', async () => {
    let running = 0
    let most = 0
    const asked: PeerName[] = []
    const call: Call = async (peer, head, options) => {
      asked.push(peer)
      most = Math.max(most, ++running)
      await new Promise((resolve) => { setImmediate(resolve) })
      running--
      return await answering(peer, head, options)
    }
    const peers = names(20)
    const replies = await survey({ call, clock: manualClock(), settings: { ...surveyDefaults, surveyInFlightMax: 3 } }, key, peers, never)
    expect(replies).toEqual(peers.map((peer) => ({ peer, holdings: holdingsOf(peer) })))
    expect(most).toBe(3)
    expect(asked).toEqual(peers)
  })

  it('lists who is silent, refuses or talks nonsense beside who answers', async () => {
    const call: Call = async (peer, head, options) => {
      if (peer === 'silent') throw new RpcError('COLONY_RPC_SILENT', peer, 'peer silent gave no answer')
      if (peer === 'mad') return decodeFrame(encodeFrame({ variants: 'many' }))
      return await answering(peer, head, options)
    }
    const replies = await survey({ call, clock: manualClock(), settings: surveyDefaults }, key, ['silent', 'mad', 'well'], never)
    expect(replies).toEqual([
      { peer: 'silent', error: 'peer silent gave no answer' },
      { peer: 'mad', error: expect.stringContaining('variants') as string },
      { peer: 'well', holdings: holdingsOf('well') }
    ])
  })

  it('ends at its deadline, however many peers never answer, and says who was not asked', async () => {
    const clock = manualClock()
    const call: Call = async (peer, head, options) => {
      if (peer === 'edge-0') return await answering(peer, head, options)
      return await new Promise((_resolve, reject) => { options?.signal?.addEventListener('abort', () => { reject(options.signal?.reason as Error) }) })
    }
    const surveyed = survey({ call, clock, settings: { ...surveyDefaults, surveyInFlightMax: 2 } }, key, names(6), never)
    await clock.advance(surveyDefaults.surveyDeadlineMs)
    const replies = await surveyed
    expect(replies.map((reply) => 'error' in reply ? reply.error.replace(/.*(not asked|longer than).*/, '$1') : 'answered'))
      .toEqual(['answered', 'longer than', 'longer than', 'not asked', 'not asked', 'not asked'])
  })

  it('gives each peer its own time, and ends with whoever asked for it', async () => {
    const timeouts: Array<number | undefined> = []
    const leaving = new AbortController()
    const call: Call = async (_peer, _head, options) => {
      timeouts.push(options?.timeoutMs)
      leaving.abort(new Error('the client left'))
      throw new Error('aborted')
    }
    await expect(survey({ call, clock: manualClock(), settings: surveyDefaults }, key, ['a'], leaving.signal)).rejects.toThrow('the client left')
    expect(timeouts).toEqual([surveyDefaults.surveyTimeoutMs])
  })
})
