/**
 * The number of a log's last acknowledged write, in a small file outside the database: what tells an unfinished write,
 * which may be lost, from an acknowledged one, which may not. It is written after the database's sync and before
 * the promise leaves, and not synced itself (that would double the cost of every write): so a killed process leaves it
 * exact, and a machine that lost power may leave it behind, which the boot's id beside it shows. Two
 * slots in turn, each in a sector of its own, so that half a write leaves the other.
 */
import { randomUUID } from 'node:crypto'
import { readFileSync, writeSync } from 'node:fs'
import { open, readFile, type FileHandle } from 'node:fs/promises'
import { dirname } from 'node:path'
import { crc32 } from 'node:zlib'
import { codeOf } from '../../protocols/errors.ts'

export interface Witnessed {
  readonly sequence: number
  /** Nothing after it was acknowledged. Otherwise something may have been. */
  readonly exact: boolean
}

const sectorBytes = 512
/** checksum (4) | sequence (8) | closed (1) | boot (36) */
const slotBytes = 49

/** Linux gives every boot an id; elsewhere no witness of an earlier process counts as exact. */
export function bootId (): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim().slice(0, 36)
  } catch {
    return randomUUID()
  }
}

export class Witness {
  readonly #path: string
  readonly #boot: string
  readonly #slot = Buffer.alloc(slotBytes)
  #file: FileHandle | undefined
  #turn = 0

  constructor (path: string, boot: string = bootId()) {
    this.#path = path
    this.#boot = boot
  }

  /** @returns undefined when there is none, or none that can be read */
  async read (): Promise<Witnessed | undefined> {
    let bytes: Buffer
    try {
      bytes = await readFile(this.#path)
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return undefined
      throw error
    }
    const slots = [0, 1].flatMap((turn) => {
      const slot = bytes.subarray(turn * sectorBytes, turn * sectorBytes + slotBytes)
      return slot.byteLength < slotBytes || slot.readUInt32BE(0) !== crc32(slot.subarray(4)) ? [] : [{ turn, slot, sequence: slot.readDoubleBE(4) }]
    })
    const last = slots.sort((one, other) => other.sequence - one.sequence)[0]
    if (last === undefined) return undefined
    this.#turn = 1 - last.turn
    return { sequence: last.sequence, exact: last.slot[12] === 1 || last.slot.toString('latin1', 13).trimEnd() === this.#boot }
  }

  /** Makes it last through a loss of power that there is one, and what it says now. */
  async start (sequence: number): Promise<void> {
    this.#file ??= await open(this.#path, 'r+').catch(async () => await open(this.#path, 'w+'))
    this.acknowledge(sequence)
    await this.#file.sync()
    const folder = await open(dirname(this.#path), 'r')
    await folder.sync().finally(async () => { await folder.close() })
  }

  /** Into the page cache, at once: a few microseconds, less than the way to the thread pool and back. */
  acknowledge (sequence: number, closed = false): void {
    if (this.#file === undefined) return
    const slot = this.#slot
    slot.writeDoubleBE(sequence, 4)
    slot[12] = closed ? 1 : 0
    slot.write(this.#boot.padEnd(36), 13, 'latin1')
    slot.writeUInt32BE(crc32(slot.subarray(4)), 0)
    writeSync(this.#file.fd, slot, 0, slotBytes, this.#turn * sectorBytes)
    this.#turn = 1 - this.#turn
  }

  /** After an orderly end it is exact whatever the machine does. */
  async close (sequence: number): Promise<void> {
    const file = this.#file
    if (file === undefined) return
    this.acknowledge(sequence, true)
    this.#file = undefined
    await file.sync().finally(async () => { await file.close() })
  }

  /** Leaves what it says as it is: after a write that failed. */
  async abandon (): Promise<void> {
    await this.#file?.close()
    this.#file = undefined
  }
}
