/**
 * Issue item 1: kill -9 at any moment leaves nothing half or wrong that could be served, and takes
 * nothing that was committed. `STORE_KILLS=200` sets how often the filling process is killed.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, open, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { storeDefaults } from '../../daemon/store/settings.ts'
import { contentKey } from '../../protocols/ids.ts'
import { get, Swarm, until } from '../support/edges.ts'
import { TestOrigin } from '../support/origin.ts'
import { bodyIn, hashOf, keyOf, stillClock } from '../support/store.ts'
import { bodyOfStep, keyName, keysEach, openStore, workers, type Left } from '../support/store-filler.ts'

const kills = Number(process.env.STORE_KILLS ?? 20)
const filler = fileURLToPath(new URL('../support/store-filler.ts', import.meta.url))
const names = Array.from({ length: workers * keysEach }, (_, index) => keyName(index % workers, Math.floor(index / workers)))

let folder: string
beforeEach(async () => { folder = await mkdtemp(join(tmpdir(), 'colony-kill-')) })
afterEach(async () => { await rm(folder, { recursive: true, force: true }) })

/** What is known of each key: what was acknowledged last, and what was begun after it. */
class Known {
  readonly acknowledged = new Map<string, Left>()
  readonly begun = new Map<string, Left>()
  changes = 0

  hear (line: string): void {
    const [what, name, left] = JSON.parse(line) as ['begin' | 'done', string, Left | null]
    if (what === 'begin') this.begun.set(name, left ?? undefined)
    else {
      this.acknowledged.set(name, left ?? undefined)
      this.begun.delete(name)
      this.changes++
    }
  }

  allows (name: string): Left[] {
    return [this.acknowledged.get(name), ...this.begun.has(name) ? [this.begun.get(name)] : []]
  }
}

/** Fills until so many changes were acknowledged and a moment more has passed, then dies of SIGKILL. */
async function fillAndDie (round: number, known: Known): Promise<void> {
  // A file: what the process has written to it stays, while a pipe that is full would hold lines back.
  const journal = join(folder, `journal-${round}`)
  const output = await open(journal, 'w')
  const child = spawn(process.execPath, [filler, folder, String(round * 1_000_000)], { stdio: ['ignore', output.fd, 'inherit'] })
  const closed = once(child, 'close')
  const deadly = 1 + (round * 7) % 60
  const lines = async (): Promise<string[]> => (await readFile(journal, 'utf8')).split('\n').slice(0, -1)
  await until(async () => child.exitCode !== null || (await lines()).filter((line) => line.startsWith('["done"')).length >= deadly, 30_000, 'it does not fill')
  setTimeout(() => { child.kill('SIGKILL') }, round % 11)
  await closed
  expect(child.signalCode).toBe('SIGKILL')
  for (const line of await lines()) known.hear(line)
  await output.close()
  await rm(journal)
}

describe('a store whose process is killed while it fills', () => {
  it(`has, after each of ${kills} kills, all that was acknowledged and nothing half or wrong`, async () => {
    const known = new Known()
    const warnings: string[] = []
    let checked = 0
    for (let round = 0; round < kills; round++) {
      await fillAndDie(round, known)
      const store = openStore(folder, (message) => { warnings.push(message) })
      await store.start()
      for (const name of names) {
        const heads = store.variants(keyOf(name))
        expect(heads.length).toBeLessThanOrEqual(1)
        const [head] = heads
        const left: Left = head === undefined ? undefined : { body: head.status, head: head.receivedAtMs }
        expect(known.allows(name), `${name} after kill ${round}`).toContainEqual(left)
        known.acknowledged.set(name, left)
        known.begun.delete(name)
        if (head === undefined) continue
        const body = await bodyIn(store, head)
        expect(hashOf(body!)).toBe(head.hash)
        expect(Buffer.compare(body!, bodyOfStep(head.status))).toBe(0)
        checked++
      }
      expect([...store.heads()].length).toBe(names.filter((name) => known.acknowledged.get(name) !== undefined).length)
      await store.stop()
    }
    expect(known.changes).toBeGreaterThan(10 * kills)
    expect(checked).toBeGreaterThan(3 * kills)
    expect(warnings).toEqual([])
    if (process.env.STORE_KILLS !== undefined) console.log(`${kills} kills, ${known.changes} changes acknowledged, ${checked} objects checked`)
  }, 30_000 + kills * 2_000)

  it('has no file left of what was never committed once it has tidied up', async () => {
    const known = new Known()
    for (const round of [3, 5, 8]) await fillAndDie(round, known)
    const clock = stillClock()
    const store = openStore(folder, () => {}, clock)
    await store.start()
    const bodies = async (): Promise<number> => (await readdir(folder, { recursive: true })).filter((name) => name.endsWith('.body')).length
    await until(async () => {
      clock.advance(storeDefaults.diskTidyPauseMs)
      return await bodies() === [...store.heads()].length
    }, 30_000, 'files without heads were not removed')
    for (const head of store.heads()) expect(hashOf((await bodyIn(store, head))!)).toBe(head.hash)
    await store.stop()
  })
})

describe('an edge that is killed and started again', () => {
  it('serves what it had without asking the origin, with the age that it has by then', async () => {
    const swarm = new Swarm()
    const origin = await new TestOrigin().start()
    try {
      const small = origin.file('/aged', 5_000, { maxAge: 3_600, fields: { age: '100' } })
      const large = origin.file('/large', 3_000_000, { maxAge: 3_600, fields: { age: '200' } })
      const first = await swarm.spawn({ origin: origin.url, dataDir: folder })
      const fetchedMs = Date.now()
      for (const path of ['/aged', '/large']) await get(`${first.http}${path}`)
      // The small one is written behind the answer: its record stands in LevelDB's log as it is.
      const index = join(folder, 'bodies', 'index')
      await until(async () => {
        const logs = await Promise.all((await readdir(index)).filter((name) => name.endsWith('.log')).map(async (name) => await readFile(join(index, name))))
        return ['/aged', '/large'].every((path) => logs.some((log) => log.includes(contentKey('default', path))))
      }, 10_000, 'the objects did not come to the disk')
      first.child.kill('SIGKILL')
      await once(first.child, 'exit')
      await origin.close()
      await until(() => Date.now() - fetchedMs > 2_500, 10_000, 'time stands still')
      const second = await swarm.spawn({ origin: origin.url, dataDir: folder })
      for (const [path, body, initial] of [['/aged', small, 100], ['/large', large, 200]] as const) {
        const got = await get(`${second.http}${path}`)
        const elapsed = (Date.now() - fetchedMs) / 1_000
        expect(got.cacheStatus).toContain(';hit')
        expect(Buffer.compare(got.body, body)).toBe(0)
        expect(Number(got.fields.age)).toBeGreaterThanOrEqual(initial + 2)
        expect(Number(got.fields.age)).toBeLessThanOrEqual(initial + elapsed + 1)
      }
    } finally {
      await swarm.stop()
      await origin.close().catch(() => {})
    }
  })
})
