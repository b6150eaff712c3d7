import { describe, expect, it } from 'vitest'
import type { ReportDocument } from '../../../netsim/report/document.ts'
import { renderReport } from '../../../netsim/report/page.ts'
import { evil, small } from './report-document.ts'

const library = { script: '/* </script> */ var uPlot', style: '.u-wrap {}' }
const render = (document: Partial<ReportDocument>): string => renderReport({ ...small, ...document }, library)

describe('a report as a page', () => {
  it('escapes every text of the document, wherever it stands', () => {
    const { sections: [section], map } = small
    const page = render({
      title: evil, summary: evil, command: evil,
      facts: [[evil, evil]],
      map: { title: evil, regions: map!.regions.map((region) => ({ ...region, name: region.name + evil, facts: [[evil, evil]] })), links: [{ from: `tokyo${evil}`, to: `san-francisco${evil}` }] },
      sections: [{ title: evil, axis: { kind: 'time', label: evil }, marks: [{ atSeconds: 1, forSeconds: 1, text: evil }], charts: [{ ...section!.charts[0]!, title: evil, about: evil, lines: [{ name: evil, values: [1] }] }] }]
    })
    expect(page).not.toContain(evil)
    expect(page).not.toContain('<script>window')
    // Ours: the data, the library, the drawing.
    expect(page.match(/<script/g)).toHaveLength(3)
    expect(page.match(/<\/script/g)).toHaveLength(3)
    expect(page).not.toContain('<!--')
  })

  it('keeps the data whole under that', () => {
    const page = render({ sections: [{ ...small.sections[0]!, title: evil }] })
    const [, data] = /<script type="application\/json" id="report-data">(.*?)<\/script>/s.exec(page)!
    expect(JSON.parse(data!)).toEqual([{ ...small.sections[0]!, title: evil }])
  })

  it('has all figures in tables, long series thinned to their first, some and last rows', () => {
    const page = render({})
    expect(page).toContain('One row in 2 of 90')
    expect(page).toMatch(/<th scope="row">1 s<\/th><td>50 %<\/td>/)
    expect(page).toMatch(/<th scope="row">1 m 30 s<\/th><td>79.7 %<\/td>/)
    expect(page).toMatch(/<th scope="row">200<\/th><td>11.4 MiB<\/td>/)
    expect(page).toContain('aria-label="Latency: p50 from 0 ms to 5 ms, 5 ms in the end; p99 from 30 ms to 2.5 s, 2.5 s in the end"')
  })

  it('lists marks with their times, many of them behind a line that opens them', () => {
    expect(render({})).toMatch(/<ol class="marks"><li><b>1<\/b>tokyo cut off, 10 s to 15 s<\/li><li><b>2<\/b>a violation, 40 s<\/li><\/ol>/)
    const many = Array.from({ length: 400 }, (_, at) => ({ atSeconds: at, forSeconds: 1, text: 'restart' }))
    const page = render({ sections: [{ ...small.sections[0]!, marks: many }] })
    expect(page).toContain('<summary>400 marks')
    expect(page).toContain('and 100 more')
  })

  it('stands without marks, lines, values, sections or a map', () => {
    const [section] = small.sections
    expect(render({ sections: [], facts: [], map: undefined })).not.toContain('<section')
    expect(render({ sections: [{ ...section!, marks: [], charts: [] }] })).not.toContain('<ol')
    expect(render({ sections: [{ ...section!, charts: [{ title: 'Empty', unit: '', x: [], lines: [{ name: 'nothing', values: [] }] }] }] })).toContain('nothing was not measured')
  })

  it('is the same page for the same document', () => {
    expect(render({})).toBe(render({}))
  })
})
