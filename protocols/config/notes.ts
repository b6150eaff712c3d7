/**
 * Settings that are agreed on and kept, and that no edge acts on yet: whoever sets one is told. The one list of them; a path
 * leaves it with the change that gives it effect.
 */
import { isMap, leavesOf, type JsonMap } from './canonical.ts'

/** Paths as `leavesOf` gives them; `*` stands for a name. */
export const withoutEffect: readonly string[] = Object.freeze([
  'placement/copiesMin',
  'placement/copiesMax',
  'placement/linkBytesPerSecondMax',
  'placement/storeShareMax',
  'sites/*/stale/fenced'
])

/** A line for each path in a document, or a patch, that has no effect yet. What is taken away is not told of. @param document as it was given */
export function notesOf (document: unknown): string[] {
  if (!isMap(document)) return []
  return [...leavesOf(document as JsonMap)]
    .filter(([path, value]) => value !== null && withoutEffect.some((each) => matches(path.split('/'), each.split('/'))))
    .map(([path]) => `${path.includes('.') ? path : path.replaceAll('/', '.')}: kept, but no edge acts on it yet`)
}

function matches (path: readonly string[], pattern: readonly string[]): boolean {
  return path.length === pattern.length && pattern.every((name, at) => name === '*' || name === path[at])
}
