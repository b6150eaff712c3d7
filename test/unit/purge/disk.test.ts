/** The purge log on the disk: what was written is there again, in its order, and what cannot be read is told. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ClassicLevel } from 'classic-level'
import { expect, it, onTestFinished } from 'vitest'
import { PurgeDisk } from '../../../daemon/purge/disk.ts'
import { encodePurge } from '../../../protocols/purge/selector.ts'
import { encodeHead } from '../../../protocols/wire.ts'

it('keeps entries in the order of their numbers, records by their names, and says when an entry cannot be read', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'colony-purges-'))
  const database = new ClassicLevel<string, Uint8Array>(folder, { valueEncoding: 'view' })
  onTestFinished(async () => {
    await database.close()
    await rm(folder, { recursive: true, force: true })
  })
  let batches = 0
  const counted = { iterator: database.iterator.bind(database), batch: async (...args: unknown[]) => { batches++; await (database.batch as (...all: unknown[]) => Promise<void>).apply(database, args) } }
  const disk = (): PurgeDisk => new PurgeDisk({ database: counted as never, logger: { warn: () => {} } })
  const entryOf = (number: number, orderKey?: string): Parameters<PurgeDisk['write']>[0]['entries'] => {
    const purge = { id: { peer: 'a', incarnation: 1, sequence: number }, selectors: [{ kind: 'everything' }], soft: false, atMs: 1 } as const
    return [{ number, signed: { purge, body: encodeHead(encodePurge(purge)), signature: new Uint8Array(4) }, ...(orderKey !== undefined && { orderKey }) }]
  }
  const first = disk()
  await Promise.all([11, 9, 10].map(async (number) => { await first.write({ entries: entryOf(number, number === 9 ? 'key' : undefined) }) }))
  // The first goes at once, the others while it is being synced.
  expect(batches).toBeLessThanOrEqual(2)
  await first.write({ drop: [10], records: { seen: Uint8Array.of(7) } })
  expect(await disk().load()).toEqual({ entries: [...entryOf(9, 'key')!, ...entryOf(11)!], records: new Map([['seen', Uint8Array.of(7)]]), isDamaged: false })
  await database.put('e/0000000000000012', Uint8Array.of(1, 2, 3))
  expect(await disk().load()).toMatchObject({ entries: [{ number: 9 }, { number: 11 }], isDamaged: true })
})
