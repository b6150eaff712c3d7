/**
 * A process that fills a FileStore without end, to be killed: `node store-filler.ts FOLDER SEED`. It
 * replaces, validates and removes among a few keys, several at once, and writes a line for each commit.
 */
import { FileStore } from '../../daemon/store/file-store.ts'
import { bodyOf, keyOf, put, settingsOf, stillClock } from './store.ts'

const [folder = '', seedText = '0'] = process.argv.slice(2)
const store = new FileStore({ folder, settings: settingsOf({ diskBytesMax: 3_000_000 }), clock: stillClock(), logger: { warn: () => {} } })
await store.start()
let step = Number(seedText) * 1_000_003

async function fill (): Promise<never> {
  for (;;) {
    const now = step++
    const head = await put(store, `key ${now % 13}`, bodyOf((now * 7919) % 300_000, now), { receivedAtMs: now, variant: String(now % 2) })
    process.stdout.write('committed\n')
    if (now % 3 === 0) await store.update({ ...head, receivedAtMs: now + 1, initialAgeMs: 5 })
    if (now % 7 === 0) await store.remove(keyOf(`key ${(now + 5) % 13}`))
  }
}

await Promise.all([fill(), fill(), fill()])
