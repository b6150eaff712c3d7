import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { DissolvedGroups } from '../../../daemon/agreement/dissolved.ts'
import { openState } from '../../../daemon/state.ts'

let folder: string
beforeEach(async () => { folder = await mkdtemp(join(tmpdir(), 'colony-agreement-')) })
afterEach(async () => { await rm(folder, { recursive: true }) })

describe('a group that dissolved', () => {
  it('is kept until it is listed as conflicts, once however often it is told', async () => {
    const groups = new DissolvedGroups(join(folder, 'dissolved'))
    expect(await groups.all()).toEqual([])
    const one = { group: '1-a', index: 7, snapshot: new Uint8Array([1, 2]) }
    for (let time = 0; time < 2; time++) await groups.keep(one)
    await groups.keep({ group: '../2', index: 8, snapshot: new Uint8Array() })
    const again = new DissolvedGroups(join(folder, 'dissolved'))
    expect((await again.all()).map(({ group, index, snapshot }) => [group, index, [...snapshot]])).toEqual([['../2', 8, []], ['1-a', 7, [1, 2]]])
    await again.forget('../2')
    await again.forget('1-a')
    expect(await again.all()).toEqual([])
  })

  it('is listed until it is forgotten, and one that cannot be read any more hides no other', async () => {
    const warned: string[] = []
    const groups = new DissolvedGroups(folder, (_fields, message) => { warned.push(message) })
    await groups.keep({ group: '1-a', index: 7, snapshot: new Uint8Array(5) })
    expect(groups.kept).toEqual([{ group: '1-a', index: 7 }])
    await writeFile(join(folder, '0-torn.dissolved'), 'torn')
    for (let time = 0; time < 2; time++) expect((await groups.all()).map(({ group }) => group)).toEqual(['1-a'])
    expect(warned).toHaveLength(1)
    await groups.forget('1-a')
    expect(groups.kept).toEqual([])
  })
})

describe('a data folder', () => {
  it('may found a group until one was entered, and never again, whatever becomes of the log', async () => {
    for (const may of [true, true]) {
      const state = await openState(folder)
      expect(state.founding.region.mayFound).toBe(may)
      await state.close()
    }
    const state = await openState(folder)
    await state.founding.region.entered()
    await state.close()
    const later = await openState(folder)
    expect([later.founding.region.mayFound, later.founding.global.mayFound]).toEqual([false, true])
    await later.close()
  })
})
