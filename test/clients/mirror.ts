/** Two edges of a region that mirror one site: the first from its origin, the second has one that was never there. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { steady, Swarm, type TestEdge } from '../support/edges.ts'

export interface MirrorInit {
  readonly origin: string
  /** For answers that state no lifetime. Default: 0. */
  readonly defaultTtlMs?: number
}

export class Mirror {
  readonly #swarm: Swarm
  readonly one: TestEdge
  readonly two: TestEdge
  /** For the clients' files. */
  readonly folder: string

  private constructor (swarm: Swarm, one: TestEdge, two: TestEdge, folder: string) {
    this.#swarm = swarm
    this.one = one
    this.two = two
    this.folder = folder
  }

  static async start ({ origin, defaultTtlMs = 0 }: MirrorInit): Promise<Mirror> {
    const folder = await mkdtemp(join(tmpdir(), 'colony-client-'))
    const swarm = new Swarm()
    const config = async (name: string, url: string): Promise<string[]> => {
      const file = join(folder, `${name}.yaml`)
      await writeFile(file, JSON.stringify({ sites: [{ name: 'mirror', hosts: ['*'], origin: url, defaultTtlMs }] }))
      return ['--config', file]
    }
    const one = await swarm.start({ name: 'edge-1', settings: steady, flags: await config('one', origin) })
    // Nothing listens on port 1.
    const two = await swarm.start({ name: 'edge-2', settings: steady, flags: await config('two', 'http://127.0.0.1:1'), join: [one.listen] })
    await swarm.whole()
    return new Mirror(swarm, one, two, folder)
  }

  async stop (): Promise<void> {
    await this.#swarm.stop()
    await rm(this.folder, { recursive: true, force: true, maxRetries: 5 })
  }
}
