/**
 * `colony warm`: has an edge bring a list of URLs into chosen regions before clients ask, by /v1/warm, and says for each what came
 * of it. The list goes in parts of a size that the edge takes; results are printed as they come, and added up
 * at the end.
 */
import { readFile, stat } from 'node:fs/promises'
import { text as textOf } from 'node:stream/consumers'
import { printable } from '../../protocols/text.ts'
import type { WarmCopy, WarmLine, WarmProgress, WarmResult } from '../../daemon/warm/jobs.ts'
import { systemClock } from '../../daemon/clock.ts'
import { codeOf, ColonyError, messageOf } from '../../protocols/errors.ts'
import { AdminError, adminUrl, sendRequest } from '../admin.ts'
import { type Command, type Given, tableStyle, UsageError, wholeNumber } from '../command.ts'
import { StatusLine } from '../status-line.ts'
import { formatTable } from '../table.ts'
import { formatBytes, formatCount, formatDuration } from '../units.ts'

export const warmCommandDefaults = Object.freeze({
  /** URLs in one request. Fewer ask more often; an edge takes `warmUrlsMax`. */
  partUrlsMax: 5_000,
  /** Characters of all URLs in one request; an edge takes `warmBodyBytesMax`. */
  partCharsMax: 1024 * 1024
})

export const warm: Command = {
  name: 'warm',
  summary: 'fetches URLs into the edges of chosen regions, before clients ask for them',
  description: 'In each region the edges that own a URL get it, the first N of them with --copies N. The origin is asked once.\nExits with 1 when any URL failed; one that may not be stored is told, and is no failure.',
  flags: [
    { name: 'region', placeholder: 'REGION', help: 'region to fetch into; may be repeated, or several with commas', byDefault: 'all', repeats: true },
    { name: 'copies', placeholder: 'N', help: 'edges in each region that get it, at most 16', byDefault: '1' },
    { name: 'concurrency', placeholder: 'N', help: 'URLs at a time, at most 16', byDefault: '8' }
  ],
  operands: {
    placeholder: 'FILE|URL...',
    help: 'files with a URL on each line (# begins a comment, - is standard input), or URLs: http://HOST/PATH or SITE:/PATH',
    min: 1,
    max: Infinity
  },
  example: 'colony warm http://127.0.0.1:8080/releases/app.tar.gz\ncolony warm --region europe --region asia --copies 2 urls.txt',
  run
}

async function run (given: Given, operands: readonly string[]): Promise<void> {
  const regions = typeof given.region === 'string' ? given.region.split(/[,\n]/).map((region) => region.trim()) : undefined
  if (regions?.includes('') === true) throw new UsageError(`--region is ${JSON.stringify(given.region)}: expected names of regions, such as europe`)
  const options = {
    regions,
    copies: wholeNumber(given, 'copies', { min: 1, max: 16, byDefault: 1 }),
    concurrency: wholeNumber(given, 'concurrency', { min: 1, max: 16, byDefault: 8 })
  }
  const urls = [...new Set((await Promise.all(operands.map(readOperand))).flat())]
  if (urls.length === 0) throw new UsageError(`there is no URL in ${operands.join(', ')}`)
  const view = new WarmView(urls.length, given.json === true)
  const results: WarmResult[] = []
  try {
    for (const part of parts(urls)) {
      const before = results.length
      for await (const line of ask(given, { urls: part, ...options })) {
        if (line.kind === 'progress') view.progress(line)
        else {
          results.push(line)
          view.result(line)
        }
      }
      if (results.length - before < part.length) throw new AdminError(`the edge at ${adminUrl(given)} broke off after ${results.length} of ${urls.length} URLs`)
    }
  } finally {
    view.end()
  }
  if (given.json !== true) process.stdout.write(`\n${summary(results)}`)
  const failures = results.filter(({ outcome }) => outcome === 'failed').length
  if (failures > 0) throw new WarmError(`${formatCount(failures)} of ${formatCount(results.length)} ${results.length === 1 ? 'URL' : 'URLs'} failed`)
}

/** Some of the URLs are not where they were to be. */
class WarmError extends ColonyError {
  constructor (message: string) { super('COLONY_WARM', message) }
}

/** A file that is there is read; all else must be a URL. */
async function readOperand (operand: string): Promise<string[]> {
  if (operand === '-') return lines(await textOf(process.stdin))
  const found = await stat(operand).catch(() => undefined)
  if (found?.isDirectory() === true) throw new UsageError(`${JSON.stringify(operand)} is a folder: expected a file of URLs, or a URL`)
  if (found === undefined) {
    if (operand.includes(':/')) return [operand]
    throw new UsageError(`${JSON.stringify(operand)} is neither a file that is there nor a URL: expected http://HOST/PATH or SITE:/PATH`)
  }
  try {
    return lines(await readFile(operand, 'utf8'))
  } catch (error) {
    throw new UsageError(`${JSON.stringify(operand)} cannot be read (${codeOf(error) ?? messageOf(error)})`)
  }
}

/** A comment begins a line or follows a space: a fragment is part of a URL. */
function lines (text: string): string[] {
  return text.split(/\r?\n/).map((line) => line.replace(/(^|\s)#.*$/, '').trim()).filter((line) => line !== '')
}

function * parts (urls: readonly string[]): Generator<string[]> {
  const { partUrlsMax, partCharsMax } = warmCommandDefaults
  let part: string[] = []
  let chars = 0
  for (const url of urls) {
    if (part.length === partUrlsMax || (part.length > 0 && chars + url.length > partCharsMax)) {
      yield part
      part = []
      chars = 0
    }
    part.push(url)
    chars += url.length
  }
  yield part
}

async function * ask (given: Given, body: object): AsyncGenerator<WarmLine> {
  const response = await sendRequest(given, { method: 'POST', path: '/v1/warm', body: JSON.stringify(body), fields: { 'content-type': 'application/json' } })
  let rest = ''
  try {
    for await (const text of (response.body ?? new ReadableStream<Uint8Array>()).pipeThrough(new TextDecoderStream() as never) as unknown as AsyncIterable<string>) {
      const whole = (rest + text).split('\n')
      rest = whole.pop() ?? ''
      for (const line of whole) yield read(line)
    }
  } catch (error) {
    if (error instanceof ColonyError) throw error
    throw new AdminError(`the edge at ${adminUrl(given)} broke off: ${messageOf((error as { cause?: unknown }).cause ?? error)}`, { cause: error })
  }
}

function read (line: string): WarmLine {
  let value: Partial<WarmLine> | null = null
  try {
    value = JSON.parse(line) as Partial<WarmLine> | null
  } catch {}
  if (value?.kind === 'progress' || (value?.kind === 'result' && typeof value.outcome === 'string' && Array.isArray(value.copies))) return value as WarmLine
  throw new AdminError('the edge answered with what is no result of warming: are both of one version?')
}

const words: Readonly<Record<WarmResult['outcome'], string>> = { 'stored': 'stored', 'held': 'already there', 'not-storable': 'not storable', 'failed': 'failed' }

class WarmView {
  readonly #count: number
  readonly #json: boolean
  readonly #line = new StatusLine(process.stderr)
  readonly #startMs = systemClock.nowMs()
  #done = 0
  #bytes = 0

  constructor (count: number, json: boolean) {
    this.#count = count
    this.#json = json
  }

  result (result: WarmResult): void {
    this.#done++
    this.#bytes += result.bytes
    this.#line.clear()
    process.stdout.write(this.#json ? `${JSON.stringify(result)}\n` : resultLine(result))
    this.#show(this.#bytes)
  }

  /** The edge counts one part of the list; those before are over. */
  progress ({ bytes }: WarmProgress): void {
    this.#show(Math.max(bytes, this.#bytes))
  }

  end (): void { this.#line.clear() }

  #show (bytes: number): void {
    this.#line.show(`${formatCount(this.#done)} of ${formatCount(this.#count)} URLs, ${formatBytes(bytes)} (${formatDuration(systemClock.nowMs() - this.#startMs)})`)
  }
}

/** `stored          1.2 MiB   230 ms  origin, 3 peers  europe-1, europe-2  http://shop.example/a.css`, or why not. */
export function resultLine ({ url, outcome, why, bytes, durationMs, copies }: WarmResult): string {
  const what = words[outcome].padEnd(13)
  const size = outcome === 'stored' ? formatBytes(bytes) : '-'
  const where = copies.map(({ edge }) => edge).join(', ')
  const details = outcome === 'stored' || outcome === 'held' ? `${sources(copies)}, at ${where}` : where === '' ? '' : `at ${where}`
  return printable(`${what}  ${size.padStart(9)}  ${formatDuration(durationMs).padStart(8)}  ${url}${details === '' ? '' : `  ${details}`}${why === undefined ? '' : `: ${why}`}`) + '\n'
}

function sources (copies: readonly WarmCopy[]): string {
  const counts = Map.groupBy(copies.filter(({ outcome }) => outcome !== 'failed'), ({ source }) => source ?? 'unknown')
  const told = [...counts].map(([source, { length }]) => `${length === 1 ? '' : `${length} `}from ${source === 'store' ? 'the store' : source === 'peer' ? 'a peer' : source === 'origin' ? 'the origin' : 'somewhere'}`)
  return told.join(', ')
}

function summary (results: readonly WarmResult[]): string {
  const count = (rows: ReadonlyArray<{ readonly outcome: string }>, outcome: string): string => formatCount(rows.filter((row) => row.outcome === outcome).length)
  type Row = readonly [name: string, rows: ReadonlyArray<{ readonly outcome: string, readonly bytes: number }>]
  const copies = Map.groupBy(results.flatMap((result) => result.copies), ({ region }) => region)
  const sections = [...copies].sort(([one], [other]) => one < other ? -1 : 1).map(([title, each]) => (
    { title, rows: [...Map.groupBy(each, ({ edge }) => edge)].sort(([one], [other]) => one < other ? -1 : 1) as readonly Row[] }
  ))
  return formatTable<Row>([
    { heading: 'EDGE', value: ([name]) => name, cuttable: true },
    { heading: 'STORED', value: ([, rows]) => count(rows, 'stored'), align: 'right' },
    { heading: 'ALREADY THERE', value: ([, rows]) => count(rows, 'held'), align: 'right' },
    { heading: 'NOT STORABLE', value: ([, rows]) => count(rows, 'not-storable'), align: 'right' },
    { heading: 'FAILED', value: ([, rows]) => count(rows, 'failed'), align: 'right' },
    { heading: 'BYTES', value: ([, rows]) => formatBytes(rows.reduce((sum, { bytes }) => sum + bytes, 0)), align: 'right' }
  ], [...sections, { title: 'all URLs', rows: [['each once', results]] }], tableStyle())
}
