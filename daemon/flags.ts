/**
 * The daemon's options, once: the table from which flags, environment variables, the file's keys and
 * the help text are made. Reading flags and variables gives plain text by key; `config.ts` checks the
 * values.
 */
import { parseArgs } from 'node:util'
import { nearest } from '../protocols/text.ts'

/** One of the daemon's options. */
export interface Option {
  /** The field of EdgeConfig, and the key in the file. */
  readonly key: string
  readonly flag: string
  readonly variable: string
  /** Stands for the value in the help text. */
  readonly placeholder: string
  readonly help: string
  /** The default as people read it. */
  readonly byDefault: string
  /** May be given several times; in its variable, separated by commas. */
  readonly list?: true
}

function option (key: string, flag: string, placeholder: string, help: string, byDefault: string, list?: true): Option {
  const variable = `COLONY_${flag.toUpperCase().replaceAll('-', '_')}`
  return { key, flag, variable, placeholder, help, byDefault, ...(list === true ? { list } : {}) }
}

/** Where the file is; not a key of the file itself. */
export const fileOption = option('config', 'config', 'FILE', 'YAML file with the keys name, sites, settings, ...', 'none')

export const options: readonly Option[] = Object.freeze([
  option('dataDir', 'data', 'DIR', 'folder for identity, peers and stored content', './colony-data'),
  option('name', 'name', 'NAME', 'name of this edge', 'the host\'s name'),
  option('region', 'region', 'REGION', 'region that this edge belongs to', 'default'),
  option('zone', 'zone', 'ZONE', 'zone within the region (a rack, a building): copies are kept in different zones', 'none'),
  option('weight', 'weight', 'NUMBER', 'share of the region\'s keys that this edge takes, against the others', '1'),
  option('http', 'http', 'HOST:PORT', 'where clients are served', '127.0.0.1:8080'),
  option('admin', 'admin', 'HOST:PORT', 'where health, metrics and commands are served; loopback only', '127.0.0.1:9090'),
  option('listen', 'listen', 'MULTIADDR', 'where peers connect; may be repeated', '/ip4/127.0.0.1/tcp/0, or /ip4/0.0.0.0/tcp/0 with a network key', true),
  option('announce', 'announce', 'MULTIADDR', 'address told to peers in place of those listened on; may be repeated', 'none', true),
  option('join', 'join', 'MULTIADDR', 'address of an edge of the colony to join; may be repeated', 'none', true),
  option('networkKeyFile', 'network-key', 'FILE', 'the colony\'s key (libp2p pre-shared key); without it, loopback only', 'none'),
  option('sites', 'origin', 'URL', 'origin of one site, "default", for every host; replaces the file\'s sites', 'none'),
  option('workers', 'workers', 'N', 'worker threads; only 0 for now', '0'),
  option('logLevel', 'log-level', 'LEVEL', 'debug, info, warn, error or silent', 'info')
])

/** What was given, by key: text, or a list of texts where the option is a list. */
export type Given = Readonly<Record<string, string | readonly string[]>>

export type FlagsRead =
  | { readonly kind: 'given', readonly given: Given }
  | { readonly kind: 'help' }
  | { readonly kind: 'version' }
  | { readonly kind: 'wrong', readonly message: string }

/** Reads the command line. `--help` and `--version` win over everything beside them that is well formed. */
export function readFlags (argv: readonly string[]): FlagsRead {
  const all = [fileOption, ...options]
  const { tokens } = parseArgs({
    args: [...argv],
    strict: false,
    tokens: true,
    options: {
      help: { type: 'boolean', short: 'h' },
      version: { type: 'boolean', short: 'v' },
      ...Object.fromEntries(all.map(({ flag }) => [flag, { type: 'string' as const }]))
    }
  })
  const given: Record<string, string | string[]> = {}
  let kind: 'given' | 'help' | 'version' = 'given'
  for (const token of tokens) {
    if (token.kind === 'option-terminator') continue
    if (token.kind === 'positional') return wrong(`${JSON.stringify(token.value)} is not a flag: every value follows its flag (see --help)`)
    if (token.name === 'help' || token.name === 'version') {
      if (token.value !== undefined) return wrong(`${token.rawName} is ${JSON.stringify(token.value)}: expected no value`)
      if (kind === 'given') kind = token.name
      continue
    }
    const match = all.find(({ flag }) => flag === token.name)
    if (match === undefined) return wrong(unknownFlag(token.rawName, token.name, all))
    // A flag in the value's place means that the value was forgotten; no value of ours begins with a dash.
    if (token.value === undefined || token.value === '' || (!token.inlineValue && token.value.startsWith('-'))) {
      return wrong(`${token.rawName} has no value: expected ${token.rawName} ${match.placeholder}`)
    }
    if (match.list === true) given[match.key] = [...(given[match.key] ?? []), token.value]
    else given[match.key] = token.value
  }
  return kind === 'given' ? { kind, given } : { kind }
}

/** Reads the variables. An empty one counts as absent, as compose files write it. */
export function readEnvironment (env: Readonly<Record<string, string | undefined>>): Given {
  const given: Record<string, string | string[]> = {}
  for (const { key, variable, list } of [fileOption, ...options]) {
    const value = env[variable]?.trim()
    if (value === undefined || value === '') continue
    given[key] = list === true ? value.split(',').map((each) => each.trim()).filter((each) => each !== '') : value
  }
  return given
}

/** The text of `--help`. */
export function helpText (): string {
  const lines = [
    'colonyd: an edge of a Colony, a content delivery network without a centre',
    '',
    'usage: colonyd [FLAG VALUE]...',
    ''
  ]
  for (const { flag, placeholder, help, variable, byDefault } of [fileOption, ...options]) {
    lines.push(`  --${flag} ${placeholder}`, `        ${help}`, `        (${variable}; default: ${byDefault})`)
  }
  lines.push(
    '  --help, -h',
    '        this text',
    '  --version, -v',
    '        the version',
    '',
    'A flag wins over its variable, which wins over the file, which wins over the default.',
    '',
    'example:',
    '  colonyd --origin http://127.0.0.1:8000 --region fra --data ./fra-1',
    '  colonyd --origin http://127.0.0.1:8000 --region fra --data ./fra-2 \\',
    '          --http 127.0.0.1:8081 --admin 127.0.0.1:9091 --join MULTIADDR_OF_THE_FIRST'
  )
  return `${lines.join('\n')}\n`
}

function unknownFlag (rawName: string, name: string, all: readonly Option[]): string {
  const suggestion = nearest(name, [...all.map(({ flag }) => flag), 'help', 'version'])
  return `${rawName} is not a flag of colonyd: ${suggestion === undefined ? 'see --help' : `did you mean --${suggestion}?`}`
}

function wrong (message: string): FlagsRead {
  return { kind: 'wrong', message }
}
