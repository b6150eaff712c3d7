/**
 * Text for people: what others wrote made fit to be shown, and what was mistyped led to what was meant.
 */

/**
 * Text that came from a peer, or an origin, and ends up before a person: in a terminal, a log or a page. Control characters
 * (C0 and C1: a lone U+009B begins an escape sequence in some terminals) and those that turn a line's direction around
 * are shown as what they are, nothing.
 */
export function printable (text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu, '\ufffd')
}

/** @returns the known word that is at most two letters, or a third of its own, away from `word` */
export function nearest (word: string, known: readonly string[]): string | undefined {
  let best: string | undefined
  let bestDistance = Infinity
  for (const each of known) {
    const distance = editDistance(word.toLowerCase(), each.toLowerCase())
    if (distance < bestDistance && distance <= Math.max(2, each.length / 3) && distance <= each.length / 2) {
      best = each
      bestDistance = distance
    }
  }
  return best
}

/** Levenshtein's distance, one row at a time. */
function editDistance (a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const replaced = row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)
      next.push(Math.min(replaced, row[j]! + 1, next[j - 1]! + 1))
    }
    row = next
  }
  return row[b.length]!
}
