import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { BodyFiles } from '../../../daemon/store/body-files.ts'
import { eventually } from '../../support/store.ts'

describe('BodyFiles', () => {
  let folder: string
  let path: string
  let failures: unknown[]
  let bodies: BodyFiles

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'colony-bodies-'))
    path = join(folder, 'a.body')
    await writeFile(path, 'abc')
    failures = []
    bodies = new BodyFiles(4, (error) => { failures.push(error) })
  })
  afterEach(async () => {
    await bodies.close()
    await rm(folder, { recursive: true, force: true })
  })

  it('unlinks a file only after its record is gone, and counts its bytes until then', async () => {
    const record = Promise.withResolvers<boolean>()
    const dropped = bodies.drop(path, 3, record.promise)
    // Long enough for an unlink that does not wait.
    await Promise.all(Array.from({ length: 20 }, async () => await readdir(folder)))
    expect(await readdir(folder)).toEqual(['a.body'])
    expect(bodies.orphanedBytes).toBe(3)
    record.resolve(true)
    await dropped
    expect(await readdir(folder)).toEqual([])
    expect(bodies.orphanedBytes).toBe(0)
  })

  it('unlinks a file that is read when the last reader is gone', async () => {
    const close = [bodies.at(path).pin(), bodies.at(path).pin()]
    await bodies.drop(path, 3, Promise.resolve())
    close[0]!()
    expect(Buffer.from(await bodies.at(path).read(0, 10, 3, 'r')).toString()).toBe('abc')
    expect(bodies.isPinned(path)).toBe(true)
    close[1]!()
    expect(bodies.isPinned(path)).toBe(false)
    await eventually(() => bodies.orphanedBytes === 0)
    expect(await readdir(folder)).toEqual([])
  })

  it('says when a file cannot be unlinked, but not when it is gone', async () => {
    await bodies.unlink(path)
    await bodies.unlink(path)
    expect(failures).toEqual([])
    await bodies.unlink(folder)
    expect(failures).toHaveLength(1)
  })
})
