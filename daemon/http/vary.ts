/**
 * Which of a key's stored responses a request may have (RFC 9111 section 4.1). A variant is known by
 * a hash of the request fields that its Vary names; a request matches when its own fields give the
 * same hash. Values are normalised only in ways that every list field allows: space around it and
 * around its commas.
 */
import { createHash } from 'node:crypto'
import { fieldValue } from '../../protocols/fields.ts'
import type { Fields } from '../../protocols/fields.ts'
import type { StoredResponse, VariantKey } from '../store/store.ts'
import { listMembers, splitList } from './fields.ts'

/** Characters of base64url in a variant key: 128 bits and more, as clients choose what is hashed. */
const variantKeyChars = 22

/** Names in the response's Vary, lower case, sorted, each once; `*` when no other request matches. */
export function varyNames (fields: Fields): string[] | '*' {
  const names = listMembers((fieldValue(fields, 'vary') ?? '').toLowerCase())
  return names.includes('*') ? '*' : [...new Set(names)].sort()
}

/**
 * @param names as `varyNames` gives them
 * @returns '' without names; otherwise a hash of names and values, an absent field and an empty one
 *          being two different things
 */
export function variantKey (names: readonly string[], requestFields: Fields): VariantKey {
  if (names.length === 0) return ''
  const selecting = names.map((name) => [name, normalised(fieldValue(requestFields, name))])
  return createHash('sha256').update(JSON.stringify(selecting)).digest('base64url').slice(0, variantKeyChars)
}

/** The matching variant that was received last. */
export function selectVariant (variants: readonly StoredResponse[], requestFields: Fields): StoredResponse | undefined {
  // One hash for each Vary list: a key may have many variants, and most name the same fields.
  const wanted = new Map<string, VariantKey>()
  let selected: StoredResponse | undefined
  for (const stored of variants) {
    const names = stored.vary.join()
    let key = wanted.get(names)
    if (key === undefined) {
      key = variantKey(stored.vary, requestFields)
      wanted.set(names, key)
    }
    const newer = selected === undefined || stored.receivedAtMs > selected.receivedAtMs
    if (newer && stored.variant === key) selected = stored
  }
  return selected
}

function normalised (value: string | undefined): string | null {
  return value === undefined ? null : splitList(value).join(', ')
}
