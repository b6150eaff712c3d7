import { describe, expect, it } from 'vitest'
import { configRoutes, type ConfigSource } from '../../../daemon/admin/config.ts'
import { createAdminHandler } from '../../../daemon/admin/routes.ts'
import { encodeToken } from '../../../protocols/config/token.ts'
import type { EdgeResponse } from '../../../daemon/http/message.ts'
import { shop, settings, TestRegion } from './support.ts'

interface Answered { readonly status: number, readonly body: Record<string, unknown>, readonly field: (name: string) => string | undefined }

/** Asks the admin listener of one edge, while time passes. */
function asks (region: TestRegion, name: string, source: Partial<ConfigSource> = {}): (method: string, target: string, body?: unknown, fields?: Record<string, string>) => Promise<Answered> {
  const handler = createAdminHandler(configRoutes({ agreed: region.at(name).agreed, bodyBytesMax: settings.bodyBytesMax, watchMaxMs: settings.watchMaxMs, ...source }))
  return async (method, target, body, fields = {}) => {
    const sent = body === undefined ? undefined : (async function * () { yield Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)) })()
    const response = await region.outcome<EdgeResponse>(handler({
      method, target, host: 'localhost', traceparent: '', signal: new AbortController().signal,
      fields: [...Object.entries(fields), ...(body === undefined ? [] : [['content-type', 'application/json'] as const])],
      ...(sent !== undefined && { body: sent })
    }))
    const chunks = await Array.fromAsync(response.body ?? [])
    return { status: response.status, body: JSON.parse(Buffer.concat(chunks).toString()) as Record<string, unknown>, field: (wanted) => response.fields.find(([each]) => each === wanted)?.[1] }
  }
}

const document = { sites: { shop } }
const put = '/v1/config?scope=regional&plan=now&author=ann&reason=first'

describe('the admin listener', () => {
  it('takes a document, answers with version and token, and gives it back with its age', async () => {
    const region = await TestRegion.of('a')
    const ask = asks(region, 'a')
    const written = await ask('PUT', put, document)
    expect(written).toMatchObject({ status: 201, body: { version: 1 } })
    expect([written.field('etag'), written.field('colony-token')]).toEqual(['"1"', encodeToken({ fra: 1 })])
    expect(await ask('GET', '/v1/config?scope=regional')).toMatchObject({ status: 200, body: { version: 1, document, current: true, ageMs: 0 } })
    expect(await ask('GET', '/v1/config')).toMatchObject({ body: { scope: 'effective', document: { sites: { shop: { hostHeader: 'origin' } } } } })
    expect(await ask('GET', '/v1/config/history?scope=regional')).toMatchObject({ body: { base: 1, versions: [{ number: 1, author: 'ann', reason: 'first' }] } })
  })

  it('changes nothing that was changed by another meanwhile, and the same key is answered the same', async () => {
    const ask = asks(await TestRegion.of('a'), 'a')
    const first = await ask('PUT', put, document, { 'idempotency-key': '"k"' })
    expect(await ask('PUT', put, document, { 'idempotency-key': '"k"' })).toMatchObject({ status: 201, body: first.body })
    const patch = { sites: { shop: { ttl: { default: '5s' } } } }
    expect(await ask('PATCH', put, patch, { 'if-match': '"1"' })).toMatchObject({ status: 201, body: { version: 2 } })
    expect(await ask('PATCH', put, patch, { 'if-match': '"1"' })).toMatchObject({ status: 412, body: { detail: expect.stringContaining('version 2 is agreed now') } })
    expect(await ask('GET', '/v1/config/diff?scope=regional')).toMatchObject({ body: { from: 1, to: 2, fields: [{ path: 'sites/shop/ttl/default', is: 5000 }] } })
    expect(await ask('POST', '/v1/config/rollback?scope=regional', { to: 1 }, { 'if-match': '"1"' })).toMatchObject({ status: 412 })
    expect(await ask('POST', '/v1/config/rollback?scope=regional', { to: 1 })).toMatchObject({ status: 201, body: { version: 3 } })
    expect(await ask('GET', '/v1/config?scope=regional')).toMatchObject({ body: { document } })
  })

  it.each([
    ['PUT', '/v1/config', {}, 400, /^scope is missing/],
    ['PUT', '/v1/config?scope=all', {}, 400, /^scope is "all": expected local, regional or global/],
    ['PUT', put, { sitez: {} }, 422, /^sitez: unknown; did you mean sites/],
    ['PUT', put, `"${'x'.repeat(1024 * 1024)}"`, 413, /^the body is larger than 1048576 bytes/],
    ['PUT', put, 'no json', 400, /^the body is not JSON/],
    ['PUT', `${put}&priority=101`, {}, 400, /^priority is "101"/],
    ['PUT', '/v1/config?scope=regional&plan=some', document, 422, /^plan: "some" is not a stage/],
    ['POST', '/v1/config/rollback?scope=regional', { to: 9 }, 412, /^version 9 is not kept/],
    ['POST', '/v1/config/abort?scope=regional', { version: 9 }, 412, /^version 9 is not being rolled out/],
    ['GET', '/v1/config?scope=regional&version=9', undefined, 404, /keeps no version 9/],
    ['GET', '/v1/config/watch?waitMs=1e9', undefined, 400, /^waitMs is "1e9"/],
    ['POST', '/v1/config/recover?scope=local', { gone: [] }, 400, /^the local scope has no majority/],
    ['POST', '/v1/config/recover?scope=regional', { gone: 'all' }, 400, /^gone is missing/],
    ['POST', '/v1/config/recover?scope=regional', { gone: [], fromCopy: 'yes' }, 400, /^fromCopy is neither true nor false/],
    ['POST', '/v1/config/recover?scope=regional', { gone: ['b'] }, 501, /^the regional scope has no group that this edge could found anew/],
    ['PUT', '/v1/config?scope=global', document, 503, /^nothing was changed: this edge has no part in a global group/]
  ])('says what is wrong with %s %s', async (method, target, body, status, detail) => {
    const answered = await asks(await TestRegion.of('a'), 'a')(method, target, body)
    expect(answered).toMatchObject({ status, body: { detail: expect.stringMatching(detail) } })
    expect(answered.field('content-type')).toBe('application/problem+json')
  })

  it('names who is missing when there is no majority, and still reads', async () => {
    const region = await TestRegion.of('a', 'b', 'c')
    const lone = region.leader!.name
    const ask = asks(region, lone)
    await ask('PUT', put, document)
    for (const name of ['a', 'b', 'c']) if (name !== lone) region.cut.add(name)
    await region.pass(1_000)
    const refused = await ask('PATCH', put, { sites: null }, { 'idempotency-key': 'again' })
    expect(refused).toMatchObject({ status: 503, body: { outcome: 'none', idempotencyKey: 'again', detail: expect.stringMatching(/2 of 3 voters cannot be reached: edge-. \(fra\), edge-. \(fra\)/) } })
    expect(refused.field('retry-after')).toBe('1')
    expect(await ask('GET', '/v1/config?scope=regional')).toMatchObject({ status: 200, body: { document, current: false, because: expect.stringContaining('2 of 3') } })
  })

  it('waits for what a token names, and says 425 or 409 where it does not come', async () => {
    const ask = asks(await TestRegion.of('a'), 'a')
    const { field } = await ask('PUT', put, document)
    const token = (value: string): Record<string, string> => ({ 'colony-token': value })
    expect(await ask('GET', '/v1/config?scope=regional', undefined, token(field('colony-token')!))).toMatchObject({ status: 200 })
    expect(await ask('GET', '/v1/config?scope=regional', undefined, token(encodeToken({ fra: 9 })))).toMatchObject({ status: 425, body: { lacks: [{ group: 'fra', has: 1, needs: 9 }] } })
    expect(await ask('GET', '/v1/config?scope=regional', undefined, token(encodeToken({ ams: 9 })))).toMatchObject({ status: 409 })
    expect(await ask('GET', '/v1/config?scope=regional', undefined, token('?'))).toMatchObject({ status: 400 })
  })

  it('tells who watches of the next change, and of none after a while', async () => {
    const region = await TestRegion.of('a')
    const ask = asks(region, 'a')
    const { mark } = (await ask('GET', '/v1/config/watch')).body as { mark: string }
    const watching = ask('GET', `/v1/config/watch?after=${mark}&waitMs=60000`)
    await region.change('a', { kind: 'put', document })
    expect((await watching).body.scopes).toContainEqual(expect.objectContaining({ scope: 'regional', agreed: 1, runs: { version: 1, regionWide: 1 } }))
    const { mark: then } = (await ask('GET', '/v1/config/watch')).body as { mark: string }
    const startMs = region.clock.nowMs()
    expect((await ask('GET', `/v1/config/watch?after=${then}&waitMs=500`)).body.mark).toBe(then)
    expect(region.clock.nowMs() - startMs).toBeGreaterThanOrEqual(500)
  })

  it('says what a change would do where it is only asked for that', async () => {
    const ask = asks(await TestRegion.of('a'), 'a')
    expect(await ask('PUT', `${put}&dryRun=true`, document)).toMatchObject({ status: 200, body: { base: 0, sites: [{ site: 'shop', kind: 'added' }], objects: { shop: 0 }, movedByRegion: {} } })
    expect(await ask('GET', '/v1/config?scope=regional')).toMatchObject({ body: { version: 0 } })
  })
})
