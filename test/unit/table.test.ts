/** Tables for people: alignment, sections, cutting to the terminal, and nothing but text in a cell. */
import { describe, expect, it } from 'vitest'
import { printable } from '../../protocols/text.ts'
import { type Column, formatPairs, formatTable, truncate, visibleWidth } from '../../bin/table.ts'

interface Edge { name: string, zone?: string, requests: number }

const columns: readonly Column<Edge>[] = [
  { heading: 'NAME', value: ({ name }) => name, cuttable: true },
  { heading: 'ZONE', value: ({ zone }) => zone, optional: true },
  { heading: 'REQUESTS', value: ({ requests }) => String(requests), align: 'right' }
]
const linesOf = (text: string): string[] => text.split('\n').slice(0, -1)

describe('a table', () => {
  it('aligns columns, numbers to the right, without spaces at the end of a line', () => {
    expect(linesOf(formatTable(columns, [{ rows: [{ name: 'europe-1', requests: 7 }, { name: 'asia-12', requests: 1234567890 }] }]))).toEqual([
      'NAME        REQUESTS',
      'europe-1           7',
      'asia-12   1234567890'
    ])
  })

  it('shows an optional column only when a row has a value, and a dash where one has none', () => {
    expect(linesOf(formatTable(columns, [{ rows: [{ name: 'a', zone: 'rack-1', requests: 1 }, { name: 'b', requests: 2 }] }]))).toEqual([
      'NAME  ZONE    REQUESTS',
      'a     rack-1         1',
      'b     -              2'
    ])
  })

  it('aligns the columns of all sections and indents them under their titles', () => {
    expect(linesOf(formatTable(columns, [
      { title: 'asia', rows: [{ name: 'a', requests: 1 }] },
      { title: 'europe', rows: [{ name: 'a-long-name', requests: 2 }] }
    ]))).toEqual([
      '  NAME         REQUESTS',
      'asia',
      '  a                   1',
      'europe',
      '  a-long-name         2'
    ])
  })

  it('makes headings and titles bold, and nothing else', () => {
    const text = formatTable(columns, [{ title: 'asia', rows: [{ name: 'a', requests: 1 }] }], { bold: (each) => `<${each}>` })
    expect(linesOf(text)).toEqual(['<  NAME  REQUESTS>', '<asia>', '  a            1'])
  })

  it('cuts names with an ellipsis to fit the terminal, and leaves the numbers whole', () => {
    const rows = [{ name: 'a-name-that-is-much-too-long', requests: 1234567890 }]
    const lines = linesOf(formatTable(columns, [{ rows }], { width: 24 }))
    expect(lines).toEqual(['NAME            REQUESTS', 'a-name-that…  1234567890'])
    expect(linesOf(formatTable(columns, [{ rows }])).at(-1)).toContain('a-name-that-is-much-too-long')
  })

  it('cuts the widest column first, and none below eight characters', () => {
    const two: readonly Column<readonly string[]>[] = [
      { heading: 'A', value: ([a]) => a, cuttable: true },
      { heading: 'B', value: ([, b]) => b, cuttable: true }
    ]
    const rows = [['abcdefghij', 'abcdefghijklmnopqrst']]
    expect(linesOf(formatTable(two, [{ rows }], { width: 22 })).at(-1)).toBe('abcdefghij  abcdefghi…')
    expect(linesOf(formatTable(two, [{ rows }], { width: 5 })).at(-1)).toBe('abcdefg…  abcdefg…')
  })

  it('lets no escape sequence of a peer reach the terminal', () => {
    expect(formatTable(columns, [{ title: '\x1b]0;title\x07', rows: [{ name: 'evil\x1b[2J\r\n\u202ename', requests: 1 }] }])).not.toMatch(/[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]/)
  })

  it('is nothing but its headings when there are no rows', () => {
    expect(formatTable(columns, [{ rows: [] }])).toBe('NAME  REQUESTS\n')
  })
})

describe('pairs', () => {
  it('stand under each other without headings, those without a value left out', () => {
    expect(formatPairs([['name', 'a'], ['zone', undefined], ['requests', '7']])).toBe('name      a\nrequests  7\n')
  })
})

describe('the width of a text', () => {
  it.each([
    ['abc', 3], ['', 0], ['é', 1], ['e\u0301', 1], ['日本', 4], ['한', 2], ['🦀', 2], ['█░', 2], ['…', 1]
  ])('of %j is %i', (text, width) => {
    expect(visibleWidth(text)).toBe(width)
  })

  it('is kept by cutting, with whole characters only', () => {
    expect(truncate('abcdef', 6)).toBe('abcdef')
    expect(truncate('abcdefg', 6)).toBe('abcde…')
    expect(truncate('日本語', 4)).toBe('日…')
    expect(truncate('ae\u0301bc', 3)).toBe('ae\u0301…')
  })

  it('counts what stands for a control character', () => {
    expect(printable('a\x1bb')).toBe('a\ufffdb')
    expect(visibleWidth(printable('a\x1bb'))).toBe(3)
  })
})
