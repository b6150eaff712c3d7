/**
 * A process that fills a FileStore without end, to be killed: `node store-filler.ts FOLDER STEP`. Three
 * workers replace, validate and remove, each among keys of its own; a line before and after each change
 * says what it is, so that whoever killed it knows what must be there. Nothing is evicted. Steps
 * count on from STEP and never repeat; a body is known by its step.
 */
import { fileURLToPath } from 'node:url'
import { FileStore } from '../../daemon/store/file-store.ts'
import { bodyOf, keyOf, put, settingsOf, stillClock } from './store.ts'

export const workers = 3
export const keysEach = 5

/** What a change leaves of a key: the body of a step, with a head of the same or a later one; or nothing. */
export type Left = { readonly body: number, readonly head: number } | undefined

export function keyName (worker: number, at: number): string {
  return `worker ${worker} key ${at}`
}

export function bodyOfStep (step: number): Uint8Array {
  return bodyOf((step * 7919) % 150_000, step)
}

export function openStore (folder: string, warn: (message: string) => void, clock = stillClock()): FileStore {
  return new FileStore({ folder, settings: settingsOf({ diskBytesMax: 50_000_000 }), clock, logger: { warn: (_fields, message) => { warn(message) } } })
}

async function fill (store: FileStore, worker: number, from: number): Promise<never> {
  for (let step = from + worker; ; step += workers) {
    const name = keyName(worker, step % keysEach)
    const [held] = store.variants(keyOf(name))
    const say = (what: 'begin' | 'done', left: Left): void => { process.stdout.write(`${JSON.stringify([what, name, left ?? null])}\n`) }
    if (held !== undefined && step % 7 === 0) {
      say('begin', undefined)
      await store.remove(held.key)
      say('done', undefined)
    } else if (held !== undefined && step % 4 === 0) {
      const left = { body: held.status, head: step }
      say('begin', left)
      await store.update({ ...held, receivedAtMs: step })
      say('done', left)
    } else {
      const left = { body: step, head: step }
      say('begin', left)
      // The step stands where a status would: a head carries it through restarts.
      await put(store, name, bodyOfStep(step), { receivedAtMs: step, status: step, variant: String(worker) })
      if (store.variants(keyOf(name))[0]?.status === step) say('done', left)
    }
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [folder = '', from = '0'] = process.argv.slice(2)
  const store = openStore(folder, (message) => { throw new Error(message) })
  await store.start()
  await Promise.all(Array.from({ length: workers }, async (_, worker) => await fill(store, worker, Number(from))))
}
