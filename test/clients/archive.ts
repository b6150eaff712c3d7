/**
 * A Debian archive with one suite, as small as apt takes it: packages built by dpkg-deb, an index in two
 * codings, also by hash, and an InRelease that is really signed. Its files are served as Debian's mirrors do.
 */
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { sha256, type TestOrigin } from '../support/origin.ts'
import { run } from './program.ts'
import { longAgo, publish } from './published.ts'

const suite = '/debian/dists/stable'
const index = 'main/binary-amd64/Packages'

export class Archive {
  readonly #origin: TestOrigin
  readonly #folder: string
  readonly #entries: string[] = []

  constructor (origin: TestOrigin, folder: string) {
    this.#origin = origin
    this.#folder = folder
  }

  /** The public key by which InRelease is checked. */
  get keyFile (): string { return join(this.#folder, 'archive-key.gpg') }

  async makeKey (): Promise<void> {
    await mkdir(join(this.#folder, 'gnupg'), { mode: 0o700 })
    await this.#gpg('--passphrase', '', '--quick-gen-key', 'Archive <archive@example.org>', 'ed25519', 'sign', 'never')
    await this.#gpg('--output', this.keyFile, '--export')
  }

  /** Builds a package, and publishes it with an index and a Release that have it. */
  async add (name: string, content: Uint8Array): Promise<Buffer> {
    const tree = join(this.#folder, name)
    await mkdir(join(tree, 'DEBIAN'), { recursive: true })
    await mkdir(join(tree, 'usr/share', name), { recursive: true })
    // What umask made of it is not what dpkg-deb asks for.
    await chmod(join(tree, 'DEBIAN'), 0o755)
    const control = [`Package: ${name}`, 'Version: 1.0', 'Architecture: all', 'Maintainer: Archive <archive@example.org>', `Description: ${name} of the test\n`].join('\n')
    await writeFile(join(tree, 'DEBIAN/control'), control)
    await writeFile(join(tree, 'usr/share', name, 'content'), content)
    const deb = `${tree}.deb`
    await run('dpkg-deb', ['--root-owner-group', '--build', tree, deb], { cwd: this.#folder })
    const bytes = await readFile(deb)
    const path = `pool/main/${name}_1.0_all.deb`
    this.#entries.push(`${control}Filename: ${path}\nSize: ${bytes.byteLength}\nSHA256: ${sha256(bytes)}\n`)
    publish(this.#origin, `/debian/${path}`, bytes)
    await this.#release()
    return bytes
  }

  async #release (): Promise<void> {
    // Another second each time: by it alone apt asks whether something changed.
    const modified = new Date(longAgo.getTime() + this.#entries.length * 1000)
    const packages = Buffer.from(this.#entries.join('\n'))
    const files = new Map([[index, packages], [`${index}.gz`, gzipSync(packages)]])
    const lines = [
      'Origin: Test', 'Suite: stable', 'Codename: stable', `Date: ${modified.toUTCString()}`,
      'Architectures: amd64', 'Components: main', 'Acquire-By-Hash: yes', 'SHA256:'
    ]
    for (const [name, bytes] of files) {
      lines.push(` ${sha256(bytes)} ${bytes.byteLength} ${name}`)
      publish(this.#origin, `${suite}/${name}`, bytes)
      publish(this.#origin, `${suite}/main/binary-amd64/by-hash/SHA256/${sha256(bytes)}`, bytes)
    }
    const release = join(this.#folder, 'Release')
    await writeFile(release, `${lines.join('\n')}\n`)
    await this.#gpg('--output', `${release}.signed`, '--clearsign', release)
    publish(this.#origin, `${suite}/InRelease`, await readFile(`${release}.signed`), { modified })
  }

  async close (): Promise<void> {
    await run('gpgconf', ['--homedir', join(this.#folder, 'gnupg'), '--kill', 'all'], { cwd: this.#folder })
  }

  async #gpg (...args: string[]): Promise<void> {
    await run('gpg', ['--homedir', join(this.#folder, 'gnupg'), '--batch', '--yes', '--quiet', '--pinentry-mode', 'loopback', ...args], { cwd: this.#folder })
  }
}
