/**
 * Published bodies in files of their own, apart from the cache's: nothing here is ever evicted, and a body is synced
 * before anyone is told that it is here. A file is named after the hash of its bytes and a number that no other file has,
 * so that dropping one never touches another with the same bytes.
 *
 *     <folder>/incoming/<number>.part                  a body on its way in; its rename is what makes it one
 *     <folder>/bodies/<2 hex>/<64 hex>-<number>.body   a whole body
 */
import { createHash } from 'node:crypto'
import { mkdir, open, readdir, rename, stat, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import { codeOf } from '../../protocols/errors.ts'
import { PublishError, PublishFault } from '../../protocols/publish/errors.ts'
import type { BodyReader } from '../store/store.ts'
import { BodyWriter, diskError, Room } from './body-writer.ts'

export interface BodiesSettings {
  readonly bytesMax: number
  readonly objectBytesMax: number
  readonly verifyBytesMax: number
}

export interface BodiesInit {
  readonly folder: string
  /** Whether a manifest names this body; one that none does and nobody pins is dropped. */
  readonly isNamed: (hash: string) => boolean
  readonly settings: BodiesSettings
  readonly logger: { readonly warn: (fields: object, message: string) => void }
}

interface Entry {
  readonly path: string
  readonly length: number
  /** Its bytes were hashed since the start. */
  verified: boolean
}

const filePattern = /^([0-9a-f]{64})-([0-9a-z]+)\.body$/
const readBytes = 256 * 1024
/** Largest read, whatever the caller allows, bytes: it is allocated before the file is asked. */
const readBytesMax = 1024 * 1024

export class Bodies {
  readonly #init: BodiesInit
  /** By hash, base64url. */
  readonly #entries = new Map<string, Entry>()
  readonly #pins = new Map<string, number>()
  /** Bytes of whole bodies and of those on their way in. */
  #bytes = 0
  #sequence = 0

  constructor (init: BodiesInit) { this.#init = init }

  get bytes (): number { return this.#bytes }

  /** Finds whole bodies by name and size; drops what was on its way in when the process ended. */
  async start (): Promise<void> {
    const { folder } = this.#init
    await mkdir(join(folder, 'incoming'), { recursive: true })
    await mkdir(join(folder, 'bodies'), { recursive: true })
    await syncFolder(folder)
    for (const name of await readdir(join(folder, 'incoming'))) {
      if (/^[0-9a-z]+\.part$/.test(name)) await unlink(join(folder, 'incoming', name))
    }
    for (const sub of await readdir(join(folder, 'bodies'))) {
      if (!/^[0-9a-f]{2}$/.test(sub)) continue
      for (const name of await readdir(join(folder, 'bodies', sub))) {
        const match = filePattern.exec(name)
        if (match === null) continue
        const path = join(folder, 'bodies', sub, name)
        const hash = Buffer.from(match[1] ?? '', 'hex').toString('base64url')
        this.#sequence = Math.max(this.#sequence, parseInt(match[2] ?? '0', 36) + 1)
        const known = this.#entries.get(hash)
        const { size } = await stat(path)
        if (known === undefined) this.#add(hash, path, size)
        // The process ended between two that came at once.
        else await unlink(path)
      }
    }
  }

  async stop (): Promise<void> {
    this.#entries.clear()
    this.#bytes = 0
  }

  has (hash: string): boolean { return this.#entries.has(hash) }

  /** Undefined where it is not here. */
  lengthOf (hash: string): number | undefined { return this.#entries.get(hash)?.length }

  /** Keeps a body, here or yet to come, until the returned function is called. */
  pin (hash: string): () => void {
    this.#pins.set(hash, (this.#pins.get(hash) ?? 0) + 1)
    let pinned = true
    return () => {
      if (!pinned) return
      pinned = false
      const left = (this.#pins.get(hash) ?? 1) - 1
      if (left > 0) this.#pins.set(hash, left)
      else {
        this.#pins.delete(hash)
        this.reconsider(hash)
      }
    }
  }

  /** Drops a body that no manifest names and nobody pins. */
  reconsider (hash: string): void {
    const entry = this.#entries.get(hash)
    if (entry !== undefined && !this.#pins.has(hash) && !this.#init.isNamed(hash)) this.#drop(hash, entry)
  }

  /** Drops a body of another length than its manifest says: another holder will bring it again. */
  expect (hash: string, length: number): void {
    const entry = this.#entries.get(hash)
    if (entry === undefined || entry.length === length) return
    this.#init.logger.warn({ path: entry.path, length: entry.length, expected: length }, 'a published body has the wrong length and was dropped: another holder will bring it again')
    this.#drop(hash, entry)
  }

  /** Drops what was left over by an earlier run; once, when the manifests are known. */
  sweep (): void {
    for (const hash of [...this.#entries.keys()]) this.reconsider(hash)
  }

  /**
   * @param lengthHint bytes to come, where known: what cannot fit is refused before its first byte
   * @throws PublishError when it is too large, or there is no room
   */
  async create (lengthHint?: number): Promise<BodyWriter> {
    if (lengthHint !== undefined) this.#checkLength(lengthHint)
    const room = new Room(this.#init.settings.bytesMax, () => this.#bytes, (bytes) => { this.#bytes += bytes })
    room.grow(lengthHint ?? 0)
    const path = join(this.#init.folder, 'incoming', `${(this.#sequence++).toString(36)}.part`)
    try {
      const handle = await open(path, 'wx')
      return new BodyWriter({
        handle,
        path,
        room,
        check: (length) => { this.#checkLength(length) },
        land: async (hash, length) => {
          const unpin = this.pin(hash)
          await this.#land(hash, length, path, room).catch((error: unknown) => {
            unpin()
            throw error
          })
          return unpin
        }
      })
    } catch (error) {
      room.release()
      throw diskError(error)
    }
  }

  /**
   * @returns bytes of the body from `start` to `end`
   * @throws PublishError at the first that cannot be had, or at once when the body turns out damaged: it is dropped then
   */
  async * read (hash: string, start: number, end: number, chunkBytes = readBytes): AsyncGenerator<Uint8Array> {
    const reader = await this.open(hash)
    if (reader === undefined) throw new PublishError(PublishFault.Bytes, 'the body is not on this edge any more')
    try {
      for (let at = start; at < end;) {
        const bytes = await reader.read(at, Math.min(chunkBytes, end - at))
        if (bytes.byteLength === 0) throw new PublishError(PublishFault.Bytes, `the body ends at ${at} of ${end} bytes`)
        at += bytes.byteLength
        yield bytes
      }
    } finally {
      reader.close()
    }
  }

  /** Undefined when it is not here, or turned out damaged. The reader works on when the body is dropped meanwhile. */
  async open (hash: string): Promise<BodyReader | undefined> {
    const entry = this.#entries.get(hash)
    if (entry === undefined) return undefined
    try {
      const reader = await openBody(entry)
      if (await this.#isRight(hash, entry, reader)) return reader
      reader.close()
    } catch (error) {
      // Too many open files, say: no reason to give up the bytes.
      if (codeOf(error) !== 'ENOENT' && codeOf(error) !== 'EIO') throw diskError(error)
    }
    this.#init.logger.warn({ path: entry.path }, 'a published body is damaged and was dropped: another holder will bring it again')
    if (this.#entries.get(hash) === entry) this.#drop(hash, entry)
    return undefined
  }

  /** Disks rot: a small body is hashed before its first bytes are given out. */
  async #isRight (hash: string, entry: Entry, reader: BodyReader): Promise<boolean> {
    if (entry.verified || entry.length > this.#init.settings.verifyBytesMax) return true
    const digest = createHash('sha256')
    for (let at = 0; at < entry.length;) {
      const bytes = await reader.read(at, readBytes)
      if (bytes.byteLength === 0) return false
      digest.update(bytes)
      at += bytes.byteLength
    }
    entry.verified = digest.digest('base64url') === hash
    return entry.verified
  }

  #checkLength (length: number): void {
    const { objectBytesMax } = this.#init.settings
    if (length > objectBytesMax) throw new PublishError(PublishFault.TooLarge, `published content may have ${objectBytesMax} bytes at most (settings.publish.objectBytesMax) and this has ${length} or more`)
  }

  async #land (hash: string, length: number, from: string, room: Room): Promise<void> {
    if (this.#entries.has(hash)) {
      room.release()
      await unlink(from).catch(() => {})
      return
    }
    const hex = Buffer.from(hash, 'base64url').toString('hex')
    const folder = join(this.#init.folder, 'bodies', hex.slice(0, 2))
    const path = join(folder, `${hex}-${(this.#sequence++).toString(36)}.body`)
    const fresh = await mkdir(folder, { recursive: true }) !== undefined
    await rename(from, path)
    await syncFolder(folder)
    if (fresh) await syncFolder(join(this.#init.folder, 'bodies'))
    room.release()
    // Another one with these bytes may have landed meanwhile.
    if (this.#entries.has(hash)) await unlink(path).catch(() => {})
    else this.#add(hash, path, length).verified = true
  }

  #add (hash: string, path: string, length: number): Entry {
    const entry: Entry = { path, length, verified: false }
    this.#entries.set(hash, entry)
    this.#bytes += length
    return entry
  }

  #drop (hash: string, entry: Entry): void {
    this.#entries.delete(hash)
    this.#bytes -= entry.length
    // Readers that have it open read on.
    unlink(entry.path).catch(() => {})
  }
}

const none = new Uint8Array(0)

async function openBody ({ path, length }: Entry): Promise<BodyReader> {
  const handle = await open(path, 'r')
  let closing: Promise<void> | undefined
  return {
    read: async (offset, lengthMax) => {
      const wanted = Math.min(lengthMax, readBytesMax, length - offset)
      if (wanted <= 0) return none
      const { bytesRead, buffer } = await handle.read(Buffer.allocUnsafeSlow(wanted), 0, wanted, offset)
      return buffer.subarray(0, bytesRead)
    },
    close: () => { closing ??= handle.close().catch(() => {}) }
  }
}

/** A name in a folder lasts when the folder was synced. */
async function syncFolder (folder: string): Promise<void> {
  const handle = await open(folder, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}
