/** `colony explain URL`: where content is, who knows of it, and what a request now would do, from /v1/explain. */
import { printable } from '../../protocols/text.ts'
import type { DecisionReport, EdgeRef, EdgeReport, Explanation, OwnerReport } from '../../daemon/explain/explanation.ts'
import { readDocument } from '../admin.ts'
import { type Command, tableStyle } from '../command.ts'
import { type Column, formatPairs, formatTable, type TableStyle, visibleWidth } from '../table.ts'
import { formatBytes, formatCount, formatDuration } from '../units.ts'

export const explain: Command = {
  name: 'explain',
  summary: 'where a URL\'s content is, who knows of it, and what a request now would do',
  description: 'URL may also be SITE:/PATH, or /PATH where the edge has one site. Asks every edge of the colony; nothing is fetched or changed.',
  operands: { placeholder: 'URL', help: 'what a client would ask this edge for', min: 1, max: 1 },
  flags: [{ name: 'header', placeholder: '\'NAME: VALUE\'', help: 'a field of the request, such as \'Accept-Encoding: gzip\', where responses vary by it; may be repeated', repeats: true }],
  example: 'colony explain http://localhost:8080/logo.png\ncolony explain default:/logo.png --header \'Accept-Encoding: gzip\'',
  run: async (given, [url = '']) => {
    const query = new URLSearchParams({ url })
    const headers = typeof given.header === 'string' ? given.header.split('\n') : []
    for (const header of headers) query.append('header', header)
    const document = await readDocument(given, `/v1/explain?${query.toString()}`, isExplanation)
    process.stdout.write(given.json === true ? `${JSON.stringify(document)}\n` : explanationText(document, tableStyle()))
  }
}

function isExplanation (document: unknown): document is Explanation {
  const { verdict, steps, edges, sources } = (document ?? {}) as Partial<Explanation>
  return typeof verdict === 'string' && Array.isArray(steps) && Array.isArray(edges) && typeof sources === 'object'
}

/** The page: the answer first, then what it rests on. */
export function explanationText (about: Explanation, style: TableStyle): string {
  const bold = style.bold ?? ((text: string) => text)
  const parts = [
    lines([about.verdict], style, '').replace(/^.+$/gm, bold),
    subject(about, style),
    holders(about, style),
    section('WHO KNOWS', formatPairs(knowledge(about), style), style),
    section('DISAGREEMENTS', lines(about.disagreements, style, '! '), style),
    section('DECISIONS HERE', decisions(about.decisions, style), style),
    section('A REQUEST NOW', lines(about.steps.map(({ do: what, why }, index) => `${index === 0 ? '' : 'else '}${what}: ${why}`), style, (index) => `${index + 1}. `), style)
  ]
  return parts.filter((part) => part !== '').join('\n')
}

function subject (about: Explanation, style: TableStyle): string {
  const region = about.edge.region ?? ''
  const home = about.home === undefined || about.home === region ? `${region}, this edge's region` : about.home
  return formatPairs([
    ['url', about.url],
    ['site', `${about.site}, path ${about.target}${about.host === undefined ? '' : `, host ${about.host}`}`],
    ...about.request.map(([name, value]) => ['request', `${name}: ${value}`] as const),
    ['key', about.key],
    ['home', home],
    ['owners', about.owners.length === 0 ? 'none' : ranked(about.owners, region)],
    ['', about.homeOwners.length === 0 ? undefined : ranked(about.homeOwners, about.home ?? '')]
  ], style)
}

function ranked (owners: readonly OwnerReport[], region: string): string {
  return `${owners.map((owner) => `${nameOf(owner)}${owner.rttMs === undefined ? '' : ` (${formatDuration(owner.rttMs)} away)`}`).join(', then ')} in ${region}`
}

type Held = EdgeReport['variants'][number]
interface Row { readonly edge: EdgeReport, readonly held: Held }

const columns: readonly Column<Row>[] = [
  { heading: 'HELD BY', value: ({ edge }) => nameOf(edge), cuttable: true },
  { heading: 'ROLE', value: ({ edge }) => [...edge.self ? ['this edge'] : [], ...edge.owner ? ['owner'] : []].join(', ') || undefined, optional: true },
  { heading: 'TIER', value: ({ held }) => held.tier },
  { heading: 'AGE', value: ({ held }) => formatDuration(held.ageMs), align: 'right' },
  { heading: 'FRESH FOR', value: ({ held }) => held.ttlMs > 0 ? formatDuration(held.ttlMs) : 'stale', align: 'right' },
  { heading: 'SIZE', value: ({ held }) => held.length === undefined ? undefined : formatBytes(held.length), align: 'right' },
  { heading: 'STATUS', value: ({ held }) => held.status === 200 ? undefined : String(held.status), align: 'right', optional: true },
  { heading: 'VARIANT', value: ({ held }) => held.variant === '' ? undefined : `${held.variant.slice(0, 6)} by ${held.vary.join(', ')}`, cuttable: true, optional: true },
  { heading: 'VERSION', value: ({ held }) => held.hash?.slice(0, 8) },
  { heading: 'ETAG', value: ({ held }) => held.etag, cuttable: true, optional: true }
]

/** Left out of terminals narrower than `wideWidth`. */
const wideOnly: ReadonlySet<string> = new Set(['ROLE', 'VERSION', 'ETAG'])
const wideWidth = 80

/** Who has it, by region, in a table; who has not, and who did not answer, in a line each. */
function holders ({ edges }: Explanation, style: TableStyle): string {
  const rows = edges.flatMap((edge) => edge.variants.map((held) => ({ edge, held })))
  const shown = (style.width ?? Infinity) >= wideWidth ? columns : columns.filter(({ heading }) => !wideOnly.has(heading))
  const regions = [...Map.groupBy(rows, ({ edge }) => edge.region ?? '')].map(([title, each]) => ({ title, rows: each }))
  const table = rows.length === 0 ? '' : formatTable(shown, regions, style)
  const without = edges.filter(({ variants, error }) => error === undefined && variants.length === 0)
  const silent = edges.filter(({ error }) => error !== undefined)
  return table + lines([
    ...rows.length === 0 ? ['no edge that answered holds it'] : [],
    ...edges.filter(({ moreVariants }) => moreVariants > 0).map((edge) => `${nameOf(edge)} holds ${formatCount(edge.moreVariants)} more variants`),
    ...edges.filter(({ fetching }) => fetching > 0).map((edge) => `${nameOf(edge)} is fetching it`),
    ...rows.length === 0 || without.length === 0 ? [] : [`not held by ${some(without)}`],
    ...silent.map((edge) => `no answer from ${nameOf(edge)} in ${edge.region ?? ''}: ${edge.error ?? ''}`)
  ], style, '')
}

function knowledge ({ sources }: Explanation): Array<readonly [string, string | undefined]> {
  const { directories, filters, dht } = sources
  return [
    ...directories.map(({ of, holders: named, error }) => [`directory of ${nameOf(of)}`, named === undefined ? `not known: ${error ?? ''}` : some(named)] as const),
    ['filters', filters === undefined ? undefined : `${some(filters.holders)} (${formatCount(filters.known)} looked into)`],
    ['DHT', dht === undefined ? undefined : dht.error === undefined ? some(dht.providers) : `${dht.providers.length === 0 ? 'not known' : some(dht.providers)}: ${dht.error}`]
  ]
}

function decisions (list: readonly DecisionReport[], style: TableStyle): string {
  if (list.length === 0) return lines(['none since the edge started, or too long ago'], style, '')
  return formatTable<DecisionReport>([
    { heading: '', value: ({ agoMs }) => `${formatDuration(agoMs)} ago`, align: 'right' },
    { heading: '', value: ({ what }) => what },
    {
      heading: '',
      cuttable: true,
      value: ({ why, source, peer, from, by, byKey }) => [
        ...source === undefined ? [] : [`from ${source === 'peer' && peer !== undefined ? from ?? peer : `the ${source}`}`],
        ...why === undefined ? [] : [why],
        ...byKey === undefined ? [] : [`to make room for ${by ?? `key ${byKey}`}`]
      ].join(', ')
    }
  ], [{ rows: list }], style)
}

const nameOf = ({ name, peer }: EdgeRef): string => name ?? `peer …${peer.slice(-8)}`

const namedMax = 8

/** Names, not more than a person reads. */
function some (edges: readonly EdgeRef[]): string {
  if (edges.length === 0) return 'nobody'
  const shown = edges.slice(0, namedMax).map(nameOf).join(', ')
  return edges.length > namedMax ? `${shown} and ${formatCount(edges.length - namedMax)} more` : shown
}

function section (title: string, body: string, style: TableStyle): string {
  return body === '' ? '' : `${style.bold?.(title) ?? title}\n${body}`
}

/** Sentences, each behind its mark and broken between words at the terminal's width. */
function lines (sentences: readonly string[], { width }: TableStyle, mark: string | ((index: number) => string)): string {
  return sentences.map((sentence, index) => {
    const first = typeof mark === 'string' ? mark : mark(index)
    const room = width === undefined ? Infinity : Math.max(20, width) - first.length
    return broken(printable(sentence), room).map((line, at) => `${at === 0 ? first : ' '.repeat(first.length)}${line}\n`).join('')
  }).join('')
}

function broken (text: string, room: number): string[] {
  const out: string[] = []
  let line = ''
  for (const word of text.split(' ')) {
    const longer = line === '' ? word : `${line} ${word}`
    if (line !== '' && visibleWidth(longer) > room) {
      out.push(line)
      line = word
    } else line = longer
  }
  return [...out, line]
}
