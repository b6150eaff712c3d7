import { readFile, rm, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ownDatabases, type Databases } from '../../../daemon/database.ts'
import { RaftDisk } from '../../../daemon/raft/disk.ts'
import { entries, entry, flipped, Folder, keyOf, newestLog, plain, snapshot, state } from './support.ts'

let folder: Folder
beforeEach(async () => { folder = await new Folder().make() })
afterEach(async () => { await folder.remove() })

const found = { groupId: 'g', hardState: state(1, 'a', 0), entries: entries(1, 5) }

/** Fails when `full` says so, and counts batches. */
function stubborn (disk: { full: boolean, batches: number }): Databases {
  return (path) => {
    const level = ownDatabases(path)
    const batch = level.batch.bind(level) as (...args: unknown[]) => Promise<void>
    return Object.assign(Object.create(level) as typeof level, {
      open: async () => { await level.open() },
      close: async () => { await level.close() },
      iterator: level.iterator.bind(level),
      batch: async (...args: unknown[]) => {
        disk.batches++
        if (disk.full) throw Object.assign(new Error('No space left on device'), { code: 'LEVEL_IO_ERROR' })
        await batch(...args)
      }
    })
  }
}

describe('a log on disk', () => {
  it('is empty and whole at first', async () => {
    const { opened } = await folder.open()
    expect(opened).toMatchObject({ soundness: { kind: 'whole' }, entries: [], snapshot: undefined, groupId: undefined, hardState: state(0) })
  })

  it('comes back as it was written, with replaced ends, snapshots and what was compacted', async () => {
    await folder.written(found, { hardState: state(2, 'b', 3) }, { entries: entries(4, 8, 2) }, { entries: [entry(7, 3)] }, { snapshot: snapshot(5, 2), compactTo: 3 })
    const { opened } = await folder.open()
    expect(opened.soundness).toEqual({ kind: 'whole' })
    expect(plain(opened)).toEqual(plain({ groupId: 'g', hardState: state(2, 'b', 3), snapshot: snapshot(5, 2), entries: [...entries(4, 6, 2), entry(7, 3)] }))
  })

  it('holds nothing of the group before, once another is begun', async () => {
    await folder.written(found, { snapshot: snapshot(5, 2), compactTo: 3 }, { groupId: 'older', hardState: state(7, 'b', 0), entries: [], anew: true }, { entries: entries(1, 2, 7) })
    const { opened } = await folder.open()
    expect(opened.soundness).toEqual({ kind: 'whole' })
    expect(plain(opened)).toEqual(plain({ groupId: 'older', hardState: state(7, 'b', 0), snapshot: undefined, entries: entries(1, 2, 7) }))
  })

  it('begins anew behind a snapshot that it does not reach, or that contradicts it', async () => {
    await folder.written(found, { snapshot: snapshot(20, 3) }, { entries: entries(21, 22, 3) })
    expect(plain((await folder.open()).opened)).toEqual(plain({ groupId: 'g', hardState: state(1, 'a', 0), snapshot: snapshot(20, 3), entries: entries(21, 22, 3) }))
    await folder.remove()
    await folder.make()
    await folder.written(found, { snapshot: snapshot(4, 3) })
    expect((await folder.open()).opened.entries).toEqual([])
  })

  it('has all that was acknowledged after a kill, and goes on from there', async () => {
    const { store } = await folder.open()
    await store.write(found)
    await store.write({ entries: entries(6, 7) })
    const killed = await folder.killed()
    const again = await folder.open({ folder: killed })
    expect(again.opened).toMatchObject({ soundness: { kind: 'whole' } })
    expect(again.opened.entries.map(({ index }) => index)).toEqual([1, 2, 3, 4, 5, 6, 7])
    await again.store.write({ entries: entries(8, 8) })
    await again.disk.close()
    expect((await folder.open({ folder: killed })).opened).toMatchObject({ soundness: { kind: 'whole' }, entries: { length: 8 } })
  })

  it('refuses entries that would leave a gap', async () => {
    const { store } = await folder.open()
    await store.write(found)
    await expect(store.write({ entries: [entry(8)] })).rejects.toMatchObject({ code: 'COLONY_RAFT_STORE' })
  })

  it('shares one sync among groups that write while another sync is running', async () => {
    const disk = { full: false, batches: 0 }
    const { disk: raft, store } = await folder.open({ databases: stubborn(disk) })
    const others = ['global', 'third'].map((name) => raft.store(name))
    for (const other of others) await other.open()
    const before = disk.batches
    const first = store.write(found)
    await new Promise((resolve) => { queueMicrotask(() => { queueMicrotask(() => { resolve(undefined) }) }) })
    await Promise.all([first, ...others.map(async (other) => { await other.write(found) })])
    expect(disk.batches - before).toBe(2)
  })
})

describe('what a crash left', () => {
  /** A kill while the write of entries 6 and 7 was under way: on disk, not acknowledged. */
  const unacknowledged = async (): Promise<string> => {
    const { store } = await folder.open()
    await store.write(found)
    const witness = await readFile(join(folder.path, 'region.witness'))
    await store.write({ entries: entries(6, 7) })
    const killed = await folder.killed()
    await writeFile(join(killed, 'region.witness'), witness)
    return killed
  }

  it('is whole without a last write that was torn before it was acknowledged', async () => {
    const killed = await unacknowledged()
    const log = await newestLog(killed)
    await truncate(log, (await readFile(log)).byteLength - 3)
    const { opened } = await folder.open({ folder: killed })
    expect(opened).toMatchObject({ soundness: { kind: 'whole' }, entries: { length: 5 } })
  })

  it('is untrusted where the torn write had been acknowledged', async () => {
    const { store } = await folder.open()
    await store.write(found)
    await store.write({ hardState: state(2, 'b') })
    const killed = await folder.killed()
    const log = await newestLog(killed)
    await truncate(log, (await readFile(log)).byteLength - 3)
    const { opened } = await folder.open({ folder: killed })
    expect(opened).toMatchObject({ soundness: { kind: 'untrusted', reason: expect.stringContaining('acknowledged writes are lost') }, entries: [], hardState: state(0) })
  })

  it('is cut where only a write that was never acknowledged is damaged', async () => {
    const killed = await unacknowledged()
    await folder.tamper(async (level) => { await level.put(keyOf(7), flipped((await level.get(keyOf(7)))!)) }, killed)
    const { opened, disk } = await folder.open({ folder: killed })
    expect(opened.soundness).toMatchObject({ kind: 'tail-cut', at: 6 })
    expect(opened.entries).toHaveLength(6)
    await disk.close()
    expect((await folder.open({ folder: killed })).opened).toMatchObject({ soundness: { kind: 'whole' }, entries: { length: 6 } })
  })

  it('is untrusted with the same damage where the machine was started anew since, as the witness may lag behind', async () => {
    const killed = await unacknowledged()
    await folder.tamper(async (level) => { await level.put(keyOf(7), flipped((await level.get(keyOf(7)))!)) }, killed)
    expect((await folder.open({ folder: killed, boot: 'two' })).opened.soundness).toMatchObject({ kind: 'untrusted' })
  })

  it('is cut where entries are left of a write that was never acknowledged and whose head is lost', async () => {
    const { store } = await folder.open()
    await store.write(found)
    const before = await folder.killed()
    await store.write({ entries: entries(6, 6) })
    let newer: Uint8Array | undefined
    await folder.tamper(async (level) => { newer = await level.get(keyOf(6)) }, await folder.killed())
    await folder.tamper(async (level) => { await level.put(keyOf(6), newer!) }, before)
    expect((await folder.open({ folder: before })).opened.soundness).toMatchObject({ kind: 'tail-cut', at: 5 })
  })
})

describe('a log that is damaged', () => {
  const damages: Record<string, (level: { get: (key: string) => Promise<Uint8Array | undefined>, put: (key: string, value: Uint8Array) => Promise<void>, del: (key: string) => Promise<void> }) => Promise<void>> = {
    'a corrupt entry': async (level) => { await level.put(keyOf(6), flipped((await level.get(keyOf(6)))!)) },
    'a term that was changed': async (level) => { await level.put(keyOf(6), flipped((await level.get(keyOf(6)))!, 19)) },
    'a gap': async (level) => { await level.del(keyOf(6)) },
    'a lost end': async (level) => { await level.del(keyOf(8)) },
    'an entry in another\'s place': async (level) => { await level.put(keyOf(6), (await level.get(keyOf(7)))!) },
    'a corrupt head': async (level) => { await level.put('region/1/head', flipped((await level.get('region/1/head'))!)) },
    'a lost head': async (level) => { await level.del('region/1/head') },
    'a corrupt snapshot': async (level) => { await level.put('region/1/snapshot', flipped((await level.get('region/1/snapshot'))!)) },
    'a lost snapshot': async (level) => { await level.del('region/1/snapshot') }
  }

  it.each(Object.entries(damages))('with %s is untrusted', async (_what, damage) => {
    await folder.written(found, { entries: entries(6, 8) }, { hardState: state(3, 'a', 5), snapshot: snapshot(4), compactTo: 2 })
    await folder.tamper(damage)
    const { opened } = await folder.open()
    expect(opened).toMatchObject({ soundness: { kind: 'untrusted' }, entries: [], snapshot: undefined, groupId: undefined })
  })

  it('with a write lost from its middle is untrusted, though indexes and terms fit together', async () => {
    await folder.written(found)
    let old: Uint8Array | undefined
    await folder.tamper(async (level) => { old = await level.get(keyOf(5)) })
    await folder.written({ entries: [entry(5, 2)] }, { entries: [entry(6, 2)] })
    await folder.tamper(async (level) => { await level.put(keyOf(5), old!) })
    expect((await folder.open()).opened.soundness).toMatchObject({ kind: 'untrusted' })
  })

  it('with a hard state older than what was acknowledged is untrusted', async () => {
    await folder.written(found)
    let old: Uint8Array | undefined
    await folder.tamper(async (level) => { old = await level.get('region/1/head') })
    await folder.written({ hardState: state(7, 'c') })
    await folder.tamper(async (level) => { await level.put('region/1/head', old!) })
    expect((await folder.open()).opened.soundness).toMatchObject({ kind: 'untrusted', reason: expect.stringContaining('lost') })
  })

  it('is untrusted when its witness or all of its database is gone', async () => {
    await folder.written(found)
    const copy = await folder.killed()
    await rm(join(folder.path, 'region.witness'))
    expect((await folder.open()).opened.soundness).toMatchObject({ kind: 'untrusted' })
    await rm(join(copy, 'log'), { recursive: true })
    expect((await folder.open({ folder: copy })).opened.soundness).toMatchObject({ kind: 'untrusted' })
  })

  it('is put aside where the database itself cannot be opened', async () => {
    await folder.written(found)
    await writeFile(join(folder.path, 'log', 'CURRENT'), 'MANIFEST-999999\n')
    expect((await folder.open()).opened.soundness).toMatchObject({ kind: 'untrusted' })
    expect(folder.warnings).toEqual([expect.stringContaining('put aside')])
  })

  it('stays untrusted, whatever is written, until the group has taken the member in again', async () => {
    await folder.written(found)
    await folder.tamper(async (level) => { await level.del(keyOf(2)) })
    const { disk, store } = await folder.open()
    await store.write({ hardState: state(9) })
    await disk.close()
    const second = await folder.open()
    expect(second.opened).toMatchObject({ soundness: { kind: 'untrusted', reason: 'entry 2 of 5 is gone' }, hardState: state(0) })
    // What is left of the old log can still be looked at.
    await second.disk.close()
    await folder.tamper(async (level) => { expect(await level.get(keyOf(3))).toBeDefined() })
    const third = await folder.open()
    await third.store.write({ groupId: 'g', hardState: state(4, 'leader'), trusted: true })
    await third.disk.close()
    const { opened } = await folder.open()
    expect(opened).toMatchObject({ soundness: { kind: 'whole' }, hardState: state(4, 'leader'), groupId: 'g' })
    await folder.tamper(async (level) => { expect(await level.get(keyOf(3))).toBeUndefined() }, await folder.killed())
  })
})

describe('a disk that does not keep what it is given', () => {
  it('is said so, and takes nothing more until it was opened again', async () => {
    const disk = { full: false, batches: 0 }
    const { store, disk: raft } = await folder.open({ databases: stubborn(disk) })
    await store.write(found)
    const other = raft.store('global')
    await other.open()
    disk.full = true
    await expect(store.write({ entries: entries(6, 6) })).rejects.toMatchObject({ code: 'COLONY_RAFT_STORE', message: expect.stringContaining('No space left') })
    disk.full = false
    for (const each of [store, other]) await expect(each.write({ hardState: state(2) })).rejects.toMatchObject({ code: 'COLONY_RAFT_STORE' })
    await raft.close()
    expect((await folder.open()).opened).toMatchObject({ soundness: { kind: 'whole' }, entries: { length: 5 }, hardState: state(1, 'a') })
  })

  it('is one sentence for an operator when it cannot be opened at all', async () => {
    await folder.open()
    const second = new RaftDisk({ folder: folder.path, logger: { warn: () => {} } })
    await expect(second.open()).rejects.toMatchObject({ code: 'COLONY_RAFT_STORE', message: expect.stringContaining('in use') })
  })
})
