/**
 * Agreed configuration as plain values: one text for each value (canonical JSON, RFC 8785), a hash of it, its leaves
 * by path, and what may come in at all. Everything above compares, merges and stores configuration by these, so two
 * edges that hold the same settings hold the same bytes.
 *
 * @see RFC 8785 (JSON Canonicalization Scheme); RFC 7396 (JSON Merge Patch)
 */
import { createHash } from 'node:crypto'
import { ColonyError } from '../errors.ts'
import { commandBytesMax } from '../raft/commands.ts'

export type Json = null | boolean | number | string | readonly Json[] | JsonMap
export interface JsonMap { readonly [key: string]: Json }

/**
 * Bounds of what is agreed. They are constants, not settings: all edges of a group must take and refuse the same
 * entries, or their states drift apart.
 */
export const configLimits = Object.freeze({
  /** Canonical text of one scope's configuration, bytes: 1,000 sites of 250 bytes. An entry of a log holds up to two, with the marks of their writes. */
  documentBytesMax: commandBytesMax / 4,
  /** Maps and lists within each other. The schema needs 5. */
  depthMax: 12,
  /** Values in one document, counted while it is read: bounds the work of whatever arrives. */
  valuesMax: 50_000,
  /** Characters of a key or name. */
  keyCharsMax: 128
})

/** Configuration that cannot be agreed on; each fault is a sentence that begins with the path. */
export class ConfigInvalidError extends ColonyError {
  readonly faults: readonly string[]

  constructor (faults: readonly string[]) {
    const more = faults.length > 1 ? ` (and ${faults.length - 1} more)` : ''
    super('COLONY_CONFIG_INVALID', `${faults[0] ?? 'the configuration is not valid'}${more}`)
    this.faults = faults
  }
}

export function isMap (value: unknown): value is JsonMap {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Path parts as people write them: `sites.shop.hosts[0]`; a name with other characters in brackets. */
export function dotted (path: readonly (string | number)[]): string {
  return path.map((part, index) => {
    if (typeof part === 'number') return `[${part}]`
    if (!/^[A-Za-z0-9_-]+$/.test(part)) return `[${JSON.stringify(part)}]`
    return index === 0 ? part : `.${part}`
  }).join('') || 'the configuration'
}

/**
 * What a parser of JSON, YAML or CBOR gave, checked to be plain and bounded.
 *
 * @returns a copy that shares nothing with `value`
 * @throws ConfigInvalidError
 */
export function plainJson (value: unknown): Json {
  let values = 0
  const copy = (each: unknown, path: readonly (string | number)[]): Json => {
    const wrong = (what: string): never => { throw new ConfigInvalidError([`${dotted(path)}: ${what}`]) }
    if (++values > configLimits.valuesMax) return wrong(`more than ${configLimits.valuesMax} values`)
    if (path.length > configLimits.depthMax) return wrong(`nested deeper than ${configLimits.depthMax}`)
    if (each === null || typeof each === 'boolean') return each
    if (typeof each === 'string') return each.isWellFormed() ? each : wrong('text that is not Unicode')
    if (typeof each === 'number') return Number.isFinite(each) ? each + 0 : wrong(`${each} is not a number that JSON has`)
    if (Array.isArray(each)) return each.map((item, index) => copy(item, [...path, index]))
    if (typeof each !== 'object' || !isPlainObject(each)) return wrong(`a ${typeof each === 'object' ? each.constructor?.name ?? 'object' : typeof each} is not a value that JSON has`)
    const map: Record<string, Json> = {}
    for (const [key, item] of Object.entries(each)) {
      if (key === '__proto__' || key === '' || key.length > configLimits.keyCharsMax || !/^[^/\p{Cc}\p{Cs}]*$/u.test(key)) {
        return wrong(`${JSON.stringify(key).slice(0, 40)} cannot be a name: 1 to ${configLimits.keyCharsMax} printable characters without "/" are needed`)
      }
      map[key] = copy(item, [...path, key])
    }
    return map
  }
  return copy(value, [])
}

function isPlainObject (value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === null || prototype === Object.prototype
}

/** RFC 8785: keys in the order of their UTF-16 code units, numbers and text as ECMAScript writes them, no blanks. */
export function canonicalJson (value: Json): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`
  if (!isMap(value)) return JSON.stringify(value)
  const fields = Object.keys(value).sort().map((key) => `${JSON.stringify(key)}:${canonicalJson(value[key]!)}`)
  return `{${fields.join(',')}}`
}

/** 22 characters of base64url: 128 bits of SHA-256 over the canonical text. */
export function hashOf (value: Json): string {
  return createHash('sha256').update(canonicalJson(value)).digest('base64url').slice(0, 22)
}

/**
 * The leaves of a document: everything that is not a map, by the names that lead to it with `/` between. A list is
 * one leaf, so it is replaced whole. Empty maps have no leaves and so do not count.
 */
export function leavesOf (document: JsonMap): Map<string, Json> {
  const leaves = new Map<string, Json>()
  const walk = (map: JsonMap, prefix: string): void => {
    for (const key of Object.keys(map).sort()) {
      const value = map[key]!
      if (isMap(value)) walk(value, `${prefix}${key}/`)
      else leaves.set(prefix + key, value)
    }
  }
  walk(document, '')
  return leaves
}

/**
 * The document with these leaves. Where one leaf stands on another's way (`a` and `a/b`: two schemas met), the deeper
 * ones are left out: the same on every edge, whatever order they come in.
 */
export function documentOf (leaves: Iterable<readonly [path: string, value: Json]>): JsonMap {
  const document: Record<string, unknown> = {}
  const sorted = [...leaves].sort(([a], [b]) => a.split('/').length - b.split('/').length || (a < b ? -1 : 1))
  for (const [path, value] of sorted) {
    const names = path.split('/')
    const last = names.pop()!
    let at: Record<string, unknown> | undefined = document
    for (const name of names) {
      if (!Object.hasOwn(at, name)) at[name] = {}
      const next: unknown = at[name]
      if (!isMap(next)) {
        at = undefined
        break
      }
      at = next as Record<string, unknown>
    }
    if (at !== undefined) at[last] = value
  }
  return document as JsonMap
}

/** RFC 7396: `null` takes a field away, a map changes fields, anything else replaces. */
export function mergePatch (target: Json | undefined, patch: Json): Json {
  if (!isMap(patch)) return patch
  const merged: Record<string, Json> = isMap(target) ? { ...target } : {}
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete merged[key]
    else merged[key] = mergePatch(Object.hasOwn(merged, key) ? merged[key] : undefined, value)
  }
  return merged
}
