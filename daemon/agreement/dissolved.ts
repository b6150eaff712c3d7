/**
 * What groups that dissolved had agreed on, kept until somebody has made conflicts of it: a file each, written before the log
 * is dropped. A crash in between writes it again.
 */
import { mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { codeOf } from '../../protocols/errors.ts'
import type { Dissolved } from '../../protocols/raft/group.ts'
import { decodeFrame, encodeFrame } from '../../protocols/wire.ts'

const suffix = '.dissolved'

export class DissolvedGroups {
  readonly #folder: string

  constructor (folder: string) { this.#folder = folder }

  /** Synced when it resolves. */
  async keep ({ group, index, snapshot }: Dissolved): Promise<void> {
    await mkdir(this.#folder, { recursive: true })
    const path = this.#path(group)
    const file = await open(`${path}.new`, 'w')
    try {
      await file.writeFile(encodeFrame({ group, index }, snapshot).subarray())
      await file.sync()
    } finally {
      await file.close()
    }
    await rename(`${path}.new`, path)
    const folder = await open(this.#folder, 'r')
    await folder.sync().finally(async () => { await folder.close() })
  }

  async all (): Promise<Dissolved[]> {
    const names = await readdir(this.#folder).catch((error: unknown) => {
      if (codeOf(error) === 'ENOENT') return []
      throw error
    })
    return await Promise.all(names.filter((name) => name.endsWith(suffix)).sort().map(async (name) => {
      const { head, payload } = decodeFrame(await readFile(join(this.#folder, name)))
      return { group: String(head.group), index: Number(head.index), snapshot: payload }
    }))
  }

  /** Its entries are listed as conflicts now. */
  async forget (group: string): Promise<void> { await rm(this.#path(group), { force: true }) }

  #path (group: string): string { return join(this.#folder, `${encodeURIComponent(group)}${suffix}`) }
}
