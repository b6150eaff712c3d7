/**
 * What a colony agrees on: sites, flags, ring weights, placement budgets and allowed peers. `readSettings` reads what
 * a scope says (a part of it, nothing required), `completeSettings` the whole with every default, as an edge runs it.
 * Values come as JSON or YAML was parsed to; every fault is one sentence that begins with its path. Lifetimes may be
 * written `60s` and are kept as milliseconds.
 */
import { canonicalJson, configLimits, ConfigInvalidError, dotted, isMap, plainJson, type Json, type JsonMap } from './canonical.ts'
import { completeShape, readShape, type Fields, type Leaf, type List, type Shape } from './shape.ts'

/** Which stored form of the settings this is: an edge that reads a higher one does not understand all of it. */
export const settingsFormat = 1

/** Lifetimes of one site, or of the paths of one rule, ms. What the origin states goes before `default`, never past `max` or below `min`. */
export interface TtlRule {
  /** `/img/*`: what the path begins with; without `*`, the path itself. The first rule that fits counts. */
  readonly path: string
  readonly default?: number
  readonly min?: number
  readonly max?: number
}

export interface AgreedSite {
  /** Exact names, `*.example.org` (any depth below it), or `*`. */
  readonly hosts: readonly string[]
  /** Asked in turn, the next where one gave no answer; none where all content is published. */
  readonly origins: readonly string[]
  readonly published: boolean
  readonly hostHeader: 'origin' | 'preserve'
  /** Whether `PURGE` on the HTTP port forgets a URL, from the edge's own machine. */
  readonly purgeMethod: 'off' | 'loopback'
  readonly key: {
    /** The query as it stands, with its parameters sorted, or left out. */
    readonly query: 'keep' | 'sort' | 'drop'
    /** Parameters that do not count, such as `utm_*`. */
    readonly ignore: readonly string[]
  }
  readonly ttl: {
    /** Of a response that states none, ms. */
    readonly default: number
    readonly min: number
    readonly max: number
    /** Of error responses, ms. */
    readonly negative: number
    readonly rules: readonly TtlRule[]
  }
  readonly stale: {
    /** How long past its lifetime content is served while it is fetched anew (not where it is published), and when no origin answers, ms. */
    readonly whileRevalidate: number
    readonly ifError: number
    /** What an edge does that cannot know of purges any more (DESIGN.md, Fences). */
    readonly fenced: 'revalidate' | 'serve-stale' | 'refuse'
  }
  /** Of responses to clients. */
  readonly headers: { readonly set: Readonly<Record<string, string>>, readonly remove: readonly string[] }
}

export interface AgreedSettings {
  readonly sites: Readonly<Record<string, AgreedSite>>
  readonly flags: Readonly<Record<string, boolean | number | string>>
  /** By peer id or edge name; the id goes first. An edge that is not named keeps the weight it announces. */
  readonly ring: { readonly weights: Readonly<Record<string, number>> }
  readonly placement: {
    /** Copies of hot content in a region. */
    readonly copiesMin: number
    readonly copiesMax: number
    /** What background copies may take of one edge's link, bytes a second. */
    readonly linkBytesPerSecondMax: number
    /** Share of an edge's store that copies may fill, 0 to 1. */
    readonly storeShareMax: number
  }
  /** Peer ids that may be members; empty: whoever has the network key. */
  readonly peers: { readonly allowed: readonly string[] }
}

const day = 86_400_000
const units: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: day }

function leaf (expected: string, read: (value: Json) => Json | undefined, byDefault?: Json): Leaf {
  return { kind: 'leaf', expected, read, ...(byDefault !== undefined && { byDefault }) }
}

function text (expected: string, allowed: RegExp, normal: (text: string) => string = (given) => given): Leaf {
  return leaf(expected, (value) => typeof value === 'string' && allowed.test(value) ? normal(value) : undefined)
}

function oneOf (words: readonly string[], byDefault?: string): Leaf {
  return leaf(words.join(words.length === 2 ? ' or ' : ', '), (value) => typeof value === 'string' && words.includes(value) ? value : undefined, byDefault)
}

function number (expected: string, min: number, max: number, byDefault?: number, whole = true): Leaf {
  return leaf(expected, (value) => {
    return typeof value === 'number' && value >= min && value <= max && (!whole || Number.isInteger(value)) ? value : undefined
  }, byDefault)
}

/** RFC 9111 section 1.2.2 lets 2^31 seconds stand for ever. */
const lifetimeMsMax = 2 ** 31 * 1000
function lifetime (byDefault?: number): Leaf {
  return leaf('a duration such as 500ms, 60s, 2h or 7d, or whole milliseconds', (value) => {
    const match = typeof value === 'string' ? /^(\d{1,12})(ms|s|m|h|d)$/.exec(value) : null
    const ms = match === null ? value : Number(match[1]) * units[match[2]!]!
    return typeof ms === 'number' && Number.isInteger(ms) && ms >= 0 && ms <= lifetimeMsMax ? ms : undefined
  }, byDefault)
}

function list (expected: string, each: Shape, max: number, more: Partial<List> = { byDefault: [] }): List {
  return { kind: 'list', expected, each, max, ...more }
}

function fields (each: Fields['fields']): Fields {
  return { kind: 'fields', fields: each }
}

const label = /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/
const fieldName = /^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}$/
/** Fields that frame a message or belong to one hop, and those that Colony itself answers for (RFC 9110 section 7.6.1). */
const framing = new Set(['connection', 'content-length', 'content-range', 'keep-alive', 'proxy-connection', 'te', 'trailer', 'transfer-encoding', 'upgrade', 'age', 'cache-status', 'via', 'set-cookie'])
const headerName = leaf('the name of a response header that does not frame the message, such as X-Frame-Options', (value) => {
  return typeof value === 'string' && fieldName.test(value) && !framing.has(value.toLowerCase()) ? value.toLowerCase() : undefined
})

const host = text(
  'a host name without a port, such as cdn.example.org, *.example.org or *',
  /^(\*|(\*\.)?[a-z0-9]([a-z0-9._-]{0,251}[a-z0-9])?|\[[0-9a-f:.]{2,45}\])$/i,
  (given) => given.toLowerCase()
)

const origin = leaf('an http or https URL without credentials, query or fragment, such as https://origin.example.org', (value) => {
  if (typeof value !== 'string' || value.length > 2_048 || !URL.canParse(value)) return undefined
  const url = new URL(value)
  return /^https?:$/.test(url.protocol) && !/[?#]/.test(value) && url.username === '' && url.password === '' ? url.href : undefined
})

const ttlRule = fields({
  path: { ...text('a path such as /img/* or /robots.txt, with * at its end only', /^\/[\x21-\x29\x2b-\x7e]{0,1023}\*?$/), required: true },
  default: lifetime(),
  min: lifetime(),
  max: lifetime()
})

const site = fields({
  hosts: list('a list of host names, such as [cdn.example.org]', host, 100, { min: 1, required: true }),
  origins: list('a list of URLs, such as [https://origin.example.org]', origin, 8),
  published: leaf('true or false', (value) => typeof value === 'boolean' ? value : undefined),
  hostHeader: oneOf(['origin', 'preserve'], 'origin'),
  purgeMethod: oneOf(['off', 'loopback'], 'off'),
  key: fields({
    query: oneOf(['keep', 'sort', 'drop'], 'keep'),
    ignore: list('a list of query parameters, such as [utm_*]', text('a query parameter such as utm_source or utm_*', /^[^\s&=#*/]{1,64}\*?$|^[^\s&=#*/]{0,64}\*$/), 50)
  }),
  ttl: fields({
    default: lifetime(0),
    min: lifetime(0),
    max: lifetime(365 * day),
    negative: lifetime(0),
    rules: list('a list of rules, each with path and default, min or max', ttlRule, 100)
  }),
  stale: fields({
    whileRevalidate: lifetime(0),
    ifError: lifetime(day),
    fenced: oneOf(['revalidate', 'serve-stale', 'refuse'], 'revalidate')
  }),
  headers: fields({
    set: {
      kind: 'names',
      name: fieldName,
      expected: 'the name of a response header, such as X-Frame-Options',
      each: text('a header value of up to 1024 printable characters', /^[\x21-\x7e]([\x20-\x7e\t]{0,1022}[\x21-\x7e])?$/),
      max: 50
    },
    remove: list('a list of header names, such as [Server]', headerName, 50)
  })
})

/** The whole of what is agreed. */
export const settingsShape: Fields = fields({
  sites: { kind: 'names', name: label, expected: 'a site\'s name: up to 63 letters, digits, ".", "_" or "-"', each: site, max: 1_000 },
  flags: {
    kind: 'names',
    name: label,
    expected: 'a flag\'s name: up to 63 letters, digits, ".", "_" or "-"',
    each: leaf('true, false, a number or up to 256 characters', (value) => {
      return typeof value === 'boolean' || typeof value === 'number' || (typeof value === 'string' && value.length <= 256) ? value : undefined
    }),
    max: 200
  },
  ring: fields({
    weights: {
      kind: 'names',
      name: /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/,
      expected: 'a peer id or an edge\'s name',
      each: number('a weight above 0 and up to 16, such as 2', 2 ** -10, 16, undefined, false),
      max: 5_000
    }
  }),
  placement: fields({
    copiesMin: number('a whole number from 1 to 100', 1, 100, 1),
    copiesMax: number('a whole number from 1 to 100', 1, 100, 8),
    linkBytesPerSecondMax: number('whole bytes a second, such as 10000000', 0, 2 ** 40, 10_000_000),
    storeShareMax: number('a share from 0 to 1, such as 0.5', 0, 1, 0.5, false)
  }),
  peers: fields({
    allowed: list('a list of peer ids', text('a peer id, such as 12D3KooW…', /^[A-Za-z0-9]{40,128}$/), 5_000)
  })
})

/**
 * One scope's part of the settings, in its normal form: what is not given stays absent, and empty maps vanish.
 *
 * @param value as JSON or YAML was parsed; nothing at all is an empty part
 * @throws ConfigInvalidError with every fault
 */
export function readSettings (value: unknown): JsonMap {
  const faults: string[] = []
  const read = readShape(settingsShape, plainJson(value ?? {}), faults) as JsonMap | undefined
  if (faults.length > 0) throw new ConfigInvalidError(faults)
  const bytes = Buffer.byteLength(canonicalJson(read!))
  if (bytes > configLimits.documentBytesMax) {
    throw new ConfigInvalidError([`the configuration: ${bytes} bytes; at most ${configLimits.documentBytesMax} are allowed`])
  }
  return withHeaderNames(read!)
}

/**
 * The complete settings, as an edge runs them.
 *
 * @param given what `readSettings` gave, of one scope or of several merged
 * @throws ConfigInvalidError with every fault: what is missing, and what does not go together
 */
export function completeSettings (given: JsonMap): AgreedSettings {
  const faults: string[] = []
  const complete = completeShape(settingsShape, given, faults) as unknown as { -readonly [K in keyof AgreedSettings]: AgreedSettings[K] }
  if (faults.length === 0) {
    complete.sites = Object.fromEntries(Object.entries(complete.sites).map(([name, each]) => {
      return [name, { ...each, published: (each.published as boolean | undefined) ?? each.origins.length === 0 }]
    }))
    checkTogether(complete, faults)
  }
  if (faults.length > 0) throw new ConfigInvalidError(faults)
  return complete
}

/** What each value alone cannot show. */
function checkTogether ({ sites, placement }: AgreedSettings, faults: string[]): void {
  const taken = new Map<string, string>()
  for (const [name, { hosts, origins, published, ttl }] of Object.entries(sites)) {
    for (const [index, each] of hosts.entries()) {
      const other = taken.get(each)
      if (other !== undefined) faults.push(`${dotted(['sites', name, 'hosts', index])}: ${each} leads to site ${other} already; a host leads to one site`)
      taken.set(each, name)
    }
    if (origins.length === 0 && !published) faults.push(`${dotted(['sites', name, 'published'])}: false, but the site has no origins; give one, or let content be published`)
    checkLifetimes(ttl, ['sites', name, 'ttl'], faults)
    for (const [index, rule] of ttl.rules.entries()) {
      const path = ['sites', name, 'ttl', 'rules', index]
      if (rule.default === undefined && rule.min === undefined && rule.max === undefined) faults.push(`${dotted(path)}: says nothing; give default, min or max`)
      checkLifetimes({ min: ttl.min, max: ttl.max, ...rule }, path, faults)
    }
  }
  if (placement.copiesMin > placement.copiesMax) faults.push(`placement.copiesMin: ${placement.copiesMin} is more than placement.copiesMax, which is ${placement.copiesMax}`)
}

function checkLifetimes ({ min, max }: { readonly min: number, readonly max: number }, path: readonly (string | number)[], faults: string[]): void {
  if (min > max) faults.push(`${dotted([...path, 'min'])}: ${min} ms is more than max, which is ${max} ms`)
}

/** Header names in lower case, as they are compared (RFC 9110 section 5.1); those that frame a message are refused. */
function withHeaderNames (settings: JsonMap): JsonMap {
  const faults: string[] = []
  const sites = Object.entries((settings.sites ?? {}) as JsonMap).map(([name, each]): [string, Json] => {
    const headers = (each as JsonMap).headers as JsonMap | undefined
    if (!isMap(headers?.set)) return [name, each]
    const set: Record<string, Json> = {}
    for (const [field, value] of Object.entries(headers.set)) {
      const lower = field.toLowerCase()
      if (framing.has(lower)) faults.push(`${dotted(['sites', name, 'headers', 'set', field])}: expected ${headerName.expected}`)
      if (Object.hasOwn(set, lower)) faults.push(`${dotted(['sites', name, 'headers', 'set', field])}: given twice, as names of headers have no case`)
      set[lower] = value
    }
    return [name, { ...(each as JsonMap), headers: { ...headers, set } }]
  })
  if (faults.length > 0) throw new ConfigInvalidError(faults)
  return sites.length === 0 ? settings : { ...settings, sites: Object.fromEntries(sites) }
}

/**
 * Whether a leaf takes effect for a whole region at once, never edge by edge: edges that differ in it would compute
 * different owners, or different keys for one URL. `peers.allowed` is one, as members make the ring; and because the first edge
 * of a roll-out, alone with its list, would cut itself off from whoever is not on it, the leader of the region's group perhaps,
 * and then not even hear that the list was taken back. What that costs: it is not tried on one edge first. What would go wrong
 * there is told before it is agreed on (`lockOut`, the dry run); and who is shut out for cause waits for no trial.
 */
export function isRegionWide (path: string): boolean {
  return /^ring\/|^peers\/|^sites\/[^/]+\/(hosts|hostHeader|key\/[^/]+)$/.test(path)
}
