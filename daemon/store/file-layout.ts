/**
 * Names of the disk tier's files, and what a start makes of those that an earlier run left.
 *
 *     <folder>/<2 hex>/<32 hex>-<sequence>.body       the bytes, written in place while filling
 *     <folder>/<2 hex>/<32 hex>-<sequence>.head       the head as JSON; its rename is the commit point
 *     <folder>/<2 hex>/<32 hex>-<sequence>.head.new   a head being written
 *
 * The hex digits are of a hash of the key (the variant is not known before the head is); the sequence makes
 * each body a file of its own, so a replacement never touches one that is being read. A body
 * without a head was never committed. Files of other names are left alone.
 */
import { createHash } from 'node:crypto'
import { mkdir, readdir, readFile, rm, stat, unlink, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { codeOf } from '../../protocols/errors.ts'
import type { ContentKey } from '../../protocols/ids.ts'
import { parseHeadFile, variantId } from './heads.ts'
import type { HeadFile } from './heads.ts'

/** Space on disk is given out in such blocks by common file systems; a head takes one, bytes. */
const diskBlockBytes = 4096
/** Folders under the store's: with 200,000 objects about 1,600 files in each. */
const folders = Array.from({ length: 256 }, (_, index) => index.toString(16).padStart(2, '0'))
/** Files looked at together at start: enough to keep the disk busy. */
const recoveryConcurrency = 32

const bodySuffix = '.body'
const headSuffix = '.head'
const newHeadSuffix = '.head.new'
const namePattern = /^[0-9a-f]{32}-([0-9a-z]+)(\.body|\.head|\.head\.new)$/

/** Path of an object's files, without suffix. */
export function basePath (folder: string, key: ContentKey, sequence: number): string {
  const name = createHash('sha256').update(key).digest('hex').slice(0, 32)
  return join(folder, name.slice(0, 2), `${name}-${sequence.toString(36)}`)
}

export function bodyPath (base: string): string {
  return base + bodySuffix
}

export function headPath (base: string): string {
  return base + headSuffix
}

export function newHeadPath (base: string): string {
  return base + newHeadSuffix
}

/** What a body of that length and its head take on disk, bytes. */
export function diskCost (length: number): number {
  return (Math.ceil(length / diskBlockBytes) + 1) * diskBlockBytes
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

export interface Recovered extends HeadFile {
  /** Path without suffix. */
  readonly base: string
}

export interface Recovery {
  /** Whole objects, oldest commit first, one for each variant. */
  readonly objects: readonly Recovered[]
  /** Above every sequence number in use. */
  readonly nextSequence: number
  /** Files that were deleted as they belonged to nothing whole. */
  readonly deleted: number
}

/**
 * Finds what can be served: heads that parse, with a body of the right length. Deletes all else under
 * our names. The bytes are not read (the disk holds gigabytes); a small body is hashed when it is
 * first taken into memory.
 */
export async function recover (folder: string): Promise<Recovery> {
  const names: string[] = []
  for (const each of folders) {
    for (const name of await readdir(join(folder, each))) names.push(join(folder, each, name))
  }
  const whole = new Map<string, Recovered>()
  await forEach(names.filter((path) => path.endsWith(headSuffix) && isOurs(path)), async (path) => {
    const found = await readObject(path.slice(0, -headSuffix.length))
    if (found === undefined) return
    const id = variantId(found.head.key, found.head.variant)
    const other = whole.get(id)
    if (other === undefined || other.commit < found.commit) whole.set(id, found)
  })
  const kept = new Set<string>()
  for (const { base } of whole.values()) kept.add(bodyPath(base)).add(headPath(base))
  const rest = names.filter((path) => isOurs(path) && !kept.has(path))
  // Heads first: should the process die in between, no head is without its body.
  await forEach(rest.filter((path) => path.endsWith(headSuffix)), unlinkIfThere)
  await forEach(rest.filter((path) => !path.endsWith(headSuffix)), unlinkIfThere)
  return {
    objects: [...whole.values()].sort((a, b) => a.commit - b.commit),
    nextSequence: names.reduce((next, path) => Math.max(next, sequenceOf(path) + 1), 0),
    deleted: rest.length
  }
}

async function readObject (base: string): Promise<Recovered | undefined> {
  try {
    const file = parseHeadFile(await readFile(headPath(base), 'utf8'))
    if (file === undefined) return undefined
    const body = await stat(bodyPath(base))
    return body.isFile() && body.size === file.head.length ? { ...file, base } : undefined
  } catch {
    return undefined
  }
}

function isOurs (path: string): boolean {
  return namePattern.test(basename(path))
}

function sequenceOf (path: string): number {
  const digits = namePattern.exec(basename(path))?.[1]
  return digits === undefined ? 0 : parseInt(digits, 36)
}

async function forEach<T> (items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const rest = items.values()
  await Promise.all(Array.from({ length: recoveryConcurrency }, async () => {
    for (const item of rest) await work(item)
  }))
}
