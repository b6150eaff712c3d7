/**
 * Issue item 9: Chromium loads a page with its assets through two edges, the second of which never had an
 * origin. What is compared are the answers as they came over the wire, by Chromium's own word; what its own
 * cache holds does not come over it.
 */
import { chromium, type Browser, type Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { until, type TestEdge } from '../support/edges.ts'
import { TestOrigin } from '../support/origin.ts'
import { Mirror } from './mirror.ts'
import { look, looks, publishPage } from './page.ts'
import { leftOut, tell } from './program.ts'

/** Another one on a system that has it elsewhere. */
const program = process.env.CHROMIUM ?? '/usr/bin/chromium'

interface Answer { readonly path: string, readonly status: number, readonly range?: string, readonly cacheStatus: string }

describe.skipIf(leftOut(program))('a browser through two edges', () => {
  let origin: TestOrigin
  let mirror: Mirror
  let browser: Browser

  beforeAll(async () => {
    origin = await new TestOrigin().start()
    publishPage(origin)
    mirror = await Mirror.start({ origin: origin.url })
    browser = await chromium.launch({ executablePath: program, args: ['--no-sandbox'] })
  })
  afterAll(async () => {
    await browser?.close()
    await mirror.stop()
    await origin.close()
  })

  /** A browser with nothing in its cache, and every answer that it gets. */
  async function open (): Promise<{ page: Page, load: (edge?: TestEdge) => Promise<Answer[]> }> {
    const page = await (await browser.newContext()).newPage()
    const wire = await page.context().newCDPSession(page)
    await wire.send('Network.enable')
    const paths = new Map<string, string>()
    const heard: Array<Omit<Answer, 'path'> & { readonly id: string }> = []
    const failures: string[] = []
    wire.on('Network.requestWillBeSent', ({ requestId, request }) => { paths.set(requestId, new URL(request.url).pathname) })
    wire.on('Network.responseReceivedExtraInfo', ({ requestId, statusCode, headers }) => {
      // May come before the request that it answers.
      heard.push({ id: requestId, status: statusCode, range: headers['content-range'], cacheStatus: headers['cache-status'] ?? '' })
    })
    // A player that goes elsewhere in a film breaks off what it was reading.
    wire.on('Network.loadingFailed', ({ requestId, errorText, canceled }) => { if (canceled !== true) failures.push(`${paths.get(requestId)}: ${errorText}`) })

    const load = async (edge?: TestEdge): Promise<Answer[]> => {
      heard.length = 0
      if (edge === undefined) await page.reload()
      else await page.goto(edge.http)
      expect(await page.evaluate(look)).toEqual(looks)
      expect(failures).toEqual([])
      await until(() => heard.every(({ id }) => paths.has(id)), 5_000, 'an answer came to no request')
      const answers = heard.map(({ id, ...answer }): Answer => ({ path: paths.get(id) ?? '', ...answer }))
      tell([edge === undefined ? 'reload' : `open ${edge.http}/`, ...answers.map(({ path, status, range, cacheStatus }) => `${status} ${path}  ${range ?? ''}  ${cacheStatus}`)])
      return answers
    }
    return { page, load }
  }

  const brief = (answers: readonly Answer[]): string[] => [...new Set(answers.map(({ path, status }) => `${status} ${path}`))].toSorted()
  /** How much of a film Chromium keeps is its own affair. */
  const onReload = (answers: readonly Answer[]): string[] => brief(answers.filter(({ path }) => path !== '/film.wav'))
  const whole = ['200 /', '200 /font.ttf', '200 /picture.png', '200 /script.js', '200 /style.css', '206 /film.wav']

  it('shows the whole page, the film by ranges, and asks only about the document when it is reloaded', async () => {
    const { load } = await open()
    const first = await load(mirror.one)
    expect(brief(first)).toEqual(whole)
    expect(first.filter(({ range }) => range !== undefined && !range.startsWith('bytes 0-')).length).toBeGreaterThan(0)
    expect(onReload(await load())).toEqual(['304 /'])
  })

  it('gets the rest out of the edge\'s store when it begins anew, and its origin is asked only what states no lifetime', async () => {
    await until(async () => (await mirror.one.status()).flights === 0, 10_000, 'the film did not come whole')
    const before = origin.seen.length
    const answers = await (await open()).load(mirror.one)
    expect(brief(answers)).toEqual(whole)
    for (const { path, cacheStatus } of answers) expect(cacheStatus, path).toContain(['/', '/picture.png'].includes(path) ? 'fwd=stale;fwd-status=304' : ';hit')
    const asked = origin.seen.slice(before).map(({ url, headers }) => `${url} ${headers['if-none-match'] === undefined ? 'whole' : 'if changed'}`)
    expect(new Set(asked)).toEqual(new Set(['/ if changed', '/picture.png if changed']))
  })

  it('shows the same page from the edge that never had an origin, the other\'s being dead', async () => {
    await origin.close()
    const { load } = await open()
    const answers = await load(mirror.two)
    expect(brief(answers)).toEqual(whole)
    for (const { path, cacheStatus } of answers) expect(cacheStatus, path).toMatch(/detail=peer|;hit/)
    expect(onReload(await load())).toEqual(['304 /'])
  })
})
