/** What the actions of `colony config` share: which scope is meant, asking the edge, paths of fields, and ages. */
import { hostname, userInfo } from 'node:os'
import { randomUUID } from 'node:crypto'
import type { Scope } from '../../protocols/config/merge.ts'
import { AdminError, sendRequest, type AdminCall } from '../admin.ts'
import { type Given, UsageError } from '../command.ts'
import { formatDuration } from '../units.ts'

/** @throws UsageError */
export function scopeOf<T extends Scope | undefined> (given: Given, byDefault: T): Scope | T {
  const { scope } = given
  if (scope === undefined) return byDefault
  if (scope === 'local' || scope === 'regional' || scope === 'global') return scope
  throw new UsageError(`--scope is ${JSON.stringify(scope)}: expected local, regional or global`)
}

/** `?scope=…&…`; what is undefined is left out. */
export function queryOf (values: Readonly<Record<string, string | undefined>>): string {
  const params = new URLSearchParams()
  for (const [name, value] of Object.entries(values)) if (value !== undefined) params.set(name, value)
  return params.size === 0 ? '' : `?${params.toString()}`
}

export interface ChangeCall { readonly method: 'PUT' | 'PATCH' | 'POST', readonly path: string, readonly body: unknown }

/** Asks for a change in the name of whoever runs this. @throws UsageError for a flag that is not allowed */
export async function sendChange<T> (given: Given, { method, path, body }: ChangeCall): Promise<T> {
  const base = textOf(given, 'base')
  if (base !== undefined && !/^\d{1,15}$/.test(base)) throw new UsageError(`--base is ${JSON.stringify(base)}: expected a version, such as 7`)
  const key = textOf(given, 'key') ?? randomUUID()
  const query = queryOf({
    scope: scopeOf(given, 'global'),
    author: textOf(given, 'author') ?? whoRuns(),
    reason: textOf(given, 'reason'),
    plan: textOf(given, 'plan'),
    priority: textOf(given, 'priority'),
    dryRun: given['dry-run'] === true ? 'true' : undefined
  })
  try {
    return await documentOf<T>(given, {
      method,
      path: path + query,
      body: JSON.stringify(body),
      fields: { 'content-type': 'application/json', 'idempotency-key': `"${key}"`, ...(base === undefined ? {} : { 'if-match': `"${base}"` }) }
    })
  } catch (error) {
    // Not agreed yet, or nobody knows: whoever asks again needs the same key.
    if (error instanceof AdminError && (error.status === 503 || error.status === 504)) throw new AdminError(`${error.message} (--key ${key})`, { cause: error, status: error.status })
    throw error
  }
}

export async function documentOf<T> (given: Given, call: AdminCall): Promise<T> {
  const response = await sendRequest(given, call)
  const document: unknown = await response.json().catch(() => undefined)
  if (typeof document !== 'object' || document === null) throw new AdminError('the edge answered with what is no configuration: are both of one version?')
  return document as T
}

export function textOf (given: Given, flag: string): string | undefined {
  const value = given[flag]
  return typeof value === 'string' ? value : undefined
}

/** `ann@desk`. */
function whoRuns (): string {
  let user = 'unknown'
  try {
    user = userInfo().username
  } catch {
    // A process whose user has no name.
  }
  return `${user}@${hostname()}`.slice(0, 128)
}

/** `sites.shop.ttl`, or `sites/shop.example/ttl` for names with points. @throws UsageError */
export function pathOf (text: string): string[] {
  const names = text.split(text.includes('/') ? '/' : '.')
  if (names.some((name) => name === '')) throw new UsageError(`${JSON.stringify(text)} is no field: expected its path, such as sites.shop.ttl.default, or with / where a name has points`)
  return names
}

/** `sites/shop/ttl` as people write it. */
export function shownPath (path: string): string {
  return path.includes('.') ? path : path.replaceAll('/', '.')
}

/** Said where what is shown may be old; undefined where it is current. */
export function ageNote ({ current, ageMs, because }: { readonly current: boolean, readonly ageMs?: number | undefined, readonly because?: string | undefined }): string | undefined {
  if (current) return undefined
  const age = ageMs === undefined ? 'of unknown age' : `as of ${formatDuration(ageMs)} ago`
  return `not known to be current: ${age}${because === undefined ? '' : ` (${because})`}`
}

/** A value as it fits into a cell. */
export function shownValue (value: unknown): string {
  return value === undefined ? '(not set)' : JSON.stringify(value)
}
