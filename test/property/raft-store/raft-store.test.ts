import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Entry, HardState, Snapshot } from '../../../protocols/raft/messages.ts'
import type { Kept } from '../../../protocols/raft/store.ts'
import { Folder, plain, snapshot, state } from '../../unit/raft-store/support.ts'

/** What a log is, kept in memory. */
class Model implements Kept {
  hardState: HardState = state(0)
  snapshot: Snapshot | undefined
  entries: Entry[] = []
  groupId: string | undefined = 'g'
  get last (): number { return this.entries.at(-1)?.index ?? this.snapshot?.index ?? 0 }
}

const step = fc.oneof(
  { weight: 5, arbitrary: fc.record({ kind: fc.constant('append' as const), back: fc.nat(3), count: fc.integer({ min: 1, max: 4 }), data: fc.uint8Array({ maxLength: 300 }) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('vote' as const), vote: fc.constantFrom('a', 'b') }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('snapshot' as const), kept: fc.nat(3) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('install' as const), ahead: fc.integer({ min: 1, max: 5 }) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('reopen' as const) }) }
)
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never

/** Does the steps, each acknowledged. */
async function filled (folder: Folder, steps: readonly Step[]): Promise<Model> {
  const model = new Model()
  let { disk, store } = await folder.open()
  await store.write({ groupId: 'g' })
  let term = 1
  for (const each of steps) {
    if (each.kind === 'append') {
      const from = Math.max(model.entries[0]?.index ?? model.last + 1, model.last + 1 - each.back, (model.snapshot?.index ?? 0) + 1)
      if (from <= model.last) term++
      const entries = Array.from({ length: each.count }, (_, at): Entry => ({ index: from + at, term, kind: 0, data: each.data }))
      model.entries = [...model.entries.filter(({ index }) => index < from), ...entries]
      await store.write({ entries })
    } else if (each.kind === 'vote') {
      model.hardState = state(++term, each.vote, 0)
      await store.write({ hardState: model.hardState })
    } else if (each.kind === 'snapshot') {
      const last = model.entries.at(-1)
      if (last === undefined || last.index <= (model.snapshot?.index ?? 0)) continue
      model.snapshot = snapshot(last.index, last.term)
      const compactTo = last.index - each.kept
      model.entries = model.entries.filter(({ index }) => index > compactTo)
      await store.write({ snapshot: model.snapshot, compactTo })
    } else if (each.kind === 'install') {
      model.snapshot = snapshot(model.last + each.ahead, ++term)
      model.entries = []
      await store.write({ snapshot: model.snapshot })
    } else {
      await disk.close()
      ;({ disk, store } = await folder.open())
    }
  }
  return model
}

describe('a log on disk', () => {
  it('is after any writes what was written', async () => {
    await fc.assert(fc.asyncProperty(fc.array(step, { maxLength: 12 }), async (steps) => {
      const folder = await new Folder().make()
      try {
        const model = await filled(folder, steps)
        const { opened } = await folder.open({ folder: await folder.killed() })
        expect(opened.soundness).toEqual({ kind: 'whole' })
        expect(plain(opened)).toEqual(plain(model))
      } finally {
        await folder.remove()
      }
    }), { numRuns: 25 })
  }, 120_000)

  it('gives out nothing but what was acknowledged, wherever one byte of one file is changed or its end is lost', async () => {
    let untrusted = 0
    await fc.assert(fc.asyncProperty(fc.array(step, { minLength: 3, maxLength: 12 }), fc.nat(), fc.nat(), fc.boolean(), async (steps, which, where, cut) => {
      const folder = await new Folder().make()
      try {
        const model = await filled(folder, steps)
        const killed = await folder.killed()
        const names = (await readdir(killed, { recursive: true })).filter((name) => /(\.log|\.ldb|\.witness|MANIFEST-\d+|CURRENT)$/.test(name)).sort()
        const path = join(killed, names[which % names.length]!)
        const bytes = await readFile(path)
        if (bytes.byteLength === 0) return
        const at = where % bytes.byteLength
        if (cut) await writeFile(path, bytes.subarray(0, at))
        else {
          bytes[at]! ^= 1 << (which % 8)
          await writeFile(path, bytes)
        }
        const { opened } = await folder.open({ folder: killed })
        if (opened.soundness.kind === 'untrusted') untrusted++
        else expect(plain(opened), `${path} ${cut ? 'cut' : 'changed'} at ${at}: ${opened.soundness.kind}`).toEqual(plain(model))
      } finally {
        await folder.remove()
      }
    }), { numRuns: Number(process.env.RAFT_DAMAGES ?? 40) })
    expect(untrusted).toBeGreaterThan(0)
  }, 240_000)
})
