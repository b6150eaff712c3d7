import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { encodeCommand } from '../../../protocols/raft/commands.ts'
import { bootstrap } from '../../../protocols/raft/raft.ts'
import { isOlder, newGroupId, recoveredGroupId } from '../../../protocols/raft/group-id.ts'
import { recoverCopy, recoverLog } from '../../../protocols/raft/recovery.ts'
import { Journal } from '../../support/raft-node.ts'
import { entry, Folder, state } from './support.ts'

let folder: Folder
beforeEach(async () => { folder = await new Folder().make() })
afterEach(async () => { await folder.remove() })

const command = (index: number, text: string): ReturnType<typeof entry> => ({ ...entry(index, 3), data: encodeCommand('', Buffer.from(text)) })

describe('a log whose group is founded anew', () => {
  it('keeps all that it has, committed or not, in a group of one, with term and index going on; once', async () => {
    const [first] = bootstrap({ voters: ['a', 'b', 'c'], learners: [] }).entries
    await folder.written({ groupId: 'g', hardState: state(4, 'b', 2), entries: [first!, command(2, 'committed'), command(3, 'not known to be')] })
    const { disk, store } = await folder.open()
    for (let count = 0; count < 2; count++) {
      const machine = new Journal()
      await recoverLog({ self: 'a', store, machine, of: 'g', id: 'anew' })
      if (count === 0) expect(machine.lines).toEqual(['committed', 'not known to be'])
    }
    await disk.close()
    const { opened } = await folder.open()
    expect(opened).toMatchObject({
      soundness: { kind: 'whole' }, groupId: 'anew', entries: [],
      hardState: { term: 4, vote: undefined, commit: 3 },
      snapshot: { index: 3, term: 3, configuration: { voters: ['a'], learners: [] } }
    })
  })

  it('is left as it is where it is of another group, or of none', async () => {
    const { store } = await folder.open()
    await expect(recoverLog({ self: 'a', store, machine: new Journal(), of: 'g', id: 'anew' })).rejects.toThrow('no log of the group g')
    await store.write({ groupId: 'other', hardState: state(1), entries: bootstrap({ voters: ['a'], learners: [] }).entries })
    await expect(recoverLog({ self: 'a', store, machine: new Journal(), of: 'g', id: 'anew' })).rejects.toThrow('no log of the group g')
    expect(await store.open()).toMatchObject({ groupId: 'other', entries: [{ index: 1 }] })
  })
})

describe('a group that is founded anew from a copy', () => {
  const copied = (): Uint8Array => {
    const machine = new Journal()
    for (const line of ['one', 'two']) machine.apply(Buffer.from(line))
    return machine.snapshot()
  }
  const init = { self: 'd', of: 'g', id: 'anew', index: 9, term: 7 }

  it('has its place and its term, whatever is left of a log that does not go as far; once', async () => {
    await folder.written({ groupId: 'g', hardState: state(8, 'b', 1), entries: bootstrap({ voters: ['a', 'd'], learners: [] }).entries })
    const { disk, store } = await folder.open()
    for (let count = 0; count < 2; count++) {
      const machine = new Journal()
      await recoverCopy({ ...init, store, machine, copy: copied() })
      if (count === 0) expect(machine.lines).toEqual(['one', 'two'])
    }
    await disk.close()
    const { opened } = await folder.open()
    expect(opened).toMatchObject({
      soundness: { kind: 'whole' }, groupId: 'anew', entries: [],
      hardState: { term: 8, vote: undefined, commit: 9 },
      snapshot: { index: 9, term: 8, configuration: { voters: ['d'], learners: [] } }
    })
  })

  it('takes the place of a log that is lost, and of none that goes as far or is of another group', async () => {
    const { disk, store } = await folder.open()
    await recoverCopy({ ...init, store, machine: new Journal(), copy: copied() })
    await expect(recoverCopy({ ...init, of: 'anew', id: 'again', store, machine: new Journal(), copy: copied() })).rejects.toThrow('does not take its place')
    await expect(recoverCopy({ ...init, id: 'again', index: 99, store, machine: new Journal(), copy: copied() })).rejects.toThrow('does not take its place')
    expect(await store.open()).toMatchObject({ groupId: 'anew' })
    await disk.close()
    await folder.tamper(async (level) => { await level.clear() })
    const { store: lost, opened } = await folder.open()
    expect(opened).toMatchObject({ soundness: { kind: 'untrusted' } })
    await recoverCopy({ ...init, store: lost, machine: new Journal(), copy: copied() })
    expect(await lost.open()).toMatchObject({ soundness: { kind: 'whole' }, groupId: 'anew', snapshot: { index: 9 } })
  })
})

describe('the id of a group that was founded anew', () => {
  it('is older than the one it replaces, each time, and as old as that towards all others', () => {
    const [before, id, after] = [newGroupId(999), newGroupId(1_000), newGroupId(1_001)]
    let last = id
    for (let count = 0; count < 20; count++) {
      const next = recoveredGroupId(last)
      expect([isOlder(next, last), isOlder(before, next), isOlder(next, after)]).toEqual([true, true, true])
      expect(next.length).toBeLessThanOrEqual(64)
      last = next
    }
  })
})
