/**
 * `colony get`: published content from the mesh, at a read level, to a file or standard output. Its bytes are checked against
 * the version's hash at the end; a file is only there once they were right.
 */
import { createHash } from 'node:crypto'
import { open, rename, rm } from 'node:fs/promises'
import { once } from 'node:events'
import { codeOf, messageOf } from '../../protocols/errors.ts'
import { isReadLevel } from '../../protocols/publish/reader.ts'
import { AdminError, sendRequest } from '../admin.ts'
import { type Command, type Given, UsageError } from '../command.ts'
import { contentPath, nameOf, placeOf, urlHelp } from '../content.ts'
import { formatBytes } from '../units.ts'

export const get: Command = {
  name: 'get',
  summary: 'reads published content, at a level of consistency',
  description: 'one: whatever the first edge that has it says. quorum: the newest that a majority of the object\'s edges knows.\nall: the newest of all of them, or a failure.',
  flags: [
    { name: 'consistency', placeholder: 'LEVEL', help: 'one, quorum or all', byDefault: 'one' },
    { name: 'version', placeholder: 'VERSION', help: 'an older version, as put and ls show it', byDefault: 'the newest' },
    { name: 'output', placeholder: 'FILE', help: 'where it goes', byDefault: 'standard output' }
  ],
  operands: { placeholder: 'URL', help: urlHelp, min: 1, max: 1 },
  example: 'colony get --consistency quorum --output app.js http://127.0.0.1:8080/app.js\ncolony get default:/app.js',
  run
}

async function run (given: Given, [url = '']: readonly string[]): Promise<void> {
  const level = typeof given.consistency === 'string' ? given.consistency : 'one'
  if (!isReadLevel(level)) throw new UsageError(`--consistency is ${JSON.stringify(level)}: expected one, quorum or all`)
  const place = await placeOf(given, url)
  const version = typeof given.version === 'string' ? given.version : undefined
  const response = await sendRequest(given, { method: 'GET', path: contentPath(place, { body: '', consistency: level, version }) })
  const etag = response.headers.get('etag')
  const hash = createHash('sha256')
  const output = typeof given.output === 'string' ? await FileOutput.open(given.output) : new StandardOutput()
  let bytes = 0
  try {
    for await (const chunk of (response.body ?? []) as AsyncIterable<Uint8Array>) {
      hash.update(chunk)
      bytes += chunk.byteLength
      await output.write(chunk)
    }
    if (etag !== `"${hash.digest('base64url')}"`) throw new AdminError(`the ${bytes} bytes of ${nameOf(place)} are not those of its version ${response.headers.get('colony-version') ?? ''}: ask again`)
    await output.finish()
  } catch (error) {
    await output.drop()
    if (error instanceof AdminError) throw error
    throw new AdminError(`${nameOf(place)} broke off after ${formatBytes(bytes)}: ${messageOf((error as { cause?: unknown }).cause ?? error)}`, { cause: error })
  }
  if (typeof given.output === 'string') process.stderr.write(`${nameOf(place)}: ${formatBytes(bytes)} to ${given.output}, version ${response.headers.get('colony-version') ?? ''}\n`)
}

class StandardOutput {
  async write (chunk: Uint8Array): Promise<void> {
    if (!process.stdout.write(chunk)) await once(process.stdout, 'drain')
  }

  async finish (): Promise<void> {}
  async drop (): Promise<void> {}
}

class FileOutput {
  readonly #path: string
  readonly #handle: Awaited<ReturnType<typeof open>>

  private constructor (path: string, handle: Awaited<ReturnType<typeof open>>) {
    this.#path = path
    this.#handle = handle
  }

  static async open (path: string): Promise<FileOutput> {
    try {
      return new FileOutput(path, await open(`${path}.part`, 'w'))
    } catch (error) {
      throw new UsageError(`--output is ${JSON.stringify(path)}: it cannot be written (${codeOf(error) ?? messageOf(error)})`)
    }
  }

  async write (chunk: Uint8Array): Promise<void> { await this.#handle.writeFile(chunk) }

  async finish (): Promise<void> {
    await this.#handle.close()
    await rename(`${this.#path}.part`, this.#path)
  }

  async drop (): Promise<void> {
    await this.#handle.close().catch(() => {})
    await rm(`${this.#path}.part`, { force: true })
  }
}
