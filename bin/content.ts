/**
 * What the commands about published content share: which object an operand means, and how its holders are shown. An object
 * is named as clients ask for it (`http://HOST/PATH`: the edge says which site that is), or by its site (`SITE:/PATH`).
 */
import { codeOf } from '../protocols/errors.ts'
import type { ContentPlace, ContentVersion, Holder } from '../daemon/admin/content.ts'
import { AdminError, readDocument } from './admin.ts'
import { type Given, tableStyle, UsageError } from './command.ts'
import { formatTable } from './table.ts'

export const urlHelp = 'http://HOST/PATH as clients ask for it, or SITE:/PATH'

/** @throws UsageError for what names no object */
export async function placeOf (given: Given, operand: string): Promise<ContentPlace> {
  if (/^https?:\/\//i.test(operand)) return await readDocument(given, `/v1/content?url=${encodeURIComponent(operand)}`, isPlace)
  const match = /^([^:/?#]+):(\/[^?#]*)$/.exec(operand)
  if (match === null) throw new UsageError(`${JSON.stringify(operand)} names no published object: expected ${urlHelp}, without a query`)
  return { site: match[1] ?? '', path: encodeURI(match[2] ?? '').replace(/%25([0-9A-Fa-f]{2})/g, '%$1') }
}

/** The object's path on the admin listener. */
export function contentPath ({ site, path, host }: ContentPlace, query: Readonly<Record<string, string | undefined>> = {}): string {
  const params = new URLSearchParams()
  for (const [name, value] of Object.entries({ ...query, host })) if (value !== undefined) params.set(name, value)
  const text = params.toString()
  return `/v1/content/${encodeURIComponent(site)}${path}${text === '' ? '' : `?${text}`}`
}

/** `default:/a/b.css`, for people. */
export function nameOf ({ site, path, host }: ContentPlace): string {
  return `${site}:${path}${host === undefined ? '' : ` (${host})`}`
}

export function holdersTable (holders: readonly Holder[]): string {
  return formatTable<Holder>([
    { heading: 'HELD BY', value: ({ name }) => name, cuttable: true },
    { heading: 'REGION', value: ({ region }) => region },
    { heading: 'ZONE', value: ({ zone }) => zone, optional: true },
    { heading: 'PEER', value: ({ peer }) => peer, cuttable: true }
  ], [{ rows: holders }], tableStyle())
}

export function isVersion (document: unknown): document is ContentVersion {
  const { version, length, holders } = (document ?? {}) as Partial<ContentVersion>
  return typeof version === 'string' && typeof length === 'number' && Array.isArray(holders)
}

/** Whether the connection broke, rather than that the edge said no: the same request may be sent again. */
export function brokeOff (error: unknown): boolean {
  if (!(error instanceof AdminError)) return false
  const cause = (error.cause as { cause?: unknown } | undefined)?.cause ?? error.cause
  return cause !== undefined && !['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN'].includes(codeOf(cause) ?? '')
}

function isPlace (document: unknown): document is ContentPlace {
  const { site, path } = (document ?? {}) as Partial<ContentPlace>
  return typeof site === 'string' && typeof path === 'string'
}
