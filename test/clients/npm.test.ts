/**
 * Issue item 9: npm against a registry that two edges mirror, the second of which never had an origin.
 * The registry states no lifetimes and sends no validators (registry.ts). Each client begins with an empty
 * cache of its own; npm itself checks every tarball against the integrity in the packument or the lock.
 */
import { cp, mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import type { TestEdge } from '../support/edges.ts'
import { Mirror } from './mirror.ts'
import { run, type Ran } from './program.ts'
import { Registry } from './registry.ts'

let registry: Registry
let mirror: Mirror
/** Of the tarballs that a client installs. */
let integrities: string[]
let clients: number

afterEach(async () => {
  await mirror.stop()
  await registry.close()
})

/** Two packages, one needing the other, and edges that mirror their registry. */
async function setUp (init: { readonly vary?: boolean, readonly defaultTtlMs?: number }): Promise<void> {
  clients = 0
  registry = new Registry(init.vary)
  await registry.start()
  mirror = await Mirror.start({ origin: registry.url, defaultTtlMs: init.defaultTtlMs })
  integrities = [
    await registry.publish({ name: 'greeter', version: '1.0.0', dependencies: { '@colony/words': '^2.0.0' } }, 'console.log(require("@colony/words").join(" "))', mirror.folder),
    await registry.publish({ name: '@colony/words', version: '2.1.0' }, 'module.exports = ["hello", "from", "npm"]', mirror.folder)
  ]
  await registry.publish({ name: 'greeter', version: '1.1.0' }, '', mirror.folder)
}

/** A new client, which knows nothing but its registry. */
async function client (edge: TestEdge): Promise<(...args: string[]) => Promise<Ran>> {
  const home = join(mirror.folder, `client-${++clients}`)
  await mkdir(home)
  await writeFile(join(home, '.npmrc'), [
    `registry=${edge.http}/`, 'replace-registry-host=always', `cache=${join(home, 'cache')}`,
    'audit=false', 'fund=false', 'update-notifier=false', 'fetch-retries=0', 'loglevel=http'
  ].join('\n'))
  const env = { npm_config_userconfig: join(home, '.npmrc'), npm_config_globalconfig: join(home, 'none') }
  const project = join(home, 'project')
  await mkdir(project)
  await writeFile(join(project, 'package.json'), '{ "name": "client", "private": true }')
  return async (command, ...args) => await run(command, args, { cwd: project, env, statuses: args[0] === 'outdated' ? [1] : [0], show: /^(hello|added|npm http fetch|greeter|\d)/ })
}

const projectOf = (count: number): string => join(mirror.folder, `client-${count}`, 'project')

async function integritiesInLock (): Promise<unknown[]> {
  const { packages } = JSON.parse(await readFile(join(projectOf(clients), 'package-lock.json'), 'utf8')) as { packages: Record<string, { integrity?: string }> }
  return [packages['node_modules/greeter']?.integrity, packages['node_modules/@colony/words']?.integrity]
}

/** Installs with a new client; what it installed must run. */
async function install (edge: TestEdge): Promise<void> {
  const shell = await client(edge)
  await shell('npm', 'install', 'greeter@1.0.0')
  expect((await shell('node', 'node_modules/greeter')).text).toBe('hello from npm\n')
  expect(await integritiesInLock()).toEqual(integrities)
}

/** Long, as each client starts npm a few times. */
describe('npm installs through two edges', { timeout: 120_000 }, () => {
  it('from the one with the registry, then without the registry hearing of it, then from the one that never had a registry, the other\'s being dead', async () => {
    await setUp({ defaultTtlMs: 60_000 })
    await install(mirror.one)
    const asked = registry.seen.map(({ url }) => url)
    expect(asked.toSorted()).toEqual(['/@colony%2Fwords', '/@colony/words/-/words-2.1.0.tgz', '/greeter', '/greeter/-/greeter-1.0.0.tgz'])
    await install(mirror.one)
    expect(registry.seen.length).toBe(asked.length)
    await registry.close()
    await install(mirror.two)
    expect((await mirror.two.status()).traffic).toMatchObject({ originFetches: 0, peerFetches: asked.length })
  })

  it('asking the registry each time where the site has no lifetime for what states none, and with what there is when nobody answers', async () => {
    await setUp({ defaultTtlMs: 0 })
    await install(mirror.one)
    await install(mirror.one)
    expect(registry.seen.length).toBe(8)
    await registry.close()
    for (const edge of [mirror.two, mirror.one, mirror.two]) await install(edge)
  })

  it('from a lock that was made through the other edge', async () => {
    await setUp({ defaultTtlMs: 60_000 })
    await install(mirror.one)
    await registry.close()
    const made = projectOf(clients)
    const shell = await client(mirror.two)
    for (const file of ['package.json', 'package-lock.json']) await cp(join(made, file), join(projectOf(clients), file))
    const { text } = await shell('npm', 'ci')
    expect(text.match(/(?<=GET 200 )http:\/\/[^/]+/g)).toEqual([mirror.two.http, mirror.two.http])
    expect((await shell('node', 'node_modules/greeter')).text).toBe('hello from npm\n')
  })

  it.each([['says', true], ['does not say', false]])('and looks at full and short documents of a registry that %s that they go by Accept', async (_title, vary) => {
    await setUp({ vary, defaultTtlMs: 60_000 })
    for (const edge of [mirror.one, mirror.two]) {
      await install(edge)
      const shell = await client(edge)
      expect((await shell('npm', 'view', 'greeter', 'dist-tags.latest')).text).toContain('1.1.0\n')
      await writeFile(join(projectOf(clients), 'package.json'), '{ "dependencies": { "greeter": "1.0.0" } }')
      expect((await shell('npm', 'outdated')).text).toMatch(/^greeter +MISSING +1\.0\.0 +1\.1\.0/m)
      if (edge === mirror.one) await registry.close()
    }
    const asked = registry.seen.filter(({ url }) => url === '/greeter')
    expect(new Set(asked.map(({ headers }) => headers.accept)).size).toBe(vary ? 2 : 1)
    expect(asked.length).toBe(vary ? 2 : 1)
  })
})
