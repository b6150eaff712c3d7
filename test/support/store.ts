/** What tests of the store share: keys, heads, bodies with known hashes, a clock that a test moves. */
import { createHash } from 'node:crypto'
import type { Clock } from '../../protocols/clock.ts'
import { contentKey } from '../../protocols/ids.ts'
import type { ContentKey } from '../../protocols/ids.ts'
import { storeDefaults } from '../../daemon/store/settings.ts'
import type { StoreSettings } from '../../daemon/store/settings.ts'
import type { BodyReader, Store, StoredResponse, StoreWriter } from '../../daemon/store/store.ts'

export function keyOf (name: string): ContentKey {
  return contentKey('test', `/${name}`)
}

/** A body that tells every offset of every seed apart. */
export function bodyOf (length: number, seed = 0): Uint8Array {
  const bytes = new Uint8Array(length)
  for (let at = 0; at < length; at++) bytes[at] = (at * 31 + (at >> 8) * 7 + seed * 13) & 255
  return bytes
}

export function hashOf (bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('base64url')
}

export function headOf (key: ContentKey, body: Uint8Array, more: Partial<StoredResponse> = {}): StoredResponse {
  return {
    key,
    variant: '',
    site: 'test',
    target: '/',
    status: 200,
    fields: [['content-type', 'text/plain'], ['etag', '"1"']],
    vary: [],
    receivedAtMs: 1_000,
    initialAgeMs: 0,
    length: body.byteLength,
    hash: hashOf(body),
    ...more
  }
}

export function settingsOf (more: Partial<StoreSettings> = {}): StoreSettings {
  return { ...storeDefaults, ...more }
}

/** Writes, commits and closes. @returns the head, whether or not it was admitted */
export async function put (store: Store, name: string, body: Uint8Array, more: Partial<StoredResponse> = {}, lengthHint?: number): Promise<StoredResponse> {
  const key = keyOf(name)
  const head = headOf(key, body, more)
  const writer = await store.create(key, lengthHint)
  if (writer === undefined) throw new Error(`the store takes no body of ${body.byteLength} bytes`)
  try {
    await writeAll(writer, body)
    await writer.commit(head)
  } finally {
    await writer.close()
  }
  return head
}

export async function writeAll (writer: StoreWriter, body: Uint8Array, chunkBytes = 50_000): Promise<void> {
  for (let at = 0; at < body.byteLength; at += chunkBytes) await writer.write(body.subarray(at, at + chunkBytes))
}

/** Reads to the end, which is where a read gives nothing. */
export async function readAll (from: Pick<BodyReader, 'read'>, lengthMax = 70_000): Promise<Uint8Array> {
  const parts: Uint8Array[] = []
  for (let offset = 0; ;) {
    const part = await from.read(offset, lengthMax)
    if (part.byteLength === 0) return Buffer.concat(parts)
    if (part.byteLength > lengthMax) throw new Error(`${part.byteLength} bytes where ${lengthMax} were allowed`)
    parts.push(part)
    offset += part.byteLength
  }
}

/** The whole body, or undefined when it is not held. */
export async function bodyIn (store: Store, head: StoredResponse): Promise<Uint8Array | undefined> {
  const reader = await store.open(head)
  if (reader === undefined) return undefined
  try {
    return await readAll(reader)
  } finally {
    reader.close()
  }
}

/** A clock that stands still until `advance`, which runs the timers that are due by then. */
export function stillClock (): Clock & { advance: (ms: number) => void } {
  let now = 0
  const timers = new Set<{ readonly dueMs: number, readonly callback: () => void }>()
  return {
    wallMs: () => now,
    nowMs: () => now,
    random: () => 0.5,
    after: (delayMs, callback) => {
      const timer = { dueMs: now + delayMs, callback }
      timers.add(timer)
      return () => { timers.delete(timer) }
    },
    advance: (ms) => {
      now += ms
      for (const timer of timers) {
        if (timer.dueMs <= now && timers.delete(timer)) timer.callback()
      }
    }
  }
}

/** Waits until `condition` holds. @throws after `deadlineMs` */
export async function eventually (condition: () => boolean | Promise<boolean>, deadlineMs = 10_000): Promise<void> {
  const end = performance.now() + deadlineMs
  while (!await condition()) {
    if (performance.now() > end) throw new Error('the condition did not come true in time')
    await new Promise((resolve) => { setTimeout(resolve, 5) })
  }
}
