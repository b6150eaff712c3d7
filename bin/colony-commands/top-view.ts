/**
 * The page of `colony top` as text, for a terminal of any size or for none: how the colony does on the whole, then its
 * edges by region, its hottest keys and its origins. Where the terminal is narrow the columns that matter least are
 * left out; where it is low, tables are cut and say so.
 */
import { printable } from '../../protocols/text.ts'
import { type Column, formatPairs, formatTable, type TableStyle, truncate, visibleWidth } from '../table.ts'
import { formatBar, formatBytes, formatCount, formatDuration, formatShare } from '../units.ts'
import { total, type EdgeNow, type KeyNow, type OriginNow, type Page, type Rates } from './top-rates.ts'

export interface PageStyle extends TableStyle {
  /** Lines of the terminal; without it nothing is cut. */
  readonly height?: number
}

/** @returns lines without their ends */
export function pageLines (page: Page, style: PageStyle = {}): string[] {
  const height = style.height ?? Infinity
  // A low terminal keeps most of its lines for the edges.
  const few = height < 40 ? 3 : 10
  const above = [aboutColony(page, style), servedFrom(page, style)]
  const below = [silent(page, style, few), section(keyColumns, page.keys, few, style), section(originColumns, page.origins, few, style)].filter(({ length }) => length > 0)
  // An empty line stands between two blocks.
  const taken = sum([...above, ...below], ({ length }) => length + 1)
  const blocks = [...above, edgeLines(page, style, Math.max(3, height - taken)), ...below]
  return blocks.flatMap((lines, index) => index === 0 ? lines : ['', ...lines]).slice(0, height)
}

function aboutColony ({ overview, edges, first, origins }: Page, style: TableStyle): string[] {
  const all = total(edges)
  const answering = edges.filter(({ rates }) => rates !== undefined).length
  const regions = new Set(edges.map(({ edge }) => edge.region)).size
  const through = overview.edges.find(({ peer }) => peer === overview.through)?.name
  return lined(formatPairs([
    ['colony', `${formatCount(answering)} of ${plural(edges.length, 'edge')} ${edges.length === 1 ? 'answers' : 'answer'}, ${plural(regions, 'region')}${through === undefined ? '' : `, through ${through}`}`],
    ['requests', `${perSecond(all.requests)}${first ? ', since the start of each edge' : ''}`],
    ['hit ratio', all.requests === 0 ? undefined : `${formatBar(all.hits / all.requests)} ${formatShare(all.hits / all.requests)}`],
    ['fetched', `${bytesPerSecond(all.peerIn)} between edges, ${bytesPerSecond(all.originIn)} from origins by ${perSecond(sum(origins, ({ requests }) => requests))} requests`]
  ], style))
}

function servedFrom ({ edges }: Page, style: TableStyle): string[] {
  const { store, peer, origin } = total(edges)
  const all = store + peer + origin
  const rows = [['own store', store], ['peers', peer], ['origins', origin]] as const
  return lined(fitting<typeof rows[number]>([
    { heading: 'SERVED FROM', value: ([name]) => name },
    { heading: 'BYTES', value: ([, bytes]) => bytesPerSecond(bytes), align: 'right' },
    { heading: 'SHARE', value: ([, bytes]) => all === 0 ? undefined : formatShare(bytes / all), align: 'right' },
    { heading: '', value: ([, bytes]) => formatBar(all === 0 ? 0 : bytes / all) }
  ], rows, style))
}

/** An edge, or a region's edges together. */
interface Row { readonly name: string, readonly rates: Rates | undefined, readonly uptimeMs?: number, readonly full?: number, readonly flights?: number }

/** What matters most comes first; see `fitting`. */
const rowColumns: readonly Column<Row>[] = [
  { heading: 'EDGES', value: ({ name }) => name, cuttable: true },
  { heading: 'REQUESTS', value: ({ rates }) => rates === undefined ? 'silent' : perSecond(rates.requests), align: 'right' },
  { heading: 'HITS', value: ({ rates }) => rates === undefined || rates.requests === 0 ? undefined : formatShare(rates.hits / rates.requests), align: 'right' },
  { heading: 'STORE', value: ({ rates }) => rates && bytesPerSecond(rates.store), align: 'right' },
  { heading: 'PEERS', value: ({ rates }) => rates && bytesPerSecond(rates.peer), align: 'right' },
  { heading: 'ORIGIN', value: ({ rates }) => rates && bytesPerSecond(rates.origin), align: 'right' },
  { heading: 'FULL', value: ({ full }) => full === undefined ? undefined : formatShare(full), align: 'right' },
  { heading: 'FETCHES', value: ({ flights }) => flights === undefined ? undefined : formatCount(flights), align: 'right' },
  { heading: 'UP', value: ({ uptimeMs }) => uptimeMs === undefined ? undefined : formatDuration(uptimeMs), align: 'right' }
]

/** @param linesMax where all edges take more, regions stand alone */
function edgeLines ({ edges }: Page, style: TableStyle, linesMax: number): string[] {
  const regions = [...Map.groupBy(edges, ({ edge }) => edge.region)].map(([region, each]) => ({ whole: regionRow(region, each), each: each.map(edgeRow) }))
  const all = regions.flatMap(({ whole, each }) => [whole, ...each])
  if (all.length < linesMax) return lined(fitting(rowColumns, all, style))
  const shown = regions.length < linesMax ? regions : regions.slice(0, linesMax - 2)
  return [...lined(fitting(rowColumns, shown.map(({ whole }) => whole), style)), ...more(regions.length - shown.length, 'region')]
}

function regionRow (region: string, edges: readonly EdgeNow[]): Row {
  const answering = edges.filter(({ rates }) => rates !== undefined)
  const count = answering.length === edges.length ? plural(edges.length, 'edge') : `${formatCount(answering.length)} of ${plural(edges.length, 'edge')}`
  return {
    name: `${region}: ${count}`,
    rates: answering.length === 0 ? undefined : total(answering),
    full: share(answering),
    flights: answering.length === 0 ? undefined : sum(answering, ({ edge }) => edge.summary?.flights ?? 0)
  }
}

function edgeRow (now: EdgeNow): Row {
  const { edge, rates } = now
  const { name, draining, summary } = edge
  return { name: `  ${name}${draining ? ' (draining)' : ''}`, rates, uptimeMs: summary?.uptimeMs, full: share([now]), flights: summary?.flights }
}

/** How full the larger tier is. */
function share (edges: readonly EdgeNow[]): number | undefined {
  const stores = edges.flatMap(({ edge }) => edge.summary?.store ?? [])
  const disk = sum(stores, ({ diskBytesMax }) => diskBytesMax)
  const memory = sum(stores, ({ memoryBytesMax }) => memoryBytesMax)
  if (disk > 0) return sum(stores, ({ diskBytes }) => diskBytes) / disk
  return memory > 0 ? sum(stores, ({ memoryBytes }) => memoryBytes) / memory : undefined
}

function silent ({ edges }: Page, style: TableStyle, few: number): string[] {
  const mute = edges.filter(({ rates }) => rates === undefined)
  const lines = mute.slice(0, few).map(({ edge }) => printable(`${edge.name} does not answer: ${edge.error ?? 'no reason is known'}`))
  return lines.length === 0 ? [] : [...lines.map((line) => truncate(line, style.width ?? Infinity)), ...more(mute.length - few, 'edge')]
}

const keyColumns: readonly Column<KeyNow>[] = [
  { heading: 'HOT KEYS', value: ({ site, target }) => `${site}:${target}`, cuttable: true },
  { heading: 'REQUESTS', value: ({ requests }) => perSecond(requests), align: 'right' },
  { heading: 'EDGES', value: ({ edges }) => formatCount(edges), align: 'right' }
]

const originColumns: readonly Column<OriginNow>[] = [
  { heading: 'ORIGINS', value: ({ url }) => url, cuttable: true },
  { heading: 'REQUESTS', value: ({ requests }) => perSecond(requests), align: 'right' },
  { heading: 'STATE', value: ({ edges, leftAlone }) => leftAlone === 0 ? 'in use' : leftAlone === edges ? 'left alone' : `left alone by ${formatCount(leftAlone)}` },
  { heading: 'FIRST BYTE', value: ({ ttfbMs }) => ttfbMs === undefined ? undefined : formatDuration(ttfbMs), align: 'right' },
  { heading: 'IN FLIGHT', value: ({ inFlight }) => formatCount(inFlight), align: 'right' },
  { heading: 'QUEUED', value: ({ queued }) => formatCount(queued), align: 'right' },
  { heading: 'EDGES', value: ({ edges }) => formatCount(edges), align: 'right' }
]

function section<T> (columns: readonly Column<T>[], rows: readonly T[], rowsMax: number, style: TableStyle): string[] {
  return rows.length === 0 ? [] : lined(fitting(columns, rows.slice(0, rowsMax), style))
}

/** A name is not cut below this for the sake of another column. */
const nameWidth = 20

/** The table without its last columns, as many as it takes to fit. */
function fitting<T> (columns: readonly Column<T>[], rows: readonly T[], style: TableStyle): string {
  const [{ heading, value }] = columns as readonly [Column<T>]
  const least = Math.min(nameWidth, Math.max(...rows.map((row) => visibleWidth(value(row) ?? ''))))
  const named = columns.with(0, { ...columns[0]!, heading: heading.padEnd(least) })
  for (let count = columns.length; count > 1; count--) {
    const text = formatTable(named.slice(0, count), [{ rows }], { width: style.width })
    if (lined(text).every((line) => visibleWidth(line) <= (style.width ?? Infinity))) return formatTable(named.slice(0, count), [{ rows }], style)
  }
  return formatTable(columns.slice(0, 1), [{ rows }], style)
}

function more (count: number, what: string): string[] {
  return count <= 0 ? [] : [`and ${plural(count, `more ${what}`)}`]
}

function lined (text: string): string[] {
  return text.split('\n').slice(0, -1)
}

function perSecond (count: number): string {
  return `${formatCount(count)}/s`
}

function bytesPerSecond (bytes: number): string {
  return `${formatBytes(bytes)}/s`
}

function plural (count: number, noun: string): string {
  return `${formatCount(count)} ${noun}${count === 1 ? '' : 's'}`
}

function sum<T> (list: readonly T[], value: (of: T) => number): number {
  return list.reduce((all, each) => all + value(each), 0)
}
