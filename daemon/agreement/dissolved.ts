/**
 * What groups that dissolved had agreed on, kept until somebody has made conflicts of it: a file each, written before the log
 * is dropped. A crash in between writes it again. A file that cannot be read any more stays where it is, for people, and keeps
 * nothing else from being done.
 */
import { mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { codeOf, messageOf } from '../../protocols/errors.ts'
import type { Dissolved } from '../../protocols/raft/group.ts'
import { decodeFrame, encodeFrame } from '../../protocols/wire.ts'

const suffix = '.dissolved'

export class DissolvedGroups {
  readonly #folder: string
  readonly #warn: (fields: object, message: string) => void
  #kept: ReadonlyMap<string, number> = new Map()
  readonly #unreadable = new Set<string>()

  /** @param warn told once of each file that cannot be read */
  constructor (folder: string, warn: (fields: object, message: string) => void = () => {}) {
    this.#folder = folder
    this.#warn = warn
  }

  /** What is kept, as far as it was looked at: each group with the index that it had reached. */
  get kept (): Array<Pick<Dissolved, 'group' | 'index'>> { return Array.from(this.#kept, ([group, index]) => ({ group, index })) }

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
    this.#kept = new Map([...this.#kept, [group, index]])
  }

  async all (): Promise<Dissolved[]> {
    const names = await readdir(this.#folder).catch((error: unknown) => {
      if (codeOf(error) === 'ENOENT') return []
      throw error
    })
    const found: Dissolved[] = []
    for (const name of names.filter((each) => each.endsWith(suffix)).sort()) {
      try {
        const { head, payload } = decodeFrame(await readFile(join(this.#folder, name)))
        found.push({ group: String(head.group), index: Number(head.index), snapshot: payload })
      } catch (error) {
        if (this.#unreadable.has(name)) continue
        this.#unreadable.add(name)
        this.#warn({ file: join(this.#folder, name), reason: messageOf(error) }, 'what a dissolved group had agreed on cannot be read any more')
      }
    }
    this.#kept = new Map(found.map(({ group, index }) => [group, index]))
    return found
  }

  /** Its entries are listed as conflicts now. */
  async forget (group: string): Promise<void> {
    await rm(this.#path(group), { force: true })
    this.#kept = new Map([...this.#kept].filter(([each]) => each !== group))
  }

  #path (group: string): string { return join(this.#folder, `${encodeURIComponent(group)}${suffix}`) }
}
