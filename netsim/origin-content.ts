/**
 * What the demo origin has to offer: the files of the repository (or installed package) that this
 * module belongs to, and large generated ones whose bytes follow from their name and offset, so that
 * any part of them can be made at once and none is held. Only names on a list are served: no folder
 * that an edge keeps its identity in, nothing hidden, nothing outside.
 */
import { createCipheriv, createHash } from 'node:crypto'
import { existsSync, readdirSync } from 'node:fs'
import { open, realpath } from 'node:fs/promises'
import { extname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { codeOf } from '../protocols/errors.ts'

/** One thing to be served, at one version. */
export interface Resource {
  readonly type: string
  readonly length: number
  /** Strong: equal tags, equal bytes. With its quotes. */
  readonly etag: string
  readonly modifiedMs: number
  readonly cacheControl: string
  /** The bytes from `start` to `end`, exclusive. */
  readonly read: (start: number, end: number) => AsyncIterable<Uint8Array> | Iterable<Uint8Array>
}

/** What is served of the top level. In an installed package most of it is under `dist`. */
const topLevel = ['README.md', 'CHANGELOG.md', 'LICENSE', 'package.json', 'tsconfig.json', 'bin', 'daemon', 'dist', 'netsim', 'protocols', 'test']

const types: Readonly<Record<string, string>> = {
  '.md': 'text/markdown; charset=utf-8', '.json': 'application/json', '.js': 'text/javascript; charset=utf-8'
}

/** Sources change while people work on them; what is generated never does. */
const fileCacheControl = 'public, max-age=300'
const generatedCacheControl = 'public, max-age=86400, immutable'

const chunkBytes = 64 * 1024

/** Paths of the large files, with their lengths in bytes. */
export const largeFiles: ReadonlyMap<string, number> = new Map([
  ['/large/10mib.bin', 10 * 1024 ** 2],
  ['/large/100mib.bin', 100 * 1024 ** 2]
])

/** Found by walking up, as this module lies one folder below it in a clone and two in a package. */
export function repositoryFolder (): string {
  let url = new URL('../', import.meta.url)
  while (!existsSync(new URL('package.json', url))) url = new URL('../', url)
  return fileURLToPath(url)
}

/** @param path decoded, without the query; @returns undefined when there is nothing of that name */
export async function findResource (folder: string, path: string): Promise<Resource | undefined> {
  if (path === '/') return index(folder)
  const length = largeFiles.get(path)
  return length === undefined ? await file(folder, path) : generated(path, length)
}

/** Bytes of the key stream of AES in counter mode under the name: the same everywhere, and from any offset. */
export function * generatedBytes (name: string, start: number, end: number): Generator<Uint8Array> {
  const blockBytes = 16
  const counter = Buffer.alloc(blockBytes)
  counter.writeBigUInt64BE(BigInt(Math.floor(start / blockBytes)), 8)
  const cipher = createCipheriv('aes-128-ctr', createHash('sha256').update(name).digest().subarray(0, blockBytes), counter)
  cipher.update(Buffer.alloc(start % blockBytes))
  for (let at = start; at < end; at += chunkBytes) yield cipher.update(Buffer.alloc(Math.min(chunkBytes, end - at)))
}

function generated (name: string, length: number): Resource {
  return {
    type: 'application/octet-stream',
    length,
    etag: etagOf(`${name} ${length}`),
    modifiedMs: Date.UTC(2025, 0),
    cacheControl: generatedCacheControl,
    read: (start, end) => generatedBytes(name, start, end)
  }
}

/** Read whole: the files are small, and only of the very bytes that are sent is a hash a strong validator. */
async function file (folder: string, target: string): Promise<Resource | undefined> {
  const parts = target.split('/').slice(1)
  if (!topLevel.includes(parts[0]!) || parts.some((part) => part === '' || part.startsWith('.') || /[\\\0]/.test(part))) return undefined
  try {
    const path = join(await realpath(folder), ...parts)
    // A link may lead to where nobody should look.
    if (await realpath(path) !== path) return undefined
    const handle = await open(path)
    try {
      const stats = await handle.stat()
      if (!stats.isFile()) return undefined
      return whole(await handle.readFile(), types[extname(target)] ?? 'text/plain; charset=utf-8', Math.floor(stats.mtimeMs))
    } finally {
      await handle.close()
    }
  } catch (error) {
    if (['ENOENT', 'ENOTDIR', 'EISDIR', 'EACCES', 'ENAMETOOLONG'].includes(codeOf(error) ?? '')) return undefined
    throw error
  }
}

function whole (bytes: Uint8Array, type: string, modifiedMs: number): Resource {
  return { type, length: bytes.length, etag: etagOf(bytes), modifiedMs, cacheControl: fileCacheControl, read: (start, end) => [bytes.subarray(start, end)] }
}

function etagOf (content: Uint8Array | string): string {
  return `"${createHash('sha256').update(content).digest('base64url').slice(0, 22)}"`
}

/** A page with a link to everything, so that a browser can be pointed at any edge. */
function index (folder: string): Resource {
  const files = topLevel.flatMap((name) => existsSync(join(folder, name)) ? listed(folder, `/${name}`) : [])
  const links = [...largeFiles.keys(), ...files].map((path) => `<li><a href="${encodeURI(path)}">${path.slice(1)}</a>`)
  const page = [
    '<!doctype html><meta charset="utf-8"><title>Colony demo origin</title>',
    '<h1>Colony demo origin</h1>',
    '<p>Add <code>?delay=3000</code> to any address to have its first byte come after 3 seconds (at most 10).',
    '<ul>', ...links, '</ul>', ''
  ].join('\n')
  return whole(Buffer.from(page), 'text/html; charset=utf-8', Date.UTC(2025, 0))
}

function listed (folder: string, path: string): string[] {
  const entries = readEntries(join(folder, path))
  if (entries === undefined) return [path]
  return entries.flatMap((entry) => {
    if (entry.name.startsWith('.')) return []
    const below = `${path}/${entry.name}`
    return entry.isDirectory() ? listed(folder, below) : entry.isFile() ? [below] : []
  })
}

/** @returns undefined for what is no folder */
function readEntries (path: string): ReturnType<typeof readSorted> | undefined {
  try {
    return readSorted(path)
  } catch (error) {
    if (codeOf(error) === 'ENOTDIR') return undefined
    throw error
  }
}

function readSorted (path: string) {
  return readdirSync(path, { withFileTypes: true }).sort((a, b) => a.name < b.name ? -1 : 1)
}
