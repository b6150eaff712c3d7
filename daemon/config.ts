/**
 * The edge's configuration: one frozen object, built and validated once, before anything starts. A
 * flag wins over its environment variable, which wins over the YAML file, which wins over the
 * default. Whatever is wrong is one sentence that names the field and where it was given, the value,
 * and what is allowed; nothing is guessed and no unknown key is passed over.
 */
import { readFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { parse as parseYaml } from 'yaml'
import { z } from 'zod'
import { codeOf, ColonyError, messageOf } from '../protocols/errors.ts'
import {
  type HostPort, hostHeaderValue, hostPortValue, isLoopbackHost, isLoopbackMultiaddr, listenValue, logLevelValue,
  multiaddrValue, nameValue, originValue, pathValue, purgeMethodValue, regionValue, settingsValue, siteHostValue, strictMap, ttlValue, weightValue, workersValue
} from './config-value.ts'
import { type Given, helpText, type Option, options, readEnvironment, readFlags } from './flags.ts'
import { type PartDefaults, type Settings, settingsDefaults } from './settings.ts'
import { version } from './version.ts'

/** One site: a name, the hosts it answers for, and where its content comes from. */
export interface SiteConfig {
  /** Part of every key of the site: renaming a site empties it. */
  readonly name: string
  /** Lower case, without port; `*` answers for every host that no other site names. */
  readonly hosts: readonly string[]
  /** Normalised http(s) URL, no credentials, query or fragment; an empty path is `/`. Absent where all content is published, or comes from peers. */
  readonly origin?: string
  /** In place of `origin`: several, asked in turn where one does not answer. */
  readonly origins?: readonly string[]
  /** Whether content may be published to it (`colony put`); by default when it has no origin. Beside an origin, misses then wait for the mesh. */
  readonly published?: boolean
  /** Lifetime of a response that states none, ms. 0: stored, but stale at once. */
  readonly defaultTtlMs: number
  /** Host field sent to the origin: its own, or the client's (which is then part of the key). */
  readonly hostHeader: 'origin' | 'preserve'
  /**
   * Whether `PURGE` on the HTTP port forgets a URL: not at all (it goes to the origin, as any method), or from this machine. A token would
   * cross the network in the clear on that port; who is elsewhere has the admin listener, over a tunnel.
   */
  readonly purgeMethod?: 'off' | 'loopback'
}

export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent'

export interface EdgeConfig {
  readonly name: string
  readonly region: string
  readonly zone?: string
  /** Share of the region's keys against the other edges, above 0, up to 16. */
  readonly weight: number
  readonly dataDir: string
  readonly http: HostPort
  readonly admin: HostPort
  /** Multiaddrs, as are `announce` and `join`. */
  readonly listen: readonly string[]
  readonly announce: readonly string[]
  readonly join: readonly string[]
  readonly networkKeyFile?: string
  readonly workers: number
  readonly logLevel: LogLevel
  /** Empty for an edge that serves only what its peers hold. */
  readonly sites: readonly SiteConfig[]
  readonly settings: Settings
}

export type ConfigRead =
  | { readonly kind: 'run', readonly config: EdgeConfig }
  | { readonly kind: 'help', readonly text: string }
  | { readonly kind: 'version', readonly text: string }

/** The operator wrote something that cannot be run; the message is a whole sentence for them. */
export class ConfigError extends ColonyError {
  constructor (message: string, options?: { cause?: unknown }) {
    super('COLONY_CONFIG', message, options)
  }
}

/** One source of values: what it gave, and how to name a place in it. */
interface Layer {
  readonly values: Readonly<Record<string, unknown>>
  readonly where: (path: readonly PropertyKey[]) => string
}

const siteSchema = strictMap({
  name: nameValue,
  hosts: z.array(siteHostValue, { error: 'expected a list of host names, such as ["*"]' }).nonempty({ error: 'expected at least one host name, or "*"' }),
  origin: originValue.optional(),
  origins: z.array(originValue, { error: 'expected a list of URLs, such as [http://127.0.0.1:8000]' }).nonempty({ error: 'expected at least one URL' }).max(8, { error: 'expected at most 8 URLs' }).optional(),
  published: z.boolean({ error: 'expected true or false' }).optional(),
  defaultTtlMs: ttlValue.default(0),
  hostHeader: hostHeaderValue.default('origin'),
  purgeMethod: purgeMethodValue.optional()
})

const listError = { error: 'expected a list of multiaddrs, such as [/ip4/127.0.0.1/tcp/4001]' }

/** @param parts the settings that may be given, by part, with their defaults */
function layerSchema (parts: PartDefaults) {
  return strictMap({
    name: nameValue.optional(),
    region: regionValue.optional(),
    zone: nameValue.optional(),
    weight: weightValue.optional(),
    dataDir: pathValue.optional(),
    http: hostPortValue.optional(),
    admin: hostPortValue.optional(),
    listen: z.array(listenValue, listError).nonempty({ error: 'expected at least one multiaddr' }).optional(),
    announce: z.array(multiaddrValue, listError).optional(),
    join: z.array(multiaddrValue, listError).optional(),
    networkKeyFile: pathValue.optional(),
    workers: workersValue.optional(),
    logLevel: logLevelValue.optional(),
    sites: z.array(siteSchema, { error: 'expected a list of sites, each with name, hosts and, unless all is published, origin or origins' }).optional(),
    settings: settingsValue(parts).optional()
  }, keyAliases())
}

/**
 * @param argv the command line after the program's name
 * @param readFile reads the text of the file that `--config` names
 * @throws ConfigError for whatever is wrong, first fault first
 */
export function loadConfig (
  argv: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
  readFile: (path: string) => string = (path) => readFileSync(path, 'utf8')
): ConfigRead {
  const flags = readFlags(argv)
  if (flags.kind === 'help') return { kind: 'help', text: helpText() }
  if (flags.kind === 'version') return { kind: 'version', text: `colonyd ${version}\n` }
  if (flags.kind === 'wrong') throw new ConfigError(flags.message)

  const environment = readEnvironment(env)
  const layers = [
    ...fileLayers(flags.given, environment, readFile),
    givenLayer(environment, ({ variable }) => `environment ${variable}`),
    givenLayer(flags.given, ({ flag }) => `--${flag}`)
  ]
  const schema = layerSchema(settingsDefaults)
  const parsed = layers.map((layer) => parseLayer(schema, layer))
  const chosen: z.output<typeof schema> = Object.assign({}, ...parsed)
  const hasKey = chosen.networkKeyFile !== undefined
  const config: EdgeConfig = {
    name: hostname().replace(/[^A-Za-z0-9._-]/g, '-').slice(0, 63),
    region: 'default',
    weight: 1,
    dataDir: './colony-data',
    http: { host: '127.0.0.1', port: 8080 },
    admin: { host: '127.0.0.1', port: 9090 },
    listen: [hasKey ? '/ip4/0.0.0.0/tcp/0' : '/ip4/127.0.0.1/tcp/0'],
    announce: [],
    join: [],
    workers: 0,
    logLevel: 'info',
    sites: [],
    ...chosen,
    settings: (chosen.settings ?? settingsDefaults) as Settings
  }
  const sourceOf = (key: string): Layer | undefined => layers.findLast(({ values }) => key in values)
  checkReach(config, sourceOf)
  checkSites(config, sourceOf)
  return { kind: 'run', config: freezeDeep(config) }
}

/** The file's layer; none when no file was named. */
function fileLayers (flags: Given, environment: Given, readFile: (path: string) => string): Layer[] {
  const file = flags.config ?? environment.config
  if (typeof file !== 'string') return []
  const source = flags.config === undefined ? 'environment COLONY_CONFIG' : '--config'
  let values: unknown
  try {
    values = parseYaml(readFile(file)) ?? {}
  } catch (error) {
    // The parser's text goes on with an excerpt over several lines; its first line says what and where.
    const reason = codeOf(error) === 'ENOENT' ? 'there is no such file' : messageOf(error).split('\n')[0]
    throw new ConfigError(`${source} is ${quote(file)}: expected a readable YAML file, but ${reason}`, { cause: error })
  }
  if (typeof values !== 'object' || values === null || Array.isArray(values)) {
    throw new ConfigError(`${source} is ${quote(file)}: expected a YAML map with keys such as region, http and sites`)
  }
  return [{ values: values as Record<string, unknown>, where: (path) => `${dotted(path)} in file ${file}` }]
}

/** What flags or variables gave; an origin becomes the one site that it stands for. */
function givenLayer (given: Given, nameOf: (option: Option) => string): Layer {
  const { config: _file, ...values } = given
  const sites = values.sites === undefined
    ? {}
    : { sites: [{ name: 'default', hosts: ['*'], origin: values.sites }] }
  return {
    values: { ...values, ...sites },
    where: ([key]) => nameOf(options.find((option) => option.key === key)!)
  }
}

function parseLayer<Schema extends z.ZodType> (schema: Schema, { values, where }: Layer): z.output<Schema> {
  const result = schema.safeParse(values)
  if (result.success) return result.data
  const issue = result.error.issues[0]!
  if (issue.code === 'unrecognized_keys') {
    throw new ConfigError(`${where([...issue.path, issue.keys[0]!])} is not a known key: ${issue.message}`)
  }
  const value = issue.path.reduce<unknown>((at, key) => (at as Record<PropertyKey, unknown> | undefined)?.[key], values)
  throw new ConfigError(`${where(issue.path)} is ${quote(value)}: ${issue.message}`)
}

/** Without a network key anyone who reaches the mesh port could join, so nobody outside may reach it. */
function checkReach (config: EdgeConfig, sourceOf: (key: string) => Layer | undefined): void {
  if (config.networkKeyFile === undefined) {
    for (const key of ['listen', 'join'] as const) {
      const index = config[key].findIndex((address) => !isLoopbackMultiaddr(address))
      if (index === -1) continue
      const where = sourceOf(key)?.where([key, index]) ?? key
      throw new ConfigError(`${where} is ${quote(config[key][index])}: expected a loopback address, such as /ip4/127.0.0.1/tcp/4001, as long as there is no network key (give --network-key FILE)`)
    }
  }
  if (!isLoopbackHost(config.admin.host)) {
    const source = sourceOf('admin')
    throw new ConfigError(`${source?.where(['admin']) ?? 'admin'} is ${quote(source?.values.admin)}: expected a loopback address, such as 127.0.0.1:9090, as any other needs a token and tokens are not available yet`)
  }
}

/** A host must lead to one site, and a name to one set of keys. */
function checkSites (config: EdgeConfig, sourceOf: (key: string) => Layer | undefined): void {
  const where = (...path: readonly PropertyKey[]): string => sourceOf('sites')?.where(['sites', ...path]) ?? 'sites'
  const names = new Set<string>()
  const hosts = new Set<string>()
  for (const [index, site] of config.sites.entries()) {
    if (names.has(site.name)) throw new ConfigError(`${where(index, 'name')} is ${quote(site.name)}: expected a name that no other site has`)
    names.add(site.name)
    if (site.origin !== undefined && site.origins !== undefined) throw new ConfigError(`${where(index, 'origins')} is ${quote(site.origins)}: expected either origin or origins, not both`)
    for (const [at, host] of site.hosts.entries()) {
      if (hosts.has(host)) throw new ConfigError(`${where(index, 'hosts', at)} is ${quote(host)}: expected a host that no other site answers for`)
      hosts.add(host)
    }
  }
}

/** A flag's name written as a key leads to the key: `data` to dataDir, `origin` to sites. */
function keyAliases (): Record<string, string> {
  return Object.fromEntries(options.flatMap(({ key, flag }) => {
    const camel = flag.replace(/-(.)/g, (_match, letter: string) => letter.toUpperCase())
    return [[flag, key], [camel, key]].filter(([alias]) => alias !== key)
  }))
}

/** `['sites', 0, 'origin']` as people write it: `sites[0].origin`. */
function dotted (path: readonly PropertyKey[]): string {
  return path.map((key, index) => typeof key === 'number' ? `[${key}]` : `${index === 0 ? '' : '.'}${String(key)}`).join('')
}

/** A value as it fits into a sentence. */
function quote (value: unknown): string {
  if (value === undefined) return 'missing'
  const text = JSON.stringify(value) ?? String(value)
  return text.length > 120 ? `${text.slice(0, 117)}...` : text
}

function freezeDeep<T> (value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value)
    for (const each of Object.values(value)) freezeDeep(each)
  }
  return value
}
