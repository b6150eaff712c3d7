/** The daemon's configuration: which source wins, what is refused, and in which words. */
import { describe, expect, it } from 'vitest'
import { ConfigError, type EdgeConfig, loadConfig } from '../../daemon/config.ts'
import { options } from '../../daemon/flags.ts'
import { settingsDefaults } from '../../daemon/settings.ts'

interface Given {
  readonly flags?: readonly string[]
  readonly env?: Record<string, string>
  readonly file?: string
}

function load ({ flags = [], env = {}, file }: Given): EdgeConfig {
  const argv = file === undefined ? flags : ['--config', 'c.yaml', ...flags]
  const read = loadConfig(argv, env, (path) => {
    if (path === 'c.yaml' && file !== undefined) return file
    throw Object.assign(new Error(`no ${path}`), { code: 'ENOENT' })
  })
  if (read.kind !== 'run') throw new Error(`expected a configuration, not ${read.kind}`)
  return read.config
}

/** The sentence with which the configuration is refused. */
function refusal (given: Given): string {
  try {
    load(given)
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    expect(error.code).toBe('COLONY_CONFIG')
    expect(error.message).not.toContain('\n')
    return error.message
  }
  throw new Error('expected a refusal')
}

describe('defaults', () => {
  it('makes a loopback edge without sites when nothing is given', () => {
    expect(load({})).toMatchObject({
      region: 'default',
      weight: 1,
      dataDir: './colony-data',
      http: { host: '127.0.0.1', port: 8080 },
      admin: { host: '127.0.0.1', port: 9090 },
      listen: ['/ip4/127.0.0.1/tcp/0'],
      announce: [],
      join: [],
      workers: 0,
      logLevel: 'info',
      sites: [],
      settings: settingsDefaults
    })
    expect(load({}).name).toMatch(/^[A-Za-z0-9._-]{1,63}$/)
    expect(load({})).not.toHaveProperty('zone')
    expect(load({})).not.toHaveProperty('networkKeyFile')
  })

  it('listens on all interfaces once there is a network key', () => {
    expect(load({ flags: ['--network-key', 'k'] }).listen).toEqual(['/ip4/0.0.0.0/tcp/0'])
  })

  it('freezes the whole object', () => {
    const config = load({ flags: ['--origin', 'http://o'], file: 'settings: { fetch: {} }' })
    for (const value of [config, config.http, config.listen, config.sites, config.sites[0], config.settings, config.settings.fetch]) {
      expect(Object.isFrozen(value)).toBe(true)
    }
  })
})

describe('sources', () => {
  it('prefers the flag, then the environment, then the file, then the default', () => {
    const file = 'region: from-file'
    const env = { COLONY_REGION: 'from-env' }
    expect(load({ flags: ['--region', 'from-flag'], env, file }).region).toBe('from-flag')
    expect(load({ env, file }).region).toBe('from-env')
    expect(load({ file }).region).toBe('from-file')
    expect(load({}).region).toBe('default')
  })

  it('reads every field from its flag', () => {
    const config = load({
      flags: [
        '--data', 'd', '--name', 'n', '--region', 'r', '--zone', 'z', '--weight', '2.5', '--http', '[::1]:1', '--admin=localhost:2',
        '--listen', '/ip4/10.0.0.1/tcp/3', '--listen', '/ip6/::/tcp/4', '--announce', '/dns4/a.example/tcp/3',
        '--join', '/ip4/10.0.0.2/tcp/3', '--network-key', 'k', '--workers', '0', '--log-level', 'warn', '--origin', 'https://o.example/base'
      ]
    })
    expect(config).toEqual({
      dataDir: 'd',
      name: 'n',
      region: 'r',
      zone: 'z',
      weight: 2.5,
      http: { host: '::1', port: 1 },
      admin: { host: 'localhost', port: 2 },
      listen: ['/ip4/10.0.0.1/tcp/3', '/ip6/::/tcp/4'],
      announce: ['/dns4/a.example/tcp/3'],
      join: ['/ip4/10.0.0.2/tcp/3'],
      networkKeyFile: 'k',
      workers: 0,
      logLevel: 'warn',
      sites: [{ name: 'default', hosts: ['*'], origin: 'https://o.example/base', defaultTtlMs: 0, hostHeader: 'origin' }],
      settings: settingsDefaults
    })
  })

  it('splits lists in the environment at commas and takes an empty variable for absent', () => {
    const config = load({ env: { COLONY_JOIN: '/ip4/127.0.0.1/tcp/1, /ip4/127.0.0.1/tcp/2', COLONY_REGION: '' } })
    expect(config.join).toEqual(['/ip4/127.0.0.1/tcp/1', '/ip4/127.0.0.1/tcp/2'])
    expect(config.region).toBe('default')
  })

  it('takes the admin address as the URL that the colony command uses', () => {
    expect(load({ env: { COLONY_ADMIN: 'http://127.0.0.1:9191/' } }).admin).toEqual({ host: '127.0.0.1', port: 9191 })
  })

  it('finds the file by COLONY_CONFIG', () => {
    const read = loadConfig([], { COLONY_CONFIG: 'f' }, () => 'zone: rack-2')
    expect(read).toMatchObject({ kind: 'run', config: { zone: 'rack-2' } })
  })

  it('reads sites and settings of the file', () => {
    const config = load({
      file: `
name: fra-1
http: 0.0.0.0:80
join: [/ip4/127.0.0.1/tcp/4001]
sites:
  - { name: shop, hosts: [Shop.Example, www.shop.example], origin: 'http://10.0.0.5:8000', defaultTtlMs: 60000 }
  - { name: rest, hosts: ['*'], origin: 'https://rest.example/files', hostHeader: preserve }
settings: { fetch: { ${firstFetchSetting}: 7 } }
`
    })
    expect(config.sites).toEqual([
      { name: 'shop', hosts: ['shop.example', 'www.shop.example'], origin: 'http://10.0.0.5:8000/', defaultTtlMs: 60_000, hostHeader: 'origin' },
      { name: 'rest', hosts: ['*'], origin: 'https://rest.example/files', defaultTtlMs: 0, hostHeader: 'preserve' }
    ])
    expect(config.settings).toEqual({ ...settingsDefaults, fetch: { ...settingsDefaults.fetch, [firstFetchSetting]: 7 } })
  })

  it('lets --origin replace the sites of the file', () => {
    const file = 'sites: [{ name: a, hosts: [a], origin: "http://a" }]'
    expect(load({ flags: ['--origin', 'http://o'], file }).sites.map(({ name }) => name)).toEqual(['default'])
  })

  it('takes an empty file for one that says nothing', () => {
    expect(load({ file: '' })).toEqual(load({}))
  })
})

const firstFetchSetting = Object.keys(settingsDefaults.fetch)[0]!

describe('refusals name the place, the value and what is allowed', () => {
  const hostPort = 'expected HOST:PORT, such as 127.0.0.1:8080'
  const origin = 'expected an http or https URL without credentials, query or fragment, such as http://127.0.0.1:8000'
  const site = (text: string): Given => ({ file: `sites: [{ name: a, hosts: [a], origin: "http://a", ${text} }]` })
  it.each<[string, Given, string]>([
    ['a bad port in a flag', { flags: ['--http', '8080x'] }, `--http is "8080x": ${hostPort}`],
    ['a port out of range', { flags: ['--http', 'a:65536'] }, `--http is "a:65536": ${hostPort}`],
    ['a mistyped address', { flags: ['--http', '127.0.1:80'] }, `--http is "127.0.1:80": ${hostPort}`],
    ['the same in the environment', { env: { COLONY_HTTP: '8080' } }, `environment COLONY_HTTP is "8080": ${hostPort}`],
    ['the same in the file', { file: 'http: 8080' }, `http in file c.yaml is 8080: ${hostPort}`],
    ['a faulty file under a good flag', { flags: ['--region', 'r'], file: 'region: a/b' }, 'region in file c.yaml is "a/b": expected a name of up to 63 letters, digits, ".", "_" or "-", such as fra-1'],
    ['a region that is called as the group of all regions', { flags: ['--region', 'global'] }, '--region is "global": expected another name, as the group of all regions is called so'],
    ['an origin with credentials', { flags: ['--origin', 'http://u:p@o'] }, `--origin is "http://u:p@o": ${origin}`],
    ['an origin with a query', { env: { COLONY_ORIGIN: 'http://o/?' } }, `environment COLONY_ORIGIN is "http://o/?": ${origin}`],
    ['an origin of another scheme', { flags: ['--origin', 'ftp://o'] }, `--origin is "ftp://o": ${origin}`],
    ['what is no multiaddr', { flags: ['--join', '/ip4/127.0.0.1/tcp/1', '--join', 'host:1'] }, '--join is "host:1": expected a multiaddr, such as /ip4/127.0.0.1/tcp/4001'],
    ['listening without TCP', { flags: ['--listen', '/ip4/127.0.0.1/udp/1'] }, '--listen is "/ip4/127.0.0.1/udp/1": expected a TCP multiaddr, such as /ip4/127.0.0.1/tcp/4001'],
    ['listening nowhere', { file: 'listen: []' }, 'listen in file c.yaml is []: expected at least one multiaddr'],
    ['a text for a list', { file: 'join: /ip4/127.0.0.1/tcp/1' }, 'join in file c.yaml is "/ip4/127.0.0.1/tcp/1": expected a list of multiaddrs, such as [/ip4/127.0.0.1/tcp/4001]'],
    ['a weight of nothing', { flags: ['--weight', '0'] }, '--weight is "0": expected a number above 0 and up to 16, such as 2'],
    ['an unknown level', { flags: ['--log-level', 'loud'] }, '--log-level is "loud": expected debug, info, warn, error or silent'],
    ['worker threads', { flags: ['--workers', '2'] }, '--workers is "2": expected 0, as worker threads are not available yet'],
    ['a missing file', { flags: ['--config', 'nope'] }, '--config is "nope": expected a readable YAML file, but there is no such file'],
    ['a file that is no map', { file: '- a' }, '--config is "c.yaml": expected a YAML map with keys such as region, http and sites'],
    ['an unknown key', { file: 'regoin: x' }, 'regoin in file c.yaml is not a known key: did you mean region?'],
    ['a flag\'s name for a key', { file: 'origin: x' }, 'origin in file c.yaml is not a known key: did you mean sites?'],
    ['an unknown key of a site', site('hots: [a]'), 'sites[0].hots in file c.yaml is not a known key: did you mean hosts?'],
    ['a site that is neither published to nor not', { file: 'sites: [{ name: a, hosts: [a], published: often }]' }, 'sites[0].published in file c.yaml is "often": expected true or false'],
    ['a host with a port', { file: 'sites: [{ name: a, hosts: ["a:80"], origin: "http://a" }]' }, 'sites[0].hosts[0] in file c.yaml is "a:80": expected a host name without a port, such as cdn.example.org, or "*"'],
    ['a lifetime in words', site('defaultTtlMs: 1h'), 'sites[0].defaultTtlMs in file c.yaml is "1h": expected whole milliseconds from 0, such as 60000'],
    ['an unknown part', { file: 'settings: { fecth: {} }' }, 'settings.fecth in file c.yaml is not a known key: did you mean fetch?'],
    ['a negative setting', { file: `settings: { fetch: { ${firstFetchSetting}: -1 } }` }, `settings.fetch.${firstFetchSetting} in file c.yaml is -1: expected a whole number from 0`],
    ['two sites of one name', { file: 'sites: [{ name: a, hosts: [a], origin: "http://a" }, { name: a, hosts: [b], origin: "http://b" }]' }, 'sites[1].name in file c.yaml is "a": expected a name that no other site has'],
    ['two sites for one host', { file: 'sites: [{ name: a, hosts: [h], origin: "http://a" }, { name: b, hosts: [g, H], origin: "http://b" }]' }, 'sites[1].hosts[1] in file c.yaml is "h": expected a host that no other site answers for'],
    ['an origin and several', site('origins: ["http://b"]'), 'sites[0].origins in file c.yaml is ["http://b/"]: expected either origin or origins, not both'],
    ['no origin in a list', { file: 'sites: [{ name: a, hosts: [a], origins: [] }]' }, 'sites[0].origins in file c.yaml is []: expected at least one URL'],
    ['a faulty origin in a list', { file: 'sites: [{ name: a, hosts: [a], origins: ["http://a", "ftp://b"] }]' }, `sites[0].origins[1] in file c.yaml is "ftp://b": ${origin}`],
    ['an unknown flag', { flags: ['--regoin', 'x'] }, '--regoin is not a flag of colonyd: did you mean --region?'],
    ['a flag like no other', { flags: ['--verbose'] }, '--verbose is not a flag of colonyd: see --help'],
    ['a flag without value', { flags: ['--region', '--zone', 'z'] }, '--region has no value: expected --region REGION'],
    ['a last flag without value', { flags: ['--join'] }, '--join has no value: expected --join MULTIADDR'],
    ['a value without flag', { flags: ['fra'] }, '"fra" is not a flag: every value follows its flag (see --help)']
  ])('refuses %s', (_what, given, sentence) => {
    expect(refusal(given)).toBe(sentence)
  })

  it('says in one line where the YAML is broken', () => {
    expect(refusal({ file: 'a: [1\nb: 2' })).toMatch(/^--config is "c\.yaml": expected a readable YAML file, but .+ line \d+/)
  })
})

describe('reach', () => {
  it.each([
    ['--listen', '/ip4/0.0.0.0/tcp/4001'], ['--listen', '/ip6/::/tcp/1'], ['--listen', '/ip4/128.0.0.1/tcp/1'],
    ['--join', '/dns4/edge.example/tcp/4001'], ['--join', '/ip4/192.168.1.2/tcp/4001']
  ])('refuses %s %s without a network key and takes it with one', (flag, address) => {
    const sentence = refusal({ flags: [flag, address] })
    expect(sentence).toContain(`${flag} is "${address}"`)
    expect(sentence).toContain('--network-key FILE')
    expect(() => load({ flags: [flag, address, '--network-key', 'k'] })).not.toThrow()
  })

  it.each(['/ip4/127.0.0.1/tcp/1', '/ip4/127.9.9.9/tcp/1', '/ip6/::1/tcp/1', '/dns4/localhost/tcp/1'])('takes %s without a network key', (address) => {
    expect(load({ flags: ['--listen', address, '--join', address] })).toMatchObject({ listen: [address], join: [address] })
  })

  it.each(['0.0.0.0:9090', '10.0.0.1:9090', '[::]:9090', 'edge.example:9090'])('refuses the admin listener on %s, which would need a token', (address) => {
    expect(refusal({ flags: ['--admin', address] })).toBe(`--admin is "${address}": expected a loopback address, such as 127.0.0.1:9090, as any other needs a token and tokens are not available yet`)
  })

  it('lets clients in from anywhere', () => {
    expect(load({ flags: ['--http', '0.0.0.0:80'] }).http).toEqual({ host: '0.0.0.0', port: 80 })
  })
})

describe('help and version', () => {
  it('names every flag with its variable and default', () => {
    const read = loadConfig(['--help', '--region', 'x'], {})
    if (read.kind !== 'help') throw new Error(read.kind)
    for (const { flag, variable, byDefault } of options) {
      expect(read.text).toContain(`--${flag} `)
      expect(read.text).toContain(`(${variable}; default: ${byDefault})`)
    }
    expect(read.text).toContain('example:')
  })

  it('prints the version of the package', () => {
    const read = loadConfig(['--version'], {})
    expect(read).toMatchObject({ kind: 'version', text: expect.stringMatching(/^colonyd \d+\.\d+\.\d+/) })
  })

  it('refuses a bad flag beside --help', () => {
    expect(() => loadConfig(['--help', '--nope'], {})).toThrow(ConfigError)
  })
})
