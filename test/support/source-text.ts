/**
 * Just enough of a reader of TypeScript to ask questions about sources: it blanks comments, and for
 * some questions the insides of strings, keeping every line and column where it was.
 */
export interface Source {
  /** From the repository's root, with slashes. */
  readonly path: string
  readonly text: string
}

export interface Import {
  readonly specifier: string
  readonly line: number
}

/** What a rule has against a source, for people: `daemon/x.ts:12 reads the clock`. */
export interface Finding {
  readonly path: string
  readonly line: number
  readonly what: string
}

interface Views {
  /** Comments blanked. */
  readonly withStrings: string
  /** Comments, strings, the text of templates and regular expressions blanked. */
  readonly code: string
}

const cache = new Map<string, Views>()

/** The two views of a source's text. */
export function viewsOf (text: string): Views {
  let views = cache.get(text)
  if (views === undefined) {
    views = scan(text)
    cache.set(text, views)
  }
  return views
}

/** Everything that a source imports, re-exports or loads by a literal name. */
export function importsOf ({ text }: Source): Import[] {
  const { withStrings, code } = viewsOf(text)
  const imports: Import[] = []
  for (const match of withStrings.matchAll(/(?<![.\w])(?:from\s*|import\s*\(?\s*)(['"])([^'"\n]+)\1/g)) {
    // The keyword itself must be code, not the inside of a string.
    if (code[match.index] === ' ') continue
    imports.push({ specifier: match[2]!, line: lineAt(text, match.index) })
  }
  return imports
}

export function lineAt (text: string, index: number): number {
  return text.slice(0, index).split('\n').length
}

/** After these a slash begins a regular expression; after anything else it divides. */
const beforeRegExp = /(?:^|[(,=:[!&|?{};+\-*%<>~^]|\b(?:return|typeof|case|of|in|await|yield|throw|else|do))\s*$/

function scan (text: string): Views {
  const withStrings = [...text]
  const code = [...text]
  let at = 0

  const blank = (view: string[], from: number, to: number): void => {
    for (let index = from; index < to; index++) if (view[index] !== '\n') view[index] = ' '
  }
  const skipTo = (end: number): number => end === -1 ? text.length : end

  function skipQuoted (quote: string): void {
    const from = at++
    while (at < text.length && text[at] !== quote && text[at] !== '\n') at += text[at] === '\\' ? 2 : 1
    at = Math.min(at + 1, text.length)
    blank(code, from, at)
  }

  function skipRegExp (): void {
    const from = at++
    let inClass = false
    while (at < text.length && text[at] !== '\n' && (inClass || text[at] !== '/')) {
      if (text[at] === '[') inClass = true
      if (text[at] === ']') inClass = false
      at += text[at] === '\\' ? 2 : 1
    }
    at = Math.min(at + 1, text.length)
    blank(code, from, at)
    blank(withStrings, from, at)
  }

  function skipTemplate (): void {
    let from = at++
    while (at < text.length && text[at] !== '`') {
      if (text[at] === '\\') at += 2
      else if (text.startsWith('${', at)) {
        at += 2
        blank(code, from, at)
        readCode('}')
        from = at
      } else at++
    }
    at = Math.min(at + 1, text.length)
    blank(code, from, at)
  }

  /** Reads up to `closing` that belongs to no brace opened on the way, or to the end. */
  function readCode (closing?: string): void {
    let depth = 0
    while (at < text.length) {
      const char = text[at]!
      if (text.startsWith('//', at)) {
        const end = skipTo(text.indexOf('\n', at))
        blank(code, at, end)
        blank(withStrings, at, end)
        at = end
      } else if (text.startsWith('/*', at)) {
        const close = text.indexOf('*/', at + 2)
        const end = close === -1 ? text.length : close + 2
        blank(code, at, end)
        blank(withStrings, at, end)
        at = end
      } else if (char === '\'' || char === '"') skipQuoted(char)
      else if (char === '`') skipTemplate()
      else if (char === '/' && beforeRegExp.test(code.slice(Math.max(0, at - 40), at).join(''))) skipRegExp()
      else {
        if (char === closing && depth === 0) return
        if (char === '{') depth++
        if (char === '}') depth--
        at++
      }
    }
  }

  readCode()
  return { withStrings: withStrings.join(''), code: code.join('') }
}
