/** Several origins of one site: who is asked next, and after what. */
import { describe, expect, it } from 'vitest'
import { OriginsInTurn } from '../../../daemon/origin/in-turn.ts'
import type { OriginRequest } from '../../../daemon/origin/origin.ts'
import type { OriginSettings } from '../../../daemon/origin/settings.ts'
import { closedPort, failure, get, httpOrigin, manualClock, originAt, rawOrigin, text, until } from './support.ts'

async function * body (): AsyncGenerator<Uint8Array> { yield Buffer.from('a') }

/** An origin that answers each request with its method and body, and counts them. */
async function good (): Promise<{ url: string, seen: string[] }> {
  const seen: string[] = []
  const { url } = await httpOrigin(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    seen.push(`${request.method} ${Buffer.concat(chunks).toString()}`.trim())
    response.end(seen.at(-1))
  })
  return { url, seen }
}

function inTurn (urls: readonly string[], settings: Partial<OriginSettings> = {}): { site: OriginsInTurn, made: Array<ReturnType<typeof originAt>> } {
  const clock = manualClock()
  const made = urls.map((url) => originAt(url, settings, clock))
  return { site: new OriginsInTurn(made.map(({ origin }) => origin)), made }
}

describe('origins in turn', () => {
  it('are not asked past the first that answers, whichever status it gives', async () => {
    const first = await rawOrigin((socket) => { socket.write('HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n') })
    const second = await good()
    const response = await inTurn([first.url, second.url]).site.request(get())
    expect([response.status, second.seen]).toEqual([503, []])
  })

  it.each<[string, Partial<OriginRequest>]>([['GET', {}], ['POST a', { method: 'POST', body: body() }]])('are asked one after the other where there is no connection, for a %s', async (what, more) => {
    const second = await good()
    const { site, made } = inTurn([`http://127.0.0.1:${await closedPort()}`, second.url])
    expect(await text(await site.request(get('/', more)))).toBe(what)
    expect(made.map(({ events }) => events.map(({ kind }) => kind).filter((kind) => kind !== 'received'))).toEqual([['failed'], ['answered']])
  })

  it.each(['closes the connection without a word', 'says nothing in time'])('are asked again only for what is safe and has no body when the first %s (RFC 9110 section 9.2.2)', async (how) => {
    const first = await rawOrigin((socket) => { if (how.startsWith('closes')) socket.end() })
    const second = await good()
    const { site, made } = inTurn([first.url, second.url])
    const asked = async (more: Partial<OriginRequest>): Promise<string> => {
      const seen = first.requests.length
      const asking = site.request(get('/', more))
      asking.catch(() => {})
      if (!how.startsWith('closes')) {
        await until(() => first.requests.length > seen)
        made[0]!.clock.move(30_000)
      }
      return await asking.then(text, (error: { code: string }) => error.code)
    }
    expect(await asked({})).toBe('GET')
    for (const more of [{ method: 'POST' }, { method: 'DELETE' }, { body: body() }]) {
      expect(await asked(more)).toBe(how.startsWith('closes') ? 'COLONY_ORIGIN_BROKEN' : 'COLONY_ORIGIN_TIMEOUT')
    }
    expect(second.seen).toEqual(['GET'])
  })

  it('skip one whose breaker is open without a connection, also for what is not safe, and count the next one\'s time', async () => {
    const first = await rawOrigin((socket) => { socket.end() })
    const second = await good()
    const { site, made } = inTurn([first.url, second.url], { breakerFailures: 1 })
    await text(await site.request(get()))
    expect(made[0]!.origin.state().breaker).toBe('open')
    expect(await text(await site.request(get('/', { method: 'POST', body: body() })))).toBe('POST a')
    expect([first.requests.length, second.seen, site.ttfbMs()]).toEqual([1, ['GET', 'POST a'], 0])
  })

  it('pass on from one that is busy', async () => {
    const first = await rawOrigin(() => {})
    const second = await good()
    const { site, made } = inTurn([first.url, second.url], { concurrentMax: 1, queueMax: 0 })
    made[0]!.origin.request(get()).catch(() => {})
    await until(() => first.requests.length === 1)
    expect(await text(await site.request(get('/', { method: 'POST' })))).toBe('POST')
  })

  it('fail as the last one did, in words that name each', async () => {
    const dead = `http://127.0.0.1:${await closedPort()}`
    const silent = await rawOrigin(() => {})
    const { site, made } = inTurn([dead, silent.url])
    const failing = failure(site.request(get()))
    await until(() => silent.requests.length === 1)
    made[0]!.clock.move(30_000)
    expect(await failing).toMatchObject({
      code: 'COLONY_ORIGIN_TIMEOUT', status: 504,
      message: `origin ${dead} refused the connection (ECONNREFUSED); origin ${silent.url} sent no answer within 30000 ms`
    })
  })

  it('leave the next one alone when the asker has left', async () => {
    const first = await rawOrigin(() => {})
    const second = await good()
    const { site } = inTurn([first.url, second.url])
    const leaving = new AbortController()
    const failing = failure(site.request(get('/', { signal: leaving.signal })))
    await until(() => first.requests.length === 1)
    leaving.abort()
    expect(await failing).toMatchObject({ code: 'COLONY_ORIGIN_ABORTED' })
    expect(second.seen).toEqual([])
  })
})
