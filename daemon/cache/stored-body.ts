/** A stored body, or a part of it, as a stream of chunks. */
import { ColonyError } from '../../protocols/errors.ts'
import type { BodyReader, ByteRange, StoredResponse } from '../store/store.ts'

/** The body is shorter than its head says: the transfer is cut, never ended as if whole. */
export class StoredBodyError extends ColonyError {
  constructor (message: string) {
    super('COLONY_STORED_BODY', message)
  }
}

/**
 * Closes the reader at its end, however that comes.
 *
 * @throws StoredBodyError at the first byte that cannot be had
 */
export async function * readStored (reader: BodyReader, head: StoredResponse, range: ByteRange, chunkBytesMax: number): AsyncGenerator<Uint8Array> {
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
