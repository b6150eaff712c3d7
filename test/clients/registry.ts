/**
 * A small npm registry that says as little as some do: packuments and tarballs without Cache-Control,
 * Expires, ETag and Last-Modified. Tarballs are made by `npm pack`, and named in packuments by the
 * registry's own host, as registries do. npm asks for a package's short document when it installs, and
 * for the full one when it tells about it; which of the two it gets goes by Accept.
 */
import { createHash } from 'node:crypto'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { TestOrigin } from '../support/origin.ts'
import { run } from './program.ts'

export interface Manifest {
  readonly name: string
  readonly version: string
  readonly dependencies?: Readonly<Record<string, string>>
}

/** The short document (npm/registry, package-metadata.md). */
const short = 'application/vnd.npm.install-v1+json'

export class Registry extends TestOrigin {
  readonly #vary: boolean
  readonly #versions = new Map<string, Record<string, object>>()

  /** @param vary whether it says that its documents go by Accept */
  constructor (vary = true) {
    super()
    this.#vary = vary
  }

  /**
   * @param code of the package's one module
   * @returns the tarball's integrity, as clients note it in their lock
   */
  async publish (manifest: Manifest, code: string, folder: string): Promise<string> {
    const { name, version } = manifest
    const source = join(folder, `${name.replace('/', '-')}-${version}`)
    await mkdir(source, { recursive: true })
    await writeFile(join(source, 'package.json'), JSON.stringify({ ...manifest, main: 'index.js', files: ['index.js'], license: 'MIT' }))
    await writeFile(join(source, 'index.js'), code)
    const packed = await run('npm', ['pack', '--silent'], { cwd: source })
    const tarball = await readFile(join(source, packed.text.trim()))
    const integrity = `sha512-${createHash('sha512').update(tarball).digest('base64')}`
    const path = `/${name}/-/${name.split('/').at(-1)}-${version}.tgz`
    this.on(path, (_request, response) => { response.writeHead(200, { 'content-type': 'application/octet-stream', 'content-length': tarball.byteLength }).end(tarball) })

    const shasum = createHash('sha1').update(tarball).digest('hex')
    const versions = { ...this.#versions.get(name), [version]: { ...manifest, dist: { tarball: `${this.url}${path}`, integrity, shasum } } }
    this.#versions.set(name, versions)
    const document = { name, 'dist-tags': { latest: version }, versions }
    // npm writes the slash of a scope as %2f, an edge in its normal form.
    for (const packument of [`/${name}`, `/${name.replace('/', '%2f')}`, `/${name.replace('/', '%2F')}`]) {
      this.on(packument, (request, response) => {
        const isShort = request.headers.accept?.includes(short) === true
        response.writeHead(200, { 'content-type': isShort ? short : 'application/json', ...this.#vary && { vary: 'Accept' } })
        response.end(JSON.stringify(isShort ? document : { ...document, description: `all about ${name}` }))
      })
    }
    return integrity
  }
}
