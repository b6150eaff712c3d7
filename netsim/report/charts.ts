/**
 * The sections of a report as HTML: a frame for each chart that the script fills, the list of marks, and under each
 * chart its figures as a table, for whoever does not see pictures or has no scripts.
 */
import type { Chart, Mark, Section } from './document.ts'
import { html, type Html } from './html.ts'
import { formatQuantity } from './quantity.ts'

export const chartDefaults = Object.freeze({
  /** Rows of a chart's table; of longer series every so-manieth is shown. More: pages of numbers that nobody reads. */
  tableRowsMax: 60,
  /** Marks that are listed in the open; more are behind a line that opens them. */
  marksShown: 12,
  /** Marks listed at all: a world's rolling restart has one for each edge. */
  marksMax: 300
})

export function renderSection (section: Section, index: number): Html {
  const { title, axis, charts, marks } = section
  return html`
<section data-section="${index}">
<div class="heading"><h2>${title}</h2><button type="button" hidden>whole range</button></div>
<p class="quiet">${axis.kind === 'time' ? `Time since ${axis.label}. Drag over a chart to look closer.` : `Each ${axis.label} by itself.`}</p>
${marks.length === 0 ? undefined : renderMarks(marks)}
${charts.map((chart, at) => renderChart(chart, section, `${index}-${at}`, at))}
</section>`
}

function renderMarks (marks: readonly Mark[]): Html {
  const { marksShown, marksMax } = chartDefaults
  const list = html`<ol class="marks">${marks.slice(0, marksMax).map(({ atSeconds, forSeconds, text }, at) =>
    html`<li><b>${at + 1}</b>${text}, ${formatQuantity(atSeconds, 's')}${forSeconds > 0 ? ` to ${formatQuantity(atSeconds + forSeconds, 's')}` : ''}</li>`)}</ol>${marks.length > marksMax ? html`<p class="quiet">and ${formatQuantity(marks.length - marksMax, '')} more</p>` : undefined}`
  return marks.length <= marksShown ? list : html`<details><summary>${formatQuantity(marks.length, '')} marks, shaded in the charts</summary>${list}</details>`
}

function renderChart (chart: Chart, { axis }: Section, id: string, at: number): Html {
  const { title, unit, about, lines } = chart
  return html`
<figure aria-labelledby="chart-${id}">
<h3 id="chart-${id}">${title}</h3>
${about === undefined ? undefined : html`<figcaption>${about}</figcaption>`}
<div class="chart" data-chart="${at}" role="img" aria-label="${title}: ${lines.map((line) => describe(line.name, line.values, unit)).join('; ')}"></div>
<div class="legend" aria-hidden="true"></div>
${renderTable(chart, axis.kind === 'time' ? 's' : '', axis.kind === 'time' ? 'at' : axis.label)}
</figure>`
}

function describe (name: string, values: ReadonlyArray<number | null>, unit: Chart['unit']): string {
  const known = values.filter((value) => value !== null)
  if (known.length === 0) return `${name} was not measured`
  const [low, high] = known.reduce<[number, number]>(([low, high], value) => [Math.min(low, value), Math.max(high, value)], [Infinity, -Infinity])
  return `${name} from ${formatQuantity(low, unit)} to ${formatQuantity(high, unit)}, ${formatQuantity(known.at(-1)!, unit)} in the end`
}

function renderTable ({ x, unit, lines }: Chart, xUnit: Chart['unit'], heading: string): Html {
  if (x.length === 0) return html`<p class="quiet">Nothing was measured.</p>`
  const step = Math.ceil(x.length / chartDefaults.tableRowsMax)
  const rows = x.map((value, at) => ({ value, at })).filter(({ at }) => at % step === 0 || at === x.length - 1)
  return html`<details><summary>The figures</summary><div class="scroll"><table class="figures">
${step === 1 ? undefined : html`<caption>One row in ${step} of ${x.length}</caption>`}
<thead><tr><th scope="col">${heading}</th>${lines.map(({ name }) => html`<th scope="col">${name}</th>`)}</tr></thead>
<tbody>${rows.map(({ value, at }) => html`<tr><th scope="row">${formatQuantity(value, xUnit)}</th>${lines.map(({ values }) => html`<td>${values[at] == null ? '' : formatQuantity(values[at], unit)}</td>`)}</tr>
`)}</tbody></table></div></details>`
}
