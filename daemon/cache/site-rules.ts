/**
 * What a site's agreed settings come to for one request: which parts of its query count, how long its answer lives, and what
 * fields its client gets. Pure, and computed once when settings are put in place wherever that is possible: requests only
 * read. RFC 9111 section 4.2.1 for what a response states itself; RFC 3986 section 3.4 for queries.
 */
import type { AgreedSite } from '../../protocols/config/schema.ts'
import { withoutFields, type Field, type Fields } from '../../protocols/fields.ts'
import type { FreshnessPolicy } from '../http/freshness.ts'

/** The target as the key has it, and as origins are asked for it: what does not count is not sent, or one client could fill for others what only its own query asked for. */
export type TargetRule = (target: string) => string

/** @returns undefined where the query counts as it stands */
export function targetRule ({ query, ignore }: AgreedSite['key']): TargetRule | undefined {
  if (query === 'keep' && ignore.length === 0) return undefined
  const names = new Set(ignore.filter((pattern) => !pattern.endsWith('*')))
  const prefixes = ignore.filter((pattern) => pattern.endsWith('*')).map((pattern) => pattern.slice(0, -1))
  const counts = (name: string): boolean => !names.has(name) && !prefixes.some((prefix) => name.startsWith(prefix))
  return (target) => {
    const at = target.indexOf('?')
    if (at === -1) return target
    const path = target.slice(0, at)
    if (query === 'drop') return path
    const kept = target.slice(at + 1).split('&').map((part) => [part.split('=', 1)[0]!, part] as const).filter(([name, part]) => part !== '' && counts(name))
    // Stable: what is said of one parameter twice keeps its order.
    if (query === 'sort') kept.sort(([a], [b]) => a < b ? -1 : a > b ? 1 : 0)
    return kept.length === 0 ? path : `${path}?${kept.map(([, part]) => part).join('&')}`
  }
}

export type Lifetimes = (target: string, status: number) => FreshnessPolicy

/** Of the first rule that fits the path, on top of the site's own. */
export function lifetimes ({ default: byDefault, min, max, negative, rules }: AgreedSite['ttl']): Lifetimes {
  const policies = (own: { readonly default?: number, readonly min?: number, readonly max?: number }): readonly [FreshnessPolicy, FreshnessPolicy] => {
    const bounds = { minTtlMs: own.min ?? min, maxTtlMs: own.max ?? max }
    // An error must not be kept alive by what is meant for content.
    return [{ ...bounds, defaultTtlMs: own.default ?? byDefault }, { defaultTtlMs: negative, maxTtlMs: bounds.maxTtlMs }]
  }
  const own = policies({})
  const byPath = rules.map((rule) => ({ ...matcher(rule.path), policies: policies(rule) }))
  return (target, status) => {
    const found = byPath.length === 0 ? undefined : byPath.find(({ fits }) => fits(target))
    return (found?.policies ?? own)[status >= 400 ? 1 : 0]
  }
}

function matcher (pattern: string): { readonly fits: (target: string) => boolean } {
  if (pattern.endsWith('*')) {
    const prefix = pattern.slice(0, -1)
    return { fits: (target) => pathOf(target).startsWith(prefix) }
  }
  return { fits: (target) => pathOf(target) === pattern }
}

function pathOf (target: string): string {
  const at = target.indexOf('?')
  return at === -1 ? target : target.slice(0, at)
}

export type FieldRule = (fields: Fields) => Field[]

/** @returns undefined where clients get the fields as they are */
export function fieldRule ({ set, remove }: AgreedSite['headers']): FieldRule | undefined {
  const added = Object.entries(set)
  if (added.length === 0 && remove.length === 0) return undefined
  const gone = [...remove, ...added.map(([name]) => name)]
  return (fields) => [...withoutFields(fields, ...gone), ...added]
}
