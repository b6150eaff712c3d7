/**
 * Bad input of the issue: what an edge does with a data folder that is damaged, foreign, newer, full or
 * not its own. It says so in one sentence, serves nothing wrong, and goes on where it can.
 */
import { spawn } from 'node:child_process'
import { appendFile, chmod, chown, cp, mkdir, mkdtemp, readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { get, readyLine } from '../support/edges.ts'
import { TestOrigin } from '../support/origin.ts'

const colonydPath = fileURLToPath(new URL('../../bin/colonyd.ts', import.meta.url))
const paths = Array.from({ length: 12 }, (_, index) => `/file-${index}`)

let origin: TestOrigin
const files = new Map<string, Buffer>()
let folder: string

/** A data folder after a first run in which every file was asked for. */
let template: string

beforeAll(async () => {
  origin = await new TestOrigin().start()
  // Half of them go to a file at once, half are written behind.
  for (const [index, path] of paths.entries()) files.set(path, origin.file(path, index % 2 === 0 ? 20_000 : 1_500_000, { maxAge: 3_600 }))
  folder = template = await mkdtemp(join(tmpdir(), 'colony-template-'))
  const edge = await start()
  await serveAll(edge)
  expect(await edge.stop()).toBe(0)
})
afterAll(async () => {
  await origin.close()
  await rm(template, { recursive: true, force: true })
})
beforeEach(async () => { folder = await mkdtemp(join(tmpdir(), 'colony-folder-')) })
afterEach(async () => { await rm(folder, { recursive: true, force: true }) })

interface Running { readonly http: string, readonly admin: string, readonly log: () => Array<Record<string, unknown>>, readonly stop: () => Promise<number | null> }

/** Like an operator's: with a log, and as another user where that is asked for. */
async function start (options: { readonly uid?: number } = {}): Promise<Running> {
  const child = spawn(process.execPath, [colonydPath, '--http', '127.0.0.1:0', '--admin', '127.0.0.1:0', '--data', folder, '--origin', origin.url, '--log-level', 'info'], {
    stdio: ['pipe', 'pipe', 'pipe'], env: { PATH: process.env.PATH, COLONY_PARENT_WATCH: '1' }, ...options, gid: options.uid
  })
  let err = ''
  child.stderr.on('data', (data: Buffer) => { err += data.toString() })
  const ended = new Promise<number | null>((resolve) => child.once('exit', resolve))
  const stop = async (): Promise<number | null> => {
    child.kill('SIGTERM')
    return await ended
  }
  const ready = await readyLine(child)
  const log = (): Array<Record<string, unknown>> => err.split('\n').filter((line) => line.startsWith('{')).map((line) => JSON.parse(line) as Record<string, unknown>)
  return { ...ready, log, stop }
}

/** Of the store, louder than what is usual. */
function warnings (edge: Running): string[] {
  return edge.log().filter(({ level }) => level === 'warn' || level === 'error' || Number(level) >= 40).map(({ msg }) => String(msg)).filter((text) => /disk|index|stor/i.test(text))
}

/** Asks for every file; none may be wrong. @returns how many came from the store */
async function serveAll (edge: Pick<Running, 'http'>): Promise<number> {
  let hits = 0
  for (const path of paths) {
    const got = await get(`${edge.http}${path}`)
    expect(got.status).toBe(200)
    expect(Buffer.compare(got.body, files.get(path)!), path).toBe(0)
    if (got.cacheStatus.includes(';hit')) hits++
  }
  return hits
}

async function fill (): Promise<void> {
  await cp(template, folder, { recursive: true })
}

async function below (...parts: string[]): Promise<string[]> {
  const all = await readdir(join(folder, ...parts), { recursive: true, withFileTypes: true })
  return all.filter((each) => each.isFile()).map((each) => join(each.parentPath, each.name)).sort()
}

async function garble (path: string): Promise<void> {
  const bytes = await readFile(path)
  for (let at = 0; at < bytes.byteLength; at += 53) bytes[at]! ^= 0x5a
  await writeFile(path, bytes)
}

describe('bodies that are not what they were', () => {
  it('are fetched again, and never served wrong', async () => {
    await fill()
    const bodies = await below('bodies').then((all) => all.filter((path) => path.endsWith('.body')))
    expect(bodies).toHaveLength(paths.length)
    for (const [index, path] of bodies.entries()) {
      const { size } = await stat(path)
      if (index % 4 === 0) await truncate(path, Math.floor(size / 2))
      else if (index % 4 === 1) await rm(path)
      else if (index % 4 === 2) await appendFile(path, 'x')
    }
    const edge = await start()
    const hits = await serveAll(edge)
    expect(hits).toBe(3)
    expect(await serveAll(edge)).toBe(paths.length)
    expect(await edge.stop()).toBe(0)
  })

  it('are no matter among files of others, which stay', async () => {
    await fill()
    const foreign = [join(folder, 'bodies', '00', 'notes.txt'), join(folder, 'bodies', 'index', 'notes.txt'), join(folder, 'holiday.jpg')]
    for (const path of foreign) await writeFile(path, 'a person put this here')
    const edge = await start()
    expect(await serveAll(edge)).toBe(paths.length)
    expect(warnings(edge)).toEqual([])
    expect(await edge.stop()).toBe(0)
    for (const path of foreign) expect(await readFile(path, 'utf8')).toBe('a person put this here')
  })
})

describe('an index', () => {
  it('that is garbled throughout is set aside or mended, said once, and the edge serves on', async () => {
    await fill()
    for (const path of await below('bodies', 'index')) await garble(path)
    const edge = await start()
    await serveAll(edge)
    expect(warnings(edge)).toEqual([expect.stringMatching(/^the index of the disk tier was damaged/)])
    expect(await serveAll(edge)).toBe(paths.length)
    expect(await edge.stop()).toBe(0)
  })

  it('with something else in its place leaves the disk alone, said once, and the edge serves on from memory', async () => {
    await mkdir(join(folder, 'bodies'))
    await writeFile(join(folder, 'bodies', 'index'), 'not a database')
    const edge = await start()
    await serveAll(edge)
    expect(await serveAll(edge)).toBeGreaterThan(0)
    expect(warnings(edge)).toEqual(['disk tier off: writing failed; serving goes on without it'])
    expect(await edge.stop()).toBe(0)
    expect(await readFile(join(folder, 'bodies', 'index'), 'utf8')).toBe('not a database')
  })
})

/** The one sentence and the exit code of a daemon that does not start. */
async function refusal (uid?: number): Promise<{ code: number | null, text: string }> {
  const child = spawn(process.execPath, [colonydPath, '--http', '127.0.0.1:0', '--admin', '127.0.0.1:0', '--data', folder], { stdio: ['ignore', 'ignore', 'pipe'], uid, gid: uid })
  let text = ''
  child.stderr.on('data', (data: Buffer) => { text += data.toString() })
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve))
  return { code, text }
}

describe('a data folder', () => {
  it.each([
    ['of a newer version', '2\n', /the data folder \S+ is of format 2, written by a newer colonyd, and this one knows up to 1: run the newer version, or give another folder with --data$/],
    ['of another program', 'ustar', /format says "ustar" where a number is expected/]
  ])('%s is refused with one sentence, and left as it is', async (_name, format, sentence) => {
    await fill()
    await writeFile(join(folder, 'format'), format)
    const snapshot = async (): Promise<Array<[string, string]>> => await Promise.all((await below()).map(async (path): Promise<[string, string]> => [path, (await readFile(path)).toString('base64')]))
    const before = await snapshot()
    const { code, text } = await refusal()
    expect(code).toBe(1)
    expect(text.trim().split('\n')).toHaveLength(1)
    expect(text.trim()).toMatch(sentence)
    expect(await snapshot()).toEqual(before)
  })

  it('says its format from the first start on', async () => {
    await fill()
    expect(await readFile(join(folder, 'format'), 'utf8')).toBe('1\n')
  })

  it('whose owner is someone else is refused with one sentence', async (context) => {
    if (process.getuid?.() === 0 && !await isForAll()) context.skip('no other user can read this checkout')
    await fill()
    const { code, text } = await someoneElse(refusal)
    expect(code).toBe(1)
    expect(text.trim().split('\n')).toHaveLength(1)
    expect(text).toMatch(/the data folder \S+ cannot be used \(.*(ermission|EACCES).*\): check its owner and rights/)
  })

  it('whose bodies belong to someone else is used without its disk tier, said once', async (context) => {
    if (process.getuid?.() !== 0 || !await isForAll()) context.skip('only root can give files to another user, who has to be able to read this checkout')
    await fill()
    // As after a restore by root: the folder is the user's, what lies below `bodies` is not.
    await chown(folder, nobody, nobody)
    await rm(join(folder, 'state'), { recursive: true })
    for (const path of await readdir(folder)) if (path !== 'bodies') await rm(join(folder, path), { recursive: true })
    const edge = await start({ uid: nobody })
    await serveAll(edge)
    expect(warnings(edge)).toEqual(['disk tier off: writing failed; serving goes on without it'])
    expect(await edge.stop()).toBe(0)
  })
})

const nobody = 65_534

/** Whether another user can run the daemon from here. */
async function isForAll (): Promise<boolean> {
  const child = spawn(process.execPath, [colonydPath, '--help'], { stdio: 'ignore', uid: nobody, gid: nobody })
  return await new Promise((resolve) => {
    child.once('error', () => { resolve(false) })
    child.once('exit', (code) => { resolve(code === 0) })
  })
}

/** Runs `work` as a user who may not write into the folder: by another id, or by its rights where there is no other. */
async function someoneElse<T> (work: (uid?: number) => Promise<T>): Promise<T> {
  if (process.getuid?.() === 0) return await work(nobody)
  await chmod(folder, 0o500)
  await chmod(join(folder, 'state'), 0o500)
  try {
    return await work()
  } finally {
    await chmod(folder, 0o700)
    await chmod(join(folder, 'state'), 0o700)
  }
}

describe('a disk that fills up', () => {
  it('turns the disk tier off, said once, and the edge serves on and stops in peace', async (context) => {
    if (!await run('mount', ['-t', 'tmpfs', '-o', 'size=6m', 'tmpfs', folder])) context.skip('no file system can be mounted here')
    try {
      const edge = await start()
      await serveAll(edge)
      await serveAll(edge)
      expect(warnings(edge)).toEqual(['disk tier off: writing failed; serving goes on without it'])
      expect((await get(`${edge.admin}/metrics`)).text).toMatch(/colony_store_disk_usable\S* 0/)
      expect(await edge.stop()).toBe(0)
      const again = await start()
      expect(await serveAll(again)).toBeGreaterThan(0)
      expect(await again.stop()).toBe(0)
    } finally {
      await run('umount', [folder])
    }
  })
})

async function run (command: string, args: readonly string[]): Promise<boolean> {
  const child = spawn(command, args, { stdio: 'ignore' })
  return await new Promise((resolve) => {
    child.once('error', () => { resolve(false) })
    child.once('exit', (code) => { resolve(code === 0) })
  })
}
