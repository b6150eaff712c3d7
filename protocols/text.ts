/**
 * Text that came from a peer, or an origin, and ends up before a person: in a terminal, a log or a page. Control characters
 * (C0 and C1: a lone U+009B begins an escape sequence in some terminals) and those that turn a line's direction around
 * are shown as what they are, nothing.
 */
export function printable (text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu, '\ufffd')
}
