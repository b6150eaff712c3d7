import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { ReportFile } from '../../../netsim/report/report-file.ts'
import { small } from './report-document.ts'

const folder = mkdtempSync(join(tmpdir(), 'colony-report-'))
afterAll(() => { rmSync(folder, { recursive: true, force: true }) })

describe('the file of a report', () => {
  it('is written whole, over an older one, and nothing is left beside it', () => {
    const path = join(folder, 'report.html')
    writeFileSync(path, 'older')
    new ReportFile(path).write(small)
    expect(readFileSync(path, 'utf8')).toMatch(/^<!doctype html>[^]*uPlot[^]*<\/html>\n$/)
    expect(readdirSync(folder)).toEqual(['report.html'])
  })

  it.each([
    ['a folder that is not there', () => join(folder, 'missing', 'report.html'), /there is no folder .*missing$/],
    ['a file in place of a folder', () => join(folder, 'report.html', 'report.html'), /report\.html is no folder$/],
    ['a folder itself', () => folder, /is a folder: expected the name of a file/]
  ])('is refused before a run when it names %s', (_what, path, message) => {
    expect(() => new ReportFile(path())).toThrow(expect.objectContaining({ code: 'COLONY_REPORT', message: expect.stringMatching(message) }))
  })
})
