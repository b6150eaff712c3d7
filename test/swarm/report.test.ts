/** A report in a real browser: it draws, names what went wrong under the pointer, zooms, fits a telephone, and asks nobody for anything. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { chromium, type Browser, type Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ReportFile } from '../../netsim/report/report-file.ts'
import { leftOut } from '../clients/program.ts'
import { until } from '../support/edges.ts'
import { evil, small } from '../unit/report/report-document.ts'

/** Another one on a system that has it elsewhere. */
const program = process.env.CHROMIUM ?? '/usr/bin/chromium'

/** How many pixels of each chart are not empty; runs in the page. */
const inked = `Array.from(document.querySelectorAll('canvas'), (canvas) => {
  const copy = new OffscreenCanvas(canvas.width, canvas.height).getContext('2d')
  copy.drawImage(canvas, 0, 0)
  const { data } = copy.getImageData(0, 0, canvas.width, canvas.height)
  let count = 0
  for (let at = 3; at < data.length; at += 4) if (data[at] > 0) count++
  return count
})`

describe.skipIf(leftOut(program))('a report in a browser', () => {
  const folder = mkdtempSync(join(tmpdir(), 'colony-report-'))
  const path = join(folder, 'report.html')
  let browser: Browser
  let page: Page
  const complaints: string[] = []
  const requests: string[] = []

  beforeAll(async () => {
    const [first, ...others] = small.sections
    new ReportFile(path).write({ ...small, title: evil, sections: [{ ...first!, marks: [...first!.marks, { atSeconds: 70, forSeconds: 2, text: evil }] }, ...others] })
    browser = await chromium.launch({ executablePath: program, args: ['--no-sandbox'] })
    page = await browser.newPage({ viewport: { width: 1_000, height: 800 } })
    page.on('console', (message) => { complaints.push(message.text()) })
    page.on('pageerror', ({ message }) => { complaints.push(message) })
    page.on('request', (request) => { if (!request.url().startsWith('data:')) requests.push(request.url()) })
    await page.goto(pathToFileURL(path).href)
  })
  afterAll(async () => {
    await browser?.close()
    rmSync(folder, { recursive: true, force: true })
  })

  /** Moves the pointer to a second of the first chart. */
  async function pointAt (second: number): Promise<{ x: number, y: number }> {
    await page.locator('.u-over').first().scrollIntoViewIfNeeded()
    const box = (await page.locator('.u-over').first().boundingBox())!
    const at = { x: box.x + box.width * second / 90, y: box.y + box.height / 2 }
    await page.mouse.move(at.x, at.y, { steps: 2 })
    return at
  }

  it('draws every chart, complains of nothing and asks nobody', async () => {
    const counts = await page.evaluate(inked) as number[]
    expect(counts).toHaveLength(3)
    expect(Math.min(...counts)).toBeGreaterThan(1_000)
    expect(await page.title()).toBe(evil)
    expect(await page.evaluate('window.broken')).toBeUndefined()
    expect(await page.locator('svg .region').count()).toBe(2)
    expect(complaints).toEqual([])
    expect(requests).toEqual([pathToFileURL(path).href])
  })

  it('names what went on under the pointer, and the figures there of all charts of the section', async () => {
    await pointAt(12)
    expect(await page.locator('.note:visible').allTextContents()).toEqual(['1: tokyo cut off'])
    expect(await page.locator('.u-legend').nth(0).textContent()).toContain('12 s')
    expect(await page.locator('.u-legend').nth(1).textContent()).toContain('1 s')
    await pointAt(71)
    expect(await page.locator('.note:visible').allTextContents()).toEqual([`3: ${evil}`])
    await pointAt(30)
    expect(await page.locator('.note:visible').count()).toBe(0)
  })

  it('goes closer to what is dragged over, on all charts of the section, and back', async () => {
    const before = await page.evaluate(inked)
    const whole = page.getByRole('button', { name: 'whole range' }).first()
    expect(await whole.isVisible()).toBe(false)
    await pointAt(5)
    await page.mouse.down()
    await pointAt(20)
    await page.mouse.up()
    await whole.waitFor({ state: 'visible' })
    const closer = await page.evaluate(inked) as number[]
    expect(closer.map((count, at) => count === (before as number[])[at])).toEqual([false, false, true])
    await whole.click()
    await whole.waitFor({ state: 'hidden' })
    expect(await page.evaluate(inked)).toEqual(before)
  })

  it('fits a telephone, in the dark, and on paper', async () => {
    await page.setViewportSize({ width: 390, height: 800 })
    await page.emulateMedia({ colorScheme: 'dark' })
    // Drawn anew some time after the browser has told of its new size and colours.
    const fits = `document.documentElement.scrollWidth === 390 && ${inked}.every((count) => count > 500)
      && Array.from(document.querySelectorAll('canvas')).every((canvas) => canvas.getBoundingClientRect().right <= 390)`
    await until(async () => await page.evaluate(fits) as boolean, 10_000, 'the charts are not as wide as the telephone')
    expect((await page.pdf({ format: 'A4' })).subarray(0, 5).toString()).toBe('%PDF-')
    expect(complaints).toEqual([])
  })
})
