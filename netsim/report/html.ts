/** HTML put together from templates that escape whatever stands in them, unless it is HTML already. */
export class Html {
  readonly text: string

  constructor (text: string) {
    this.text = text
  }
}

export type Content = Html | string | number | undefined | readonly Content[]

/** `` html`<b title="${name}">${list}</b>` ``: attributes must be quoted. */
export function html (strings: TemplateStringsArray, ...contents: readonly Content[]): Html {
  return new Html(strings.map((text, at) => text + (at < contents.length ? textOf(contents[at]) : '')).join(''))
}

function textOf (content: Content): string {
  if (content === undefined) return ''
  if (content instanceof Html) return content.text
  if (typeof content === 'object') return content.map(textOf).join('')
  return escape(String(content))
}

const entities: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', '\'': '&#39;' }

function escape (text: string): string {
  return text.replace(/[&<>"']/g, (sign) => entities[sign]!)
}
