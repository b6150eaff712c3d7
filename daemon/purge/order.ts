/**
 * An order to purge as people and scripts write it, and what it says: URLs as `http://HOST/PATH`, `SITE:/PATH`, or `/PATH` of the site
 * that is named beside them (of every site, without one). Used by /v1/purge, and by whatever else takes orders as JSON.
 */
import { readSelectors, SelectorError } from '../../protocols/purge/selector.ts'
import { Wait, type PurgeOrder } from './ports.ts'
import type { PurgeSettings } from './settings.ts'

/** What /v1/purge takes; at least one of the first five. */
export interface OrderDocument {
  readonly urls?: readonly string[]
  readonly prefixes?: readonly string[]
  readonly hosts?: readonly string[]
  readonly tags?: readonly string[]
  /** Everything of the site, or of all sites where none is named. */
  readonly everything?: boolean
  /** Of what names no site or host itself. */
  readonly site?: string
  /** Whether `urls` mean all queries of their paths. */
  readonly queries?: 'exact' | 'all'
  readonly soft?: boolean
  readonly idempotencyKey?: string
  readonly wait?: Wait
  readonly timeoutMs?: number
}

const known = ['urls', 'prefixes', 'hosts', 'tags', 'everything', 'site', 'queries', 'soft', 'idempotencyKey', 'wait', 'timeoutMs']
const timeoutDefaultMs = 5_000
const idempotencyText = /^[\x21-\x7e]{1,128}$/
const fullUrl = /^https?:\/\/([^/?#@\s]+)([/?][^#\s]*)?(?:#.*)?$/i
const siteUrl = /^([^:/?#\s]+):(\/(?!\/)[^#\s]*)$/

/** @throws SelectorError with one sentence */
export function readOrder (value: unknown, settings: Pick<PurgeSettings, 'receiptWaitMaxMs'>): PurgeOrder {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new SelectorError('the order is no JSON object: expected such as {"urls":["http://shop.example/a.css"]}')
  const unknown = Object.keys(value).find((name) => !known.includes(name))
  // What it meant would not be purged.
  if (unknown !== undefined) throw new SelectorError(`the order has ${quoted(unknown)}, which is not known: expected ${known.join(', ')}`)
  const { urls, prefixes, hosts, tags, everything = false, site, queries, soft = false, idempotencyKey, wait = Wait.All, timeoutMs = timeoutDefaultMs } = value as { [K in keyof OrderDocument]: unknown }
  if (typeof everything !== 'boolean') throw new SelectorError(`everything is ${quoted(everything)}: expected true or false`)
  if (typeof soft !== 'boolean') throw new SelectorError(`soft is ${quoted(soft)}: expected true or false`)
  if (idempotencyKey !== undefined && (typeof idempotencyKey !== 'string' || !idempotencyText.test(idempotencyKey))) throw new SelectorError(`idempotencyKey is ${quoted(idempotencyKey)}: expected up to 128 printable characters without spaces`)
  if (!Object.values(Wait).includes(wait as Wait)) throw new SelectorError(`wait is ${quoted(wait)}: expected ${Object.values(Wait).join(', ')}`)
  if (typeof timeoutMs !== 'number' || !Number.isInteger(timeoutMs) || timeoutMs < 0 || timeoutMs > settings.receiptWaitMaxMs) throw new SelectorError(`timeoutMs is ${quoted(timeoutMs)}: expected whole milliseconds up to ${settings.receiptWaitMaxMs}`)
  const selectors = readSelectors([
    ...texts(urls, 'urls').map((url) => ({ kind: 'url', queries, ...parted(url, site, 'target') })),
    ...texts(prefixes, 'prefixes').map((url) => ({ kind: 'prefix', ...parted(url, site, 'prefix') })),
    ...texts(hosts, 'hosts').map((host) => ({ kind: 'host', host })),
    ...texts(tags, 'tags').map((tag) => ({ kind: 'tag', site, tag })),
    ...(everything ? [{ kind: 'everything', site }] : [])
  ])
  return { selectors, soft, ...(idempotencyKey === undefined ? {} : { idempotencyKey }), wait: wait as Wait, timeoutMs }
}

/** @returns the text in its parts; what is wrong with them is the selector's to say */
function parted (text: string, site: unknown, name: 'target' | 'prefix'): object {
  const full = fullUrl.exec(text)
  if (full !== null) {
    const [, host, rest = ''] = full
    return { host, [name]: rest.startsWith('/') ? rest : `/${rest}` }
  }
  const [, ofSite, path] = siteUrl.exec(text) ?? []
  if (ofSite !== undefined) return { site: ofSite, [name]: path }
  if (text.startsWith('/')) return { site, [name]: text }
  throw new SelectorError(`${quoted(text)} is neither an http or https URL nor SITE:/PATH nor /PATH`)
}

function texts (value: unknown, name: string): string[] {
  if (value === undefined) return []
  if (Array.isArray(value) && value.every((each) => typeof each === 'string')) return value
  throw new SelectorError(`${name} is ${quoted(value)}: expected a list of texts`)
}

function quoted (value: unknown): string {
  const text = JSON.stringify(value) ?? 'missing'
  return text.length > 80 ? `${text.slice(0, 77)}...` : text
}
