/** `colony purge`: has content forgotten, by /v1/purge, and shows the receipt. */
import { randomUUID } from 'node:crypto'
import type { ReceiptDocument } from '../../daemon/purge/answer.ts'
import { readOrder, type OrderDocument } from '../../daemon/purge/order.ts'
import { purgeDefaults } from '../../daemon/purge/settings.ts'
import { SelectorError } from '../../protocols/purge/selector.ts'
import { printable } from '../../protocols/text.ts'
import { AdminError, readDocument, sendRequest } from '../admin.ts'
import { type Command, type Given, tableStyle, UsageError, wholeNumber } from '../command.ts'
import { formatTable } from '../table.ts'
import { formatCount, formatDuration } from '../units.ts'

export const purge: Command = {
  name: 'purge',
  summary: 'has content forgotten: by URL, prefix, host, tag, site, or everything',
  description: [
    'On every edge that is within reach: what was stored before is not given to anybody who asks there after the receipt, and what is on its way is not stored.',
    'The receipt says which edges have applied it, and what is known of the rest.',
    'With --soft it is stale instead: served at once while it is fetched anew where its site or itself allows that, and where no origin answers.',
    'Tags are those of Surrogate-Key, Cache-Tag and Cache-Groups. What was published stays: colony rm deletes it.'
  ].join('\n'),
  flags: [
    { name: 'all-queries', help: 'the URLs mean every query of their paths' },
    { name: 'prefix', placeholder: 'URL', help: 'all whose URLs begin so; may be repeated', repeats: true },
    { name: 'host', placeholder: 'HOST', help: 'all that clients of the host can get; may be repeated', repeats: true },
    { name: 'tag', placeholder: 'TAG', help: 'all that bears the tag; may be repeated', repeats: true },
    { name: 'site', placeholder: 'SITE', help: 'of this site alone: tags, paths without a host, and --everything' },
    { name: 'everything', help: 'everything, of the site where one is given' },
    { name: 'soft', help: 'stale, not gone' },
    { name: 'wait', placeholder: 'WHOM', help: 'wait for the edges of the region, for all, or for none', byDefault: 'all' },
    { name: 'timeout', placeholder: 'MS', help: 'longest wait, ms', byDefault: '5000' }
  ],
  operands: { placeholder: 'URL...|status ID', help: 'http://HOST/PATH, SITE:/PATH, or /PATH on every site (with --site on that one); or the id of a purge, to see how far it is', min: 0, max: Infinity },
  example: 'colony purge http://shop.example/a.css http://shop.example/b.css\ncolony purge --soft --tag product-12 --site shop\ncolony purge --prefix shop:/img/\ncolony purge --everything --site shop\ncolony purge status 12D3KooW…-1763784000000-7 --wait all',
  run
}

async function run (given: Given, operands: readonly string[]): Promise<void> {
  // No URL is written so.
  if (operands[0] === 'status') return await status(given, operands.slice(1))
  const document: OrderDocument = {
    ...list('urls', operands),
    ...list('prefixes', several(given.prefix)),
    ...list('hosts', several(given.host)),
    ...list('tags', several(given.tag)),
    ...(given.everything === true ? { everything: true } : {}),
    ...(typeof given.site === 'string' ? { site: given.site } : {}),
    ...(given['all-queries'] === true ? { queries: 'all' } : {}),
    ...(given.soft === true ? { soft: true } : {}),
    ...(typeof given.wait === 'string' ? { wait: given.wait as never } : {}),
    ...(given.timeout === undefined ? {} : { timeoutMs: wholeNumber(given, 'timeout', { min: 0, max: purgeDefaults.receiptWaitMaxMs, byDefault: 0 }) }),
    idempotencyKey: randomUUID()
  }
  const names = operands.length > 0 || ['prefixes', 'hosts', 'tags', 'everything'].some((name) => name in document)
  if (!names && typeof given.site === 'string') throw new UsageError(`nothing of the site ${given.site} is named: add --everything for all of it, or URLs, --prefix or --tag`)
  if (!names) throw new UsageError('nothing is named that is to be purged: expected URLs, --prefix, --host, --tag or --everything')
  try {
    readOrder(document, purgeDefaults)
  } catch (error) {
    if (error instanceof SelectorError) throw new UsageError(error.message)
    throw error
  }
  const response = await sendRequest(given, { method: 'POST', path: '/v1/purge', body: JSON.stringify(document), fields: { 'content-type': 'application/json' } })
  const receipt: unknown = await response.json().catch(() => undefined)
  if (!isReceipt(receipt)) throw new AdminError('the edge answered with what is no receipt: are both of one version?')
  show(given, receipt)
}

/** `colony purge status ID`. */
async function status (given: Given, ids: readonly string[]): Promise<void> {
  const [id = ''] = ids
  if (ids.length !== 1) throw new UsageError('colony purge status takes one id, as a receipt has it')
  const query = new URLSearchParams({ ...(typeof given.wait === 'string' ? { wait: given.wait } : {}), ...(given.timeout === undefined ? {} : { timeoutMs: String(wholeNumber(given, 'timeout', { min: 0, max: purgeDefaults.receiptWaitMaxMs, byDefault: 0 })) }) })
  show(given, await readDocument(given, `/v1/purge/${encodeURIComponent(id)}?${query.toString()}`, isReceipt))
}

function show (given: Given, receipt: ReceiptDocument): void {
  process.stdout.write(given.json === true ? `${JSON.stringify(receipt)}\n` : receiptText(receipt))
}

/** What the receipt says, a line; a table of regions where there is more than one edge; and who has not applied it. */
export function receiptText (receipt: ReceiptDocument): string {
  const { id, applied, atMs, edges, regions, waiting, notes } = receipt
  const rows = regions.map((each) => {
    const times = applied.filter(({ region }) => region === each.region).map((one) => one.atMs - atMs)
    return { ...each, lastMs: times.length === 0 ? undefined : Math.max(...times) }
  })
  const table = edges < 2 ? '' : formatTable<typeof rows[number]>([
    { heading: 'REGION', value: ({ region }) => region, cuttable: true },
    { heading: 'EDGES', value: (row) => formatCount(row.edges), align: 'right' },
    { heading: 'APPLIED', value: (row) => formatCount(row.applied), align: 'right' },
    { heading: 'LAST AFTER', value: ({ lastMs }) => lastMs === undefined ? undefined : formatDuration(lastMs), align: 'right' }
  ], [{ rows }], tableStyle())
  const missing = waiting.map(({ peer, region, why }) => `not yet: ${peer} in ${region}${why === undefined ? '' : `: ${why}`}`)
  return [`${printable(stateText(receipt))} (${printable(id)})\n`, table, ...[...missing, ...notes.map((note) => `note: ${note}`)].map((line) => `${printable(line)}\n`)].join('')
}

function stateText ({ state, applied, edges, fencedByMs }: ReceiptDocument): string {
  const counts = `applied on ${formatCount(applied.length)} of ${formatCount(edges)} ${edges === 1 ? 'edge' : 'edges'}`
  switch (state) {
    case 'applied': return edges === 1 ? 'purged on the only edge' : `purged on all ${formatCount(edges)} edges`
    case 'fenced': return `purged: ${counts}, the rest is fenced`
    case 'pending': return `pending: ${counts}${fencedByMs === undefined ? '' : `, the rest is fenced by ${new Date(fencedByMs).toISOString()}`}`
    case 'here-only': return `here only: ${counts}`
  }
}

function several (value: string | true | undefined): string[] { return typeof value === 'string' ? value.split('\n') : [] }

function list (name: 'urls' | 'prefixes' | 'hosts' | 'tags', texts: readonly string[]): OrderDocument { return texts.length === 0 ? {} : { [name]: texts } }

function isReceipt (value: unknown): value is ReceiptDocument {
  const receipt = value as Partial<ReceiptDocument> | null | undefined
  return typeof receipt?.id === 'string' && [receipt.applied, receipt.regions, receipt.waiting].every(Array.isArray) && Array.isArray(receipt.notes) && receipt.notes.every((note) => typeof note === 'string')
}
