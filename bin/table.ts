/**
 * Tables for people: aligned columns, numbers to the right, sections under titles, cut to the width of
 * the terminal. Shared by the commands and the benches. What stands in a cell may come from a peer, so
 * no control character of it reaches the terminal.
 */
import { printable } from '../protocols/text.ts'

export interface Column<Row> {
  readonly heading: string
  /** What stands in the cell; nothing known shows as a dash. */
  readonly value: (row: Row) => string | undefined
  /** Default: left. Numbers belong to the right. */
  readonly align?: 'left' | 'right'
  /** May be cut, with an ellipsis, when the table is wider than the terminal. */
  readonly cuttable?: boolean
  /** Left out when no row has a value. */
  readonly optional?: boolean
}

export interface Section<Row> {
  readonly title?: string
  readonly rows: readonly Row[]
}

export interface TableStyle {
  /** Columns of the terminal; without it nothing is cut. */
  readonly width?: number | undefined
  /** For the headings and titles. Default: as they are. */
  readonly bold?: (text: string) => string
}

const gap = '  '
/** A cut column keeps at least so much, so that names can still be told apart. */
const cutWidthMin = 8

/** Lines of text, each with its newline. Columns are aligned across all sections; titled rows are indented. */
export function formatTable<Row> (columns: readonly Column<Row>[], sections: readonly Section<Row>[], style: TableStyle = {}): string {
  const bold = style.bold ?? ((text: string) => text)
  const known = sections.flatMap(({ rows }) => rows)
  const shown = columns.filter(({ optional, value }) => optional !== true || known.some((row) => value(row) !== undefined))
  const indent = sections.some(({ title }) => title !== undefined) ? gap : ''
  const cells = sections.map(({ rows }) => rows.map((row) => shown.map(({ value }) => printable(value(row) ?? '-'))))
  const widths = shown.map(({ heading }, at) => Math.max(visibleWidth(heading), ...cells.flat().map((line) => visibleWidth(line[at]!))))
  if (style.width !== undefined) cut(widths, shown, style.width - indent.length)

  const format = (line: readonly string[]): string => (indent + line.map((cell, at) => pad(cell, widths[at]!, shown[at]!.align)).join(gap)).trimEnd()
  const lines: string[] = []
  const headings = format(shown.map(({ heading }) => heading))
  if (headings !== '') lines.push(bold(headings))
  for (const [at, { title }] of sections.entries()) {
    if (title !== undefined) lines.push(bold(printable(title)))
    lines.push(...cells[at]!.map(format))
  }
  return lines.map((line) => `${line}\n`).join('')
}

/** A table without headings: a name, and what it is. Pairs without a value are left out. */
export function formatPairs (pairs: readonly (readonly [name: string, value: string | undefined])[], style: TableStyle = {}): string {
  return formatTable<readonly [string, string | undefined]>([
    { heading: '', value: ([name]) => name },
    { heading: '', value: ([, value]) => value, cuttable: true }
  ], [{ rows: pairs.filter(([, value]) => value !== undefined) }], style)
}

const segmenter = new Intl.Segmenter()
const wide = /\p{Emoji_Presentation}|[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{20000}-\u{3fffd}]/u

/** Columns that a text takes in a terminal: two for East Asian wide characters and emoji, none for what combines. */
export function visibleWidth (text: string): number {
  if (/^[\x20-\x7e]*$/.test(text)) return text.length
  let width = 0
  for (const { segment } of segmenter.segment(text)) width += wide.test(segment) ? 2 : 1
  return width
}

/** The beginning of a text and an ellipsis, together at most `width` wide; the text itself where it fits. */
export function truncate (text: string, width: number): string {
  if (visibleWidth(text) <= width) return text
  let kept = ''
  let left = width - 1
  for (const { segment } of segmenter.segment(text)) {
    left -= visibleWidth(segment)
    if (left < 0) break
    kept += segment
  }
  return `${kept}…`
}

/** Takes from the widest column that may be cut until the table fits, or nothing more can be taken. */
function cut (widths: number[], columns: readonly { readonly heading: string, readonly cuttable?: boolean }[], width: number): void {
  let excess = widths.reduce((sum, each) => sum + each, 0) + gap.length * (widths.length - 1) - width
  for (; excess > 0; excess--) {
    let widest = -1
    for (const [at, { heading, cuttable }] of columns.entries()) {
      const least = Math.max(cutWidthMin, visibleWidth(heading))
      if (cuttable === true && widths[at]! > least && widths[at]! > (widths[widest] ?? 0)) widest = at
    }
    if (widest === -1) return
    widths[widest]!--
  }
}

function pad (text: string, width: number, align: 'left' | 'right' = 'left'): string {
  const fitting = truncate(text, width)
  const space = ' '.repeat(width - visibleWidth(fitting))
  return align === 'right' ? space + fitting : fitting + space
}
