/**
 * The tags of a response, by which it can be purged: `Surrogate-Key` (set apart by spaces), `Cache-Tag` (by commas) and `Cache-Groups`
 * (RFC 9875: a Structured Fields list of strings, RFC 8941). Read once when a response comes in, and kept as 32 bits each: two
 * tags that share them are purged together, which is too much by one in four thousand million, and never too little.
 */
import type { Fields } from '../fields.ts'
import { selectorDefaults } from './selector.ts'

export const tagDefaults = Object.freeze({
  /** Tags of one response; one with more is purged with any tag of its site. Each costs 8 bytes in memory, about 11 on disk, and a look-up after a purge. */
  tagsMax: 256,
  /** Length of a field that is read, characters: more cannot hold so many tags of a usual length, and is taken as too many. */
  fieldCharsMax: 32 * 1024
})

/** Of a tag, 32 bits. Never 0, which stands for tags that nobody counted. */
export type TagHash = number

/** Stands for any tag. */
export const anyTag: TagHash = 0

/** FNV-1a (Fowler, Noll, Vo 1991) over code units, as a signed number: V8 keeps most of those without a box. */
export function tagHash (tag: string): TagHash {
  let hash = 0x811c9dc5
  for (let at = 0; at < tag.length; at++) hash = Math.imul(hash ^ tag.charCodeAt(at), 0x01000193)
  // What FNV leaves uneven in its upper bits, as MurmurHash3 finishes (Appleby 2011).
  hash = Math.imul(hash ^ hash >>> 16, 0x85ebca6b)
  hash = Math.imul(hash ^ hash >>> 13, 0xc2b2ae35)
  return (hash ^ hash >>> 16) || 1
}

/** @returns hashes of the tags, each once; `anyTag` among them where there are more, or longer ones, than are kept */
export function tagsOf (fields: Fields): readonly TagHash[] {
  const tags = new Set<TagHash>()
  let whole = true
  for (const [name, value] of fields) {
    const split = splitters[name]
    if (split === undefined) continue
    const found = value.length > tagDefaults.fieldCharsMax ? undefined : split(value)
    whole &&= found !== undefined
    for (const tag of found ?? []) {
      if (tag.length > selectorDefaults.tagCharsMax || tags.size >= tagDefaults.tagsMax) whole = false
      else if (tag !== '') tags.add(tagHash(tag))
    }
  }
  if (!whole) tags.add(anyTag)
  return tags.size === 0 ? none : [...tags]
}

const none: readonly TagHash[] = Object.freeze([])

const splitters: Readonly<Record<string, (value: string) => readonly string[] | undefined>> = {
  // A proxy may have joined two fields by a comma, which a key can hold as well: both readings count.
  'surrogate-key': (value) => value.split(/\s+/).flatMap((key) => key.includes(',') ? [key, ...key.split(',')] : key),
  'cache-tag': (value) => value.split(',').map((tag) => tag.trim()),
  'cache-groups': groups
}

const sfString = /[ \t]*"((?:[\x20\x21\x23-\x5b\x5d-\x7e]|\\["\\])*)"((?:;[ ]*[a-z*][a-z0-9_.*-]*(?:=(?:"(?:[\x20\x21\x23-\x5b\x5d-\x7e]|\\["\\])*"|[^;,"\s]+))?)*)[ \t]*(,|$)/y

/** RFC 9875 section 2. A field that does not parse is ignored by others (RFC 8941 section 4.2); here it stands for any tag. */
function groups (value: string): readonly string[] | undefined {
  const found: string[] = []
  for (let at = 0; ;) {
    sfString.lastIndex = at
    const match = sfString.exec(value)
    if (match === null) return undefined
    found.push(match[1]!.replace(/\\(.)/g, '$1').trim())
    at = sfString.lastIndex
    if (match[3] === '') return found
  }
}
