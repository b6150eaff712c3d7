/** Which of several origins a request reaches, against what RFC 9110 section 9.2.2 allows. */
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { OriginError, type OriginErrorCode } from '../../../daemon/origin/errors.ts'
import { OriginsInTurn } from '../../../daemon/origin/in-turn.ts'
import type { Origin, OriginRequest, OriginResponse } from '../../../daemon/origin/origin.ts'

const codes = ['COLONY_ORIGIN_UNREACHABLE', 'COLONY_ORIGIN_TIMEOUT', 'COLONY_ORIGIN_BROKEN', 'COLONY_ORIGIN_BUSY', 'COLONY_ORIGIN_OPEN', 'COLONY_ORIGIN_ABORTED'] as const satisfies readonly OriginErrorCode[]
const neverSent: readonly OriginErrorCode[] = ['COLONY_ORIGIN_UNREACHABLE', 'COLONY_ORIGIN_BUSY', 'COLONY_ORIGIN_OPEN']

it('asks each at most once, in order, and none after one that may have acted on it', async () => {
  const scene = fc.record({
    ends: fc.array(fc.constantFrom(...codes, 200, 503), { minLength: 2, maxLength: 5 }),
    method: fc.constantFrom('GET', 'HEAD', 'OPTIONS', 'POST', 'PUT', 'DELETE', 'BREW'),
    hasBody: fc.boolean()
  })
  await fc.assert(fc.asyncProperty(scene, async ({ ends, method, hasBody }) => {
    const asked: number[] = []
    const origins = ends.map((end, index) => ({
      request: async () => {
        asked.push(index)
        if (typeof end === 'string') throw new OriginError(end, `http://origin-${index}`, 'failed')
        return { status: end } as OriginResponse
      }
    } as unknown as Origin))
    const body = hasBody ? (async function * () { yield new Uint8Array(1) })() : undefined
    const got = await new OriginsInTurn(origins).request({ method, body } as OriginRequest).catch((error: OriginError) => error)

    expect(asked).toEqual(asked.map((_, index) => index))
    const repeatable = ['GET', 'HEAD', 'OPTIONS'].includes(method) && !hasBody
    const isLast = (end: number | OriginErrorCode): boolean => typeof end === 'number' || end === 'COLONY_ORIGIN_ABORTED' || !(repeatable || neverSent.includes(end))
    const end = ends.findIndex(isLast)
    expect(asked).toHaveLength(end === -1 ? ends.length : end + 1)
    const last = ends[asked.at(-1)!]!
    if (!(got instanceof OriginError)) expect(got.status).toBe(last)
    else {
      expect(got.code).toBe(last)
      for (const each of asked) expect(got.message).toContain(`origin http://origin-${each} failed`)
    }
  }))
})
