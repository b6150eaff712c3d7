/** A stored body, or a part of it, as a stream of chunks. */
import { ColonyError } from '../../protocols/errors.ts'
import type { ByteRange, Store, StoredResponse } from '../store/store.ts'

/** The body is gone or shorter than its head says: the transfer is cut, never ended as if whole. */
export class StoredBodyError extends ColonyError {
  constructor (message: string) {
    super('COLONY_STORED_BODY', message)
  }
}

/** @throws StoredBodyError at the first byte that cannot be had */
export async function * readStored (store: Store, head: StoredResponse, range: ByteRange, chunkBytesMax: number): AsyncGenerator<Uint8Array> {
  if (range.start >= range.end) return
  const reader = await store.open(head)
  if (reader === undefined) throw new StoredBodyError(`the stored body of ${head.target} is gone`)
  try {
    let at = range.start
    while (at < range.end) {
      const bytes = await reader.read(at, Math.min(chunkBytesMax, range.end - at))
      if (bytes.byteLength === 0) throw new StoredBodyError(`the stored body of ${head.target} ends at ${at} of ${head.length} bytes`)
      at += bytes.byteLength
      yield bytes
    }
  } finally {
    reader.close()
  }
}
