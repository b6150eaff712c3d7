import { describe, expect, it } from 'vitest'
import { warmAt } from '../../../protocols/warm/asker.ts'
import { decodeAnswer, decodeAsk, encodeAnswer, encodeAsk, warmAnswerer, type WarmAnswer } from '../../../protocols/warm/messages.ts'
import { planWarm } from '../../../protocols/warm/plan.ts'
import { contentKey, type Region } from '../../../protocols/ids.ts'
import { RpcError, type Answerer } from '../../../protocols/rpc.ts'
import { warmDefaults } from '../../../daemon/warm/settings.ts'
import { manualClock } from '../membership/support.ts'
import { callTo, scripted } from './support.ts'

const ask = { site: 'shop', target: '/a', job: 'job-1' }
const stored = { state: 'stored', bytes: 10, status: 200, source: 'origin' }
const clock = manualClock()

function begin (answerer: Answerer | undefined, members = new Set(['target'])): { outcome: Promise<WarmAnswer>, told: WarmAnswer[], abort: AbortController } {
  const told: WarmAnswer[] = []
  const abort = new AbortController()
  const init = { call: callTo({ target: answerer }), clock, settings: warmDefaults, isMember: (peer: string) => members.has(peer) }
  const outcome = warmAt(init, 'target', ask, abort.signal, (answer) => { told.push(answer) })
  outcome.catch(() => {})
  return { outcome, told, abort }
}

describe('an edge that has another warm', () => {
  it('asks the same again until it is over, and tells how far it is', async () => {
    const target = scripted({ state: 'queued', bytes: 0 }, { state: 'running', bytes: 4 }, { state: 'running', bytes: 8 }, stored)
    const { outcome, told } = begin(target)
    await clock.advance(3 * warmDefaults.warmPauseMs)
    expect(await outcome).toEqual(stored)
    expect(told.map(({ bytes }) => bytes)).toEqual([0, 4, 8])
    expect(target.asked).toEqual(Array.from({ length: 4 }, () => ({ kind: 'warm', ...ask })))
  })

  it('comes again after a pause where the other is busy', async () => {
    const target = scripted({ state: 'busy', bytes: 0 }, stored)
    const { outcome } = begin(target)
    await clock.advance(warmDefaults.warmPauseMs - 1)
    expect(target.asked).toHaveLength(1)
    await clock.advance(1)
    expect(await outcome).toEqual(stored)
  })

  it('bears a few silences in a row, and gives up after more', async () => {
    let silences = warmDefaults.warmCallsMax - 1
    const flaky: Answerer = async () => {
      if (silences-- > 0) throw new RpcError('COLONY_RPC_SILENT', 'target', 'silence')
      return { head: stored }
    }
    const bearing = begin(flaky)
    await clock.advance(10 * warmDefaults.warmPauseMs)
    expect(await bearing.outcome).toEqual(stored)
    const silent = begin(undefined)
    await clock.advance(10 * warmDefaults.warmPauseMs)
    expect(await silent.outcome).toMatchObject({ state: 'failed', why: 'peer target gave no answer' })
  })

  it('gives up at once on a refusal, on nonsense, and on who has left the colony', async () => {
    expect(await begin(async () => { throw new Error('no such protocol') }).outcome).toMatchObject({ state: 'failed', why: 'no such protocol' })
    expect(await begin(scripted({ state: 'fine', bytes: 0 })).outcome).toMatchObject({ state: 'failed', why: expect.stringContaining('nobody knows') as string })
    const members = new Set(['target'])
    const leaving = begin(async () => {
      members.clear()
      return { head: { state: 'running', bytes: 3 } }
    }, members)
    await clock.advance(warmDefaults.warmPauseMs)
    expect(await leaving.outcome).toMatchObject({ state: 'failed', bytes: 3, why: 'it has left the colony' })
  })

  it('gives up on a fetch that stands still, not on one that waits for its turn', async () => {
    const slowly = (state: string): Answerer => async () => {
      await new Promise<void>((resolve) => { clock.after(warmDefaults.warmStallMs / 4, resolve) })
      return { head: { state, bytes: 1 } }
    }
    const still = begin(slowly('running'))
    const waiting = begin(slowly('queued'))
    await clock.advance(2 * warmDefaults.warmStallMs)
    expect(await still.outcome).toMatchObject({ state: 'failed', why: expect.stringContaining('not one byte') as string })
    expect(waiting.told.length).toBeGreaterThan(5)
    waiting.abort.abort(new Error('enough'))
    await expect(waiting.outcome).rejects.toThrow('enough')
  })
})

describe('messages about warming', () => {
  it('come through as they were, and unknown fields are skipped', () => {
    for (const each of [ask, { ...ask, host: 'shop.example:8080' }]) expect(decodeAsk({ head: { ...encodeAsk(each), newer: 1 } as never })).toEqual(each)
    for (const each of [stored, { state: 'failed', bytes: 0, why: 'no route' }] as WarmAnswer[]) expect(decodeAnswer({ head: { ...encodeAnswer(each), newer: 1 } as never })).toEqual(each)
  })

  it.each([
    [{ kind: 'heat', ...ask }], [{ kind: 'warm', ...ask, site: 1 }], [{ kind: 'warm', ...ask, target: `/${'a'.repeat(20_000)}` }],
    [{ kind: 'warm', ...ask, host: 'a\r\nb' }], [{ kind: 'warm', ...ask, job: undefined }], [{ kind: 'warm', ...ask, job: 'a'.repeat(65) }]
  ])('are refused: the ask %j', async (head) => {
    const warmer = { warm: async (): Promise<WarmAnswer> => { throw new Error('must not come here') } }
    await expect(warmAnswerer(warmer)({ head, payload: new Uint8Array(0) }, 'peer', new AbortController().signal)).rejects.toThrow(/^a peer /)
  })

  it.each([
    [{ ...stored, bytes: -1 }], [{ ...stored, bytes: 1.5 }], [{ ...stored, status: 7 }], [{ ...stored, source: 'moon' }], [{ state: 'stored' }], [{ ...stored, why: 5 }], [{ ...stored, why: 'a'.repeat(501) }]
  ])('are refused: the answer %j', (head) => {
    expect(() => decodeAnswer({ head })).toThrow(/^a peer /)
  })

  it('carry a sentence that a terminal can be shown', () => {
    expect(decodeAnswer({ head: { ...stored, why: 'a\x1b[2Jb' } }).why).toBe('a\ufffd[2Jb')
  })
})

describe('the plan', () => {
  const locate = {
    owners: (_key: unknown, n: number, region: Region) => ['1', '2', '3'].slice(0, n).map((each) => `${region}-${each}`),
    homeRegions: () => ['home', 'near', 'far']
  }

  it('has the owners in each chosen region, the home\'s first', () => {
    const key = contentKey('shop', '/a')
    expect(planWarm(locate, key, new Set(['far', 'home']), 2).map(({ peer }) => peer)).toEqual(['home-1', 'home-2', 'far-1', 'far-2'])
    expect(planWarm(locate, key, new Set(['far']), 9).map(({ peer }) => peer)).toEqual(['far-1', 'far-2', 'far-3'])
    expect(planWarm(locate, key, new Set(['gone']), 1)).toEqual([])
  })
})
