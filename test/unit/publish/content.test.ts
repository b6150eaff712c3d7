/** The admin listener's documents of published content. */
import { expect, it } from 'vitest'
import { contentRoutes, type ContentDetail, type ContentList, type ContentSites, type ContentWritten } from '../../../daemon/admin/content.ts'
import { createAdminHandler } from '../../../daemon/admin/routes.ts'
import { Sites } from '../../../daemon/cache/sites.ts'
import type { EdgeResponse } from '../../../daemon/http/message.ts'
import type { Field } from '../../../protocols/fields.ts'
import { publishDefaults } from '../../../protocols/publish/settings.ts'
import { bodyFrom, calm, never, testColony, type TestEdge } from './support.ts'

interface Answer { readonly status: number, readonly fields: EdgeResponse['fields'], readonly text: string, readonly document: any }

function adminOf ({ publish }: TestEdge): (method: string, target: string, body?: string, fields?: readonly Field[]) => Promise<Answer> {
  const handler = createAdminHandler(contentRoutes({
    publish, settings: publishDefaults, sites: new Sites([], () => { throw new Error('no origin') }), member: (peer) => ({ name: `edge-${peer}` })
  }))
  return async (method, target, body, fields = []) => {
    const response = await handler({ method, target, host: 'admin', fields, signal: never, traceparent: '', ...(body === undefined ? {} : { body: bodyFrom(body) }) })
    const chunks = response.body === undefined ? [] : await Array.fromAsync(response.body)
    const text = Buffer.concat(chunks).toString()
    let document: unknown
    try { document = JSON.parse(text) } catch {}
    return { status: response.status, fields: response.fields, text, document }
  }
}

it('publishes, tells where it lies, gives it back and deletes it', async () => {
  const colony = await testColony({ places: ['north/1', 'north/2', 'south'], settings: calm })
  const admin = adminOf(colony.edge('a'))
  const created = await admin('PUT', '/v1/content/default/a/b.css?copies=3', 'body{}', [['content-type', 'text/css']])
  expect(created.status).toBe(201)
  const written = created.document as ContentWritten
  expect(written).toMatchObject({ site: 'default', path: '/a/b.css', length: 6, type: 'text/css', copies: 3, created: true, zones: 3, deleted: false })
  expect(written.holders.map(({ name }) => name).sort()).toEqual(['edge-a', 'edge-b', 'edge-c'])
  expect(created.fields).toEqual(expect.arrayContaining([['colony-version', written.version], ['etag', written.etag]]))
  expect((await admin('PUT', '/v1/content/default/a/b.css', 'body{a}')).status).toBe(200)

  const detail = (await admin('GET', '/v1/content/default/a/b.css')).document as ContentDetail
  expect(detail.versions.map(({ length, holders }) => [length, holders.length])).toEqual([[7, 3], [6, 3]])
  expect((await admin('GET', '/v1/content/default/a/b.css?body&consistency=quorum')).text).toBe('body{a}')
  expect((await admin('GET', `/v1/content/default/a/b.css?body&version=${written.version}`)).text).toBe('body{}')
  expect((await admin('GET', '/v1/content')).document as ContentSites).toMatchObject({ sites: [{ name: 'default', published: true, origin: false, objects: 1 }] })
  expect((await admin('GET', '/v1/content/default')).document as ContentList).toMatchObject({ objects: [{ path: '/a/b.css', length: 7 }], missing: [] })
  expect((await admin('GET', '/v1/content?url=http%3A//any.example/x%252fy')).document).toEqual({ site: 'default', path: '/x%2Fy' })

  expect(await admin('DELETE', '/v1/content/default/a/b.css')).toMatchObject({ status: 200, document: { deleted: true } })
  expect((await admin('GET', '/v1/content/default/a/b.css?body')).status).toBe(410)
  expect((await admin('GET', '/v1/content/default')).document).toMatchObject({ objects: [] })
})

it('says in one sentence what is wrong, with a code', async () => {
  const colony = await testColony({ places: ['north'], settings: calm })
  const admin = adminOf(colony.edge('a'))
  const cases: ReadonlyArray<readonly [method: string, target: string, status: number, detail: RegExp, body?: string]> = [
    ['PUT', '/v1/content/nobody/x', 404, /there is no site nobody/, 'x'],
    ['PUT', '/v1/content/default/x?copies=9', 400, /copies is 9: expected a whole number from 1 to 8/, 'x'],
    ['PUT', '/v1/content/default/x?copies=many', 400, /copies is NaN/, 'x'],
    ['PUT', '/v1/content/default/x', 503, /3 copies were asked for and the colony has one edge/, 'x'],
    ['GET', '/v1/content/default/x', 404, /nothing is published at \/x of the site default/],
    ['GET', '/v1/content/default/x?body&consistency=most', 400, /expected one, quorum or all/],
    ['GET', '/v1/content/default/x?body&version=1', 400, /version is "1"/],
    ['GET', '/v1/content/default?limit=0', 400, /limit is "0"/],
    ['GET', '/v1/content/nobody', 404, /there is no site nobody/],
    ['GET', '/v1/content?url=ftp://x/', 400, /expected an http or https URL/],
    ['DELETE', '/v1/content/default/x', 404, /nothing is published at \/x/]
  ]
  for (const [method, target, status, detail, body] of cases) {
    const answer = await admin(method, target, body)
    expect([answer.status, answer.document.detail], `${method} ${target}`).toEqual([status, expect.stringMatching(detail)])
  }
  expect((await admin('PUT', '/v1/content/default/x?copies=1', 'x', [['content-length', '2']])).document).toMatchObject({ code: 'COLONY_PUBLISH_INTERRUPTED' })
})
