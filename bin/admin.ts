/**
 * Asks an edge's admin listener for a document, on behalf of the `colony` command. Whatever can go
 * wrong between two programs on one machine (nobody there, somebody else there, no answer) is one
 * sentence that says what to do.
 */
import { systemClock } from '../daemon/clock.ts'
import { deadline } from '../protocols/clock.ts'
import { codeOf, ColonyError, messageOf } from '../protocols/errors.ts'
import { type Flag, type Given, UsageError } from './command.ts'
import { showProgress } from './status-line.ts'

export const adminDefaults = Object.freeze({
  /** Wait for a whole document, ms. An edge answers from memory; lower gives up on one that is starved of CPU. */
  requestTimeoutMs: 10_000
})
export type AdminSettings = { readonly [K in keyof typeof adminDefaults]: number }

const urlDefault = 'http://127.0.0.1:9090'

export const adminFlags: readonly Flag[] = [
  { name: 'admin', placeholder: 'URL', help: 'admin address of the edge to ask', byDefault: `COLONY_ADMIN, else ${urlDefault}` },
  { name: 'json', help: 'print the admin document as it is, on one line' }
]

/** The edge could not be asked, or did not answer as an edge does. */
export class AdminError extends ColonyError {
  /** Of an edge's refusal. */
  readonly status: number | undefined

  constructor (message: string, options: { cause?: unknown, status?: number } = {}) {
    super('COLONY_ADMIN', message, options)
    this.status = options.status
  }
}

/**
 * @param accepts whether this is the document; something else may listen on that port
 * @throws UsageError for an address that is none, AdminError for everything else
 */
export async function readDocument<T> (given: Given, path: string, accepts: (document: unknown) => document is T, settings: AdminSettings = adminDefaults): Promise<T> {
  const base = adminUrl(given)
  const limit = deadline(systemClock, settings.requestTimeoutMs, `the edge at ${base}`)
  try {
    return await showProgress(systemClock, `waiting for ${base}`, ask(base, path, limit.signal, accepts))
  } catch (error) {
    if (limit.signal.aborted) throw new AdminError(`${messageOf(limit.signal.reason)} to answer ${path}: is its machine overloaded, or does something else listen there?`, { cause: error })
    throw error
  } finally {
    limit.clear()
  }
}

export interface AdminCall {
  readonly method: 'GET' | 'PUT' | 'PATCH' | 'POST' | 'DELETE'
  readonly path: string
  readonly fields?: Readonly<Record<string, string>>
  readonly body?: string | Uint8Array | ReadableStream<Uint8Array>
  readonly signal?: AbortSignal
}

/**
 * For what takes long or changes something: no deadline of its own, the caller reads the body as it comes.
 *
 * @throws UsageError for an address that is none, AdminError when nobody answers, or with a refusal's own sentence
 */
export async function sendRequest (given: Given, { method, path, fields, body, signal }: AdminCall): Promise<Response> {
  const base = adminUrl(given)
  let response: Response
  try {
    const streaming = body instanceof ReadableStream ? { duplex: 'half' as const } : {}
    response = await fetch(base + path, { method, headers: fields, body: body as never, redirect: 'manual', signal, ...streaming })
  } catch (error) {
    signal?.throwIfAborted()
    throw new AdminError(unreachable(base, error), { cause: error })
  }
  if (response.ok) return response
  throw refusal(base, path, response.status, parse(await response.text().catch(() => '')))
}

async function ask<T> (base: string, path: string, signal: AbortSignal, accepts: (document: unknown) => document is T): Promise<T> {
  let status: number
  let text: string
  try {
    const response = await fetch(base + path, { signal, redirect: 'manual', headers: { accept: 'application/json' } })
    status = response.status
    text = await response.text()
  } catch (error) {
    throw new AdminError(unreachable(base, error), { cause: error })
  }
  const document = parse(text)
  if (status === 200 && accepts(document)) return document
  throw refusal(base, path, status, document)
}

function refusal (base: string, path: string, status: number, document: unknown): AdminError {
  const detail = (document as { detail?: unknown } | null | undefined)?.detail
  if (typeof detail === 'string') return new AdminError(`${base}${path} was refused with ${status}: ${detail}`, { status })
  return new AdminError(`what answers at ${base} is no edge's admin listener (status ${status} for ${path}): give its admin address with --admin or COLONY_ADMIN`)
}

function parse (text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** fetch() hides what happened in the cause, and the causes of several addresses in an AggregateError. */
function unreachable (base: string, error: unknown): string {
  const cause = (error as { cause?: unknown }).cause ?? error
  const code = codeOf(cause)
  switch (code) {
    case 'ECONNREFUSED':
      return `no edge answers at ${base} (${code}): is colonyd running there? give its admin address with --admin or COLONY_ADMIN`
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return `${new URL(base).hostname} does not resolve to an address (${code}): give the edge's admin address with --admin or COLONY_ADMIN`
    default:
      return `the edge at ${base} could not be asked (${code ?? messageOf(cause)}): give its admin address with --admin or COLONY_ADMIN`
  }
}

/** Accepts `HOST:PORT` too, as COLONY_ADMIN is also where colonyd is told to listen. No slash at the end. */
export function adminUrl (given: Given): string {
  const variable = process.env.COLONY_ADMIN?.trim() ?? ''
  const [where, text] = typeof given.admin === 'string' ? ['--admin', given.admin] : ['environment COLONY_ADMIN', variable === '' ? urlDefault : variable]
  const full = text.includes('://') ? text : `http://${text}`
  const url = URL.canParse(full) ? new URL(full) : undefined
  const usable = url !== undefined && (url.protocol === 'http:' || url.protocol === 'https:') && url.username === '' && url.search === '' && url.hash === ''
  if (!usable) throw new UsageError(`${where} is ${JSON.stringify(text)}: expected a URL, such as ${urlDefault}`)
  return url.origin + url.pathname.replace(/\/$/, '')
}
