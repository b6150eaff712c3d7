/**
 * `colony put`: publishes a file in the mesh, by PUT /v1/content. The edge answers when the copies are on disk; a connection
 * that breaks before is tried again with the same idempotency key, so that nothing is published twice.
 */
import { createHash, randomUUID } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { extname } from 'node:path'
import type { ContentWritten } from '../../daemon/admin/content.ts'
import { systemClock } from '../../daemon/clock.ts'
import { sleep } from '../../protocols/clock.ts'
import { codeOf, messageOf } from '../../protocols/errors.ts'
import { AdminError, sendRequest } from '../admin.ts'
import { type Command, type Given, UsageError } from '../command.ts'
import { brokeOff, contentPath, holdersTable, isVersion, nameOf, placeOf, urlHelp } from '../content.ts'
import { progressDefaults, StatusLine } from '../status-line.ts'
import { formatBytes, formatDuration } from '../units.ts'

export const putCommandDefaults = Object.freeze({
  /** Attempts in all when the connection breaks. */
  attemptsMax: 3,
  /** Wait before the second attempt, ms; doubled before each further one. */
  retryDelayMs: 500
})

export const put: Command = {
  name: 'put',
  summary: 'publishes a file in the mesh, without an origin',
  description: 'Done when as many edges as asked for have it on disk, in different regions and zones where there are any.\nPublishing again to the same URL makes a new version; repeating with the same --idempotency-key does not.',
  flags: [
    { name: 'copies', placeholder: 'N', help: 'edges that hold it, at most 8', byDefault: 'the edge\'s settings.publish.copies, 3' },
    { name: 'type', placeholder: 'TYPE', help: 'its Content-Type', byDefault: 'by the file\'s name' },
    { name: 'cache-control', placeholder: 'VALUE', help: 'its Cache-Control, as an origin would send it', byDefault: 'max-age=10' },
    { name: 'idempotency-key', placeholder: 'KEY', help: 'names this write: give the same again to repeat it safely', byDefault: 'a new one' }
  ],
  operands: { placeholder: 'FILE URL', help: `the file, and where clients find it: ${urlHelp}`, min: 2, max: 2 },
  example: 'colony put app.js http://127.0.0.1:8080/app.js\ncolony put --copies 5 --cache-control max-age=3600 model.bin downloads:/models/model.bin',
  run
}

async function run (given: Given, [file = '', url = '']: readonly string[]): Promise<void> {
  const copies = typeof given.copies === 'string' ? given.copies : undefined
  if (copies !== undefined && !/^[1-9]\d?$/.test(copies)) throw new UsageError(`--copies is ${JSON.stringify(copies)}: expected a whole number from 1`)
  const { size, digest } = await inspect(file)
  const place = await placeOf(given, url)
  const fields = {
    'content-length': String(size),
    'content-type': typeof given.type === 'string' ? given.type : typeOf(file),
    'content-digest': `sha-256=:${digest}:`,
    'idempotency-key': `"${typeof given['idempotency-key'] === 'string' ? given['idempotency-key'] : randomUUID()}"`,
    ...(typeof given['cache-control'] === 'string' ? { 'cache-control': given['cache-control'] } : {})
  }
  const startMs = systemClock.nowMs()
  const written = await repeated(given, async () => await send(given, file, size, contentPath(place, { copies }), fields))
  if (given.json === true) {
    process.stdout.write(`${JSON.stringify(written)}\n`)
    return
  }
  process.stdout.write(`${written.created ? 'published' : 'published a new version of'} ${nameOf(place)}: ${formatBytes(written.length)} on ${written.holders.length} ${written.holders.length === 1 ? 'edge' : 'edges'} in ${formatDuration(systemClock.nowMs() - startMs)}, version ${written.version}\n\n${holdersTable(written.holders)}`)
  if (written.zones < written.holders.length) process.stdout.write(`\nthe copies are in ${written.zones} different ${written.zones === 1 ? 'region and zone' : 'regions and zones'}: edges elsewhere would keep them further apart\n`)
}

/** @throws UsageError for a file that cannot be read */
async function inspect (file: string): Promise<{ size: number, digest: string }> {
  try {
    const found = await stat(file)
    if (!found.isFile()) throw new UsageError(`${JSON.stringify(file)} is not a file: expected one to publish`)
    const hash = createHash('sha256')
    for await (const chunk of createReadStream(file)) hash.update(chunk as Buffer)
    return { size: found.size, digest: hash.digest('base64') }
  } catch (error) {
    if (error instanceof UsageError) throw error
    const reason = codeOf(error) === 'ENOENT' ? 'there is no such file' : codeOf(error) ?? messageOf(error)
    throw new UsageError(`${JSON.stringify(file)} cannot be read (${reason}): expected a file to publish`)
  }
}

async function repeated<T> (given: Given, attempt: () => Promise<T>): Promise<T> {
  const { attemptsMax, retryDelayMs } = putCommandDefaults
  for (let made = 1; ; made++) {
    try {
      return await attempt()
    } catch (error) {
      if (made >= attemptsMax || !brokeOff(error)) throw error
      if (given.json !== true) process.stderr.write(`colony: ${messageOf(error)}: trying again\n`)
      await keptAlive(sleep(systemClock, retryDelayMs * 2 ** (made - 1)))
    }
  }
}

/** The clock's timers let the process end, and nothing else is open between two attempts. */
async function keptAlive<T> (work: Promise<T>): Promise<T> {
  const { port1 } = new MessageChannel()
  port1.onmessage = () => {}
  return await work.finally(() => { port1.close() })
}

async function send (given: Given, file: string, size: number, path: string, fields: Readonly<Record<string, string>>): Promise<ContentWritten> {
  const progress = new Progress(size)
  try {
    const body = size === 0 ? new Uint8Array(0) : progress.counted(file)
    const response = await sendRequest(given, { method: 'PUT', path, fields, body })
    const document: unknown = await response.json().catch(() => undefined)
    if (!isVersion(document)) throw new AdminError('the edge answered with what is no published version: are both of one version?')
    return document as ContentWritten
  } finally {
    progress.end()
  }
}

/** How far an upload is, on a terminal, once it takes longer than a moment. */
class Progress {
  readonly #line = new StatusLine(process.stderr)
  readonly #size: number
  readonly #startMs = systemClock.nowMs()
  #sent = 0
  #cancel = (): void => {}

  constructor (size: number) {
    this.#size = size
    this.#wait()
  }

  counted (file: string): ReadableStream<Uint8Array> {
    const chunks = createReadStream(file, { highWaterMark: 256 * 1024 })[Symbol.asyncIterator]() as AsyncIterator<Buffer>
    return new ReadableStream<Uint8Array>({
      pull: async (controller) => {
        const next = await chunks.next()
        if (next.done === true) {
          controller.close()
          return
        }
        this.#sent += next.value.byteLength
        controller.enqueue(next.value)
      },
      cancel: async () => { await chunks.return?.() }
    })
  }

  end (): void {
    this.#cancel()
    this.#line.clear()
  }

  #wait (): void {
    this.#cancel = systemClock.after(progressDefaults.intervalMs, () => {
      const took = formatDuration(systemClock.nowMs() - this.#startMs)
      this.#line.show(this.#sent < this.#size ? `sent ${formatBytes(this.#sent)} of ${formatBytes(this.#size)} (${took})` : `waiting for the copies (${took})`)
      this.#wait()
    })
  }
}

const types: Readonly<Record<string, string>> = {
  '.avif': 'image/avif', '.css': 'text/css; charset=utf-8', '.csv': 'text/csv; charset=utf-8', '.gif': 'image/gif', '.gz': 'application/gzip',
  '.html': 'text/html; charset=utf-8', '.ico': 'image/vnd.microsoft.icon', '.jpeg': 'image/jpeg', '.jpg': 'image/jpeg', '.js': 'text/javascript; charset=utf-8',
  '.json': 'application/json', '.md': 'text/markdown; charset=utf-8', '.mjs': 'text/javascript; charset=utf-8', '.mp3': 'audio/mpeg', '.mp4': 'video/mp4',
  '.pdf': 'application/pdf', '.png': 'image/png', '.svg': 'image/svg+xml', '.tgz': 'application/gzip', '.txt': 'text/plain; charset=utf-8', '.wasm': 'application/wasm',
  '.webm': 'video/webm', '.webp': 'image/webp', '.woff2': 'font/woff2', '.xml': 'application/xml', '.zip': 'application/zip', '.zst': 'application/zstd'
}

function typeOf (file: string): string {
  return types[extname(file).toLowerCase()] ?? 'application/octet-stream'
}
