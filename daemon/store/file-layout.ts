/**
 * Names of the disk tier's files, and what becomes of those that an earlier run left.
 *
 *     <folder>/index/                       the heads: a LevelDB (head-records.ts)
 *     <folder>/<2 hex>/<key>-<name>.body    the bytes, written in place while filling
 *
 * The hex digits are the first byte of the key. The name is drawn for each body, so a replacement never touches
 * one that is being read, and a head that should come back from a damaged index finds no file. A body
 * that no head names was never committed, or is no longer held. Files of other names are left alone.
 */
import { randomBytes } from 'node:crypto'
import { mkdir, readdir, rm, unlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { codeOf } from '../../protocols/errors.ts'
import type { ContentKey } from '../../protocols/ids.ts'

/** Space on disk is given out in such blocks by common file systems, bytes. */
const diskBlockBytes = 4096
/** What a head takes in the index, with the directory's entry for the body, bytes: rather too high. */
const headDiskBytes = 1024
/** Folders under the store's: with a million objects about 4,000 files in each. */
const folders: readonly string[] = Array.from({ length: 256 }, (_, index) => index.toString(16).padStart(2, '0'))

/** The second form is of an earlier version, which kept each head in a file. */
const namePattern = /^(?:([\w-]{43})-([\w-]{8})\.body|[0-9a-f]{32}-[0-9a-z]+\.(?:body|head|head\.new))$/

/** A name for a body's file that no other has. */
export function drawBodyName (): string {
  return randomBytes(6).toString('base64url')
}

export function bodyPath (folder: string, key: ContentKey, name: string): string {
  return join(folder, Buffer.from(key.slice(0, 2), 'base64url').toString('hex'), `${key}-${name}.body`)
}

/** What a body of that length and its head take on disk, bytes. */
export function diskCost (length: number): number {
  return Math.ceil(length / diskBlockBytes) * diskBlockBytes + headDiskBytes
}

/** Unlinks; a file that is gone already is as wanted. */
export async function unlinkIfThere (path: string): Promise<void> {
  try {
    await unlink(path)
  } catch (error) {
    if (codeOf(error) !== 'ENOENT' && codeOf(error) !== 'ENOTDIR') throw error
  }
}

/**
 * Makes the folders and writes a block, as a full disk still makes folders.
 *
 * @throws what the file system says
 */
export async function prepareFolder (folder: string): Promise<void> {
  await mkdir(folder, { recursive: true })
  for (const each of folders) await mkdir(join(folder, each), { recursive: true })
  const probe = join(folder, 'probe')
  await writeFile(probe, Buffer.alloc(diskBlockBytes))
  await rm(probe)
}

/**
 * Removes bodies that nothing needs, one after the other.
 *
 * @param needed asked in the turn in which the file would be removed
 * @param pause waited for after each folder
 * @throws what the file system says, or `pause`
 */
export async function removeLeftovers (folder: string, needed: (path: string, key: ContentKey, name: string) => boolean, pause: () => Promise<void>): Promise<void> {
  for (const each of folders) {
    for (const file of await readdir(join(folder, each))) {
      const match = namePattern.exec(file)
      const path = join(folder, each, file)
      if (match === null || (match[1] !== undefined && needed(path, match[1] as ContentKey, match[2] as string))) continue
      await unlinkIfThere(path)
    }
    await pause()
  }
}
