/** Prints what a bench found: a heading, the rig, the table, and the notes under it. */
import { formatTable, type Column } from '../../bin/table.ts'
import { rigText, type BenchResult, type Cell } from './bench.ts'

export function printed (name: string, { title, columns, rows, notes }: BenchResult): string {
  const table = formatTable(columns.map((heading, at): Column<readonly Cell[]> => ({
    heading,
    value: (row) => text(row[at]),
    // What is counted stands to the right; words stand to the left.
    align: rows.every((row) => /^([\d.-].*|)$/.test(text(row[at]) ?? '')) ? 'right' : 'left'
  })), [{ rows }])
  const remarks = notes.map((note) => `- ${note}\n`).join('')
  return `${name}: ${title}\n(${rigText()})\n\n${table}${remarks === '' ? '' : `\n${remarks}`}`
}

function text (cell: Cell | undefined): string | undefined {
  return cell === undefined || cell === '' || Number.isNaN(cell) || cell === 'NaN' ? undefined : String(cell)
}
