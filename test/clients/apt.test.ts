/**
 * Issue item 9: apt against a Debian archive that two edges mirror, the second of which never had an origin.
 * The edge stands in sources.list as the mirror's host. apt checks the signature of InRelease and, by
 * it, the hash of every index and package; it runs with folders of its own and changes nothing here.
 */
import { mkdir, readFile, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { TestEdge } from '../support/edges.ts'
import { bytesOf, TestOrigin } from '../support/origin.ts'
import { Archive } from './archive.ts'
import { Mirror } from './mirror.ts'
import { leftOut, run, type Ran } from './program.ts'
import { longAgo } from './published.ts'

describe.skipIf(leftOut('apt-get', 'dpkg-deb', 'gpg', 'gpgv'))('apt updates and downloads through two edges', () => {
  let origin: TestOrigin
  let mirror: Mirror
  let archive: Archive
  let debs: Buffer[]
  let clients = 0

  beforeAll(async () => {
    origin = await new TestOrigin().start()
    mirror = await Mirror.start({ origin: origin.url })
    archive = new Archive(origin, mirror.folder)
    await archive.makeKey()
    debs = [await archive.add('first-piece', bytesOf('first', 400_000)), await archive.add('second-piece', bytesOf('second', 90_000))]
  })
  afterAll(async () => {
    await archive.close()
    await mirror.stop()
    await origin.close()
  })

  /** A new apt, which knows nothing but its mirror. */
  async function client (edge: TestEdge): Promise<{ readonly folder: string, readonly apt: (...args: string[]) => Promise<Ran> }> {
    const folder = join(mirror.folder, `apt-${++clients}`)
    for (const each of ['etc/apt/apt.conf.d', 'etc/apt/preferences.d', 'var/lib/apt/lists/partial', 'var/lib/dpkg', 'var/cache/apt/archives/partial']) await mkdir(join(folder, each), { recursive: true })
    await writeFile(join(folder, 'var/lib/dpkg/status'), '')
    await writeFile(join(folder, 'etc/apt/sources.list'), `deb [signed-by=${archive.keyFile}] ${edge.http}/debian stable main\n`)
    const settings = join(folder, 'apt.conf')
    await writeFile(settings, [
      `Dir "${folder}";`, 'APT::Architecture "amd64";', 'APT::Architectures { "amd64"; };', 'APT::Sandbox::User "";',
      'Acquire::Languages "none";', 'Acquire::Retries "0";'
    ].join('\n'))
    const apt = async (...args: string[]): Promise<Ran> => await run('apt-get', args, { cwd: folder, env: { APT_CONFIG: settings }, show: /^(Get|Hit|Ign|Err|Fetched|Range|Content-Range|HTTP|[EW]:)/i })
    return { folder, apt }
  }

  async function downloads (edge: TestEdge): Promise<void> {
    const { folder, apt } = await client(edge)
    expect((await apt('update', '--error-on=any')).text).toMatch(/^Get:1 .* InRelease/m)
    await apt('download', 'first-piece', 'second-piece')
    for (const [at, name] of ['first-piece', 'second-piece'].entries()) {
      expect((await readFile(join(folder, `${name}_1.0_all.deb`))).equals(debs[at] as Buffer), name).toBe(true)
    }
  }

  /** What the archive was asked since `from`; apt asks for several things at once. */
  const asked = (from = 0): string[] => origin.seen.slice(from).map(({ url, headers }) => `${url.replace(/.*\//, '').replace(/[0-9a-f]{64}/, 'by-hash')}${headers['if-none-match'] === undefined ? '' : ' if changed'}`).toSorted()

  it('the second time with no more than questions whether something changed', async () => {
    await downloads(mirror.one)
    const files = ['InRelease', 'by-hash', 'first-piece_1.0_all.deb', 'second-piece_1.0_all.deb']
    expect(asked()).toEqual(files)
    await downloads(mirror.one)
    expect(asked(files.length)).toEqual(files.map((file) => `${file} if changed`))
  })

  it('and sees at once that the archive has changed, and that it has not', async () => {
    const { folder, apt } = await client(mirror.one)
    await apt('update', '--error-on=any')
    expect((await apt('update', '--error-on=any')).text).toMatch(/^Hit:1 .* InRelease/m)
    const third = await archive.add('third-piece', bytesOf('third', 50_000))
    expect((await apt('update', '--error-on=any')).text).toMatch(/^Get:1 .* InRelease/m)
    await apt('download', 'third-piece')
    expect((await readFile(join(folder, 'third-piece_1.0_all.deb'))).equals(third)).toBe(true)
  })

  it('and goes on with a package that was cut', async () => {
    const { folder, apt } = await client(mirror.one)
    await apt('update', '--error-on=any')
    const archives = join(folder, 'var/cache/apt/archives')
    const part = join(archives, 'partial/first-piece_1.0_all.deb')
    await writeFile(part, (debs[0] as Buffer).subarray(0, 150_000))
    // apt gives a cut file its Last-Modified, and takes it for If-Range.
    await utimes(part, longAgo, longAgo)
    const { text } = await apt('-o', 'Debug::Acquire::http=1', 'install', '--download-only', '--yes', 'first-piece')
    expect(text).toContain('Range: bytes=150000-')
    expect(text).toContain('HTTP/1.1 206')
    expect((await readFile(join(archives, 'first-piece_1.0_all.deb'))).equals(debs[0] as Buffer)).toBe(true)
  })

  it('from the one that never had an archive, the other\'s being dead', async () => {
    await downloads(mirror.one)
    await origin.close()
    await downloads(mirror.two)
    await downloads(mirror.one)
    expect((await mirror.two.status()).traffic.originFetches).toBe(0)
  })
})
