/** A log in a folder of its own, and ways to damage it. */
import { cp, mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ClassicLevel } from 'classic-level'
import { RaftDisk } from '../../../daemon/raft/disk.ts'
import type { Databases } from '../../../daemon/database.ts'
import type { Entry, HardState, Snapshot } from '../../../protocols/raft/messages.ts'
import type { Kept, Opened, RaftStore, Write } from '../../../protocols/raft/store.ts'

export const entry = (index: number, term = 1, data = `value ${index}`): Entry => ({ index, term, kind: 0, data: Buffer.from(data) })
export const entries = (from: number, to: number, term = 1): Entry[] => Array.from({ length: to - from + 1 }, (_, at) => entry(from + at, term))
export const state = (term: number, vote?: string, commit = 0): HardState => ({ term, vote, commit })
export const snapshot = (index: number, term = 1): Snapshot => ({ index, term, configuration: { voters: ['a', 'b'], learners: [] }, data: Buffer.from(`state at ${index}`) })

export class Folder {
  readonly warnings: string[] = []
  path = ''
  #open: RaftDisk[] = []
  #copies: string[] = []

  async make (): Promise<this> {
    this.path = await mkdtemp(join(tmpdir(), 'colony-raft-'))
    return this
  }

  async open (options: { boot?: string, databases?: Databases, folder?: string } = {}): Promise<{ disk: RaftDisk, store: RaftStore, opened: Opened }> {
    const disk = new RaftDisk({ folder: options.folder ?? this.path, boot: options.boot ?? 'one', logger: { warn: (_fields, message) => { this.warnings.push(message) } }, ...(options.databases !== undefined && { databases: options.databases }) })
    this.#open.push(disk)
    await disk.open()
    const store = disk.store('region')
    return { disk, store, opened: await store.open() }
  }

  /** Writes, and closes in good order. */
  async written (...writes: Write[]): Promise<void> {
    const { disk, store } = await this.open()
    for (const write of writes) await store.write(write)
    await disk.close()
  }

  /** What a kill at this moment would leave. */
  async killed (): Promise<string> {
    const copy = await mkdtemp(join(tmpdir(), 'colony-raft-'))
    this.#copies.push(copy)
    await cp(this.path, copy, { recursive: true })
    return copy
  }

  /** Behind the store's back. */
  async tamper (work: (level: ClassicLevel<string, Uint8Array>) => Promise<void>, folder = this.path): Promise<void> {
    const level = new ClassicLevel<string, Uint8Array>(join(folder, 'log'), { valueEncoding: 'view' })
    await level.open()
    await work(level)
    await level.close()
  }

  async remove (): Promise<void> {
    for (const disk of this.#open) await disk.close().catch(() => {})
    for (const each of [this.path, ...this.#copies]) await rm(each, { recursive: true, force: true })
  }
}

export const keyOf = (index: number): string => `region/1/entry/${String(index).padStart(16, '0')}`

export function flipped (bytes: Uint8Array, at = bytes.byteLength - 1): Uint8Array {
  const copy = Uint8Array.from(bytes)
  copy[at]! ^= 1
  return copy
}

/** LevelDB's write-ahead log, the newest. */
export async function newestLog (folder: string): Promise<string> {
  const logs = (await readdir(join(folder, 'log'))).filter((name) => name.endsWith('.log')).sort()
  return join(folder, 'log', logs.at(-1)!)
}

/** As plain values, for comparing. */
export function plain ({ hardState, entries, snapshot, groupId }: Kept): object {
  const text = (data: Uint8Array): string => Buffer.from(data).toString()
  return {
    hardState, groupId,
    entries: entries.map(({ data, ...rest }) => ({ ...rest, data: text(data) })),
    snapshot: snapshot === undefined ? undefined : { ...snapshot, data: text(snapshot.data) }
  }
}
