/**
 * The tarball of `npm pack`, installed as a stranger would: it must bring everything that the programs
 * need and run as emitted JavaScript. Packed from a copy, as packing builds into the folder it runs in.
 */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, delimiter, dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

const root = fileURLToPath(new URL('..', import.meta.url))
const temporary = mkdtempSync(join(tmpdir(), 'colony-pack-'))
const installed = join(temporary, 'installed')
const children = new Set<ChildProcess>()

/** Long, as it installs from a registry. */
const setUpMs = 300_000

/** The right Node first, for npm and for the launchers' `#!/usr/bin/env node`. */
const env = { ...process.env, PATH: `${dirname(process.execPath)}${delimiter}${process.env.PATH ?? ''}` }

/** The output of a command that must end well, and before `timeoutMs`: one that hangs would hang the run. */
function succeed (command: string, args: readonly string[], cwd: string, timeoutMs = 30_000): string {
  const { status, stdout, stderr, error } = spawnSync(command, args, { cwd, env, encoding: 'utf8', timeout: timeoutMs, killSignal: 'SIGKILL' })
  if (status !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${status ?? error?.message}:\n${stdout}\n${stderr}`)
  return stdout
}

beforeAll(() => {
  const copy = join(temporary, 'copy')
  const leftOut = ['node_modules', 'dist', '.git', 'colony-data']
  cpSync(root, copy, { recursive: true, filter: (path) => !leftOut.includes(basename(path)) })
  symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'), 'dir')
  succeed('npm', ['pack', '--pack-destination', temporary], copy, setUpMs / 2)
  const tarball = readdirSync(temporary).find((name) => name.endsWith('.tgz'))
  if (tarball === undefined) throw new Error('npm pack made no tarball')
  mkdirSync(installed)
  writeFileSync(join(installed, 'package.json'), '{ "name": "stranger", "private": true }')
  succeed('npm', ['install', '--omit=dev', '--no-audit', '--no-fund', join(temporary, tarball)], installed, setUpMs / 2)
}, setUpMs)

afterAll(async () => {
  for (const child of children) {
    if (child.exitCode !== null || child.signalCode !== null) continue
    child.kill('SIGKILL')
    await once(child, 'exit')
  }
  rmSync(temporary, { recursive: true, force: true })
})

const program = (name: string): string => join(installed, 'node_modules', '.bin', name)

describe('the installed package', () => {
  it('holds the programs and their JavaScript, no sources and no tests', () => {
    const folder = join(installed, 'node_modules', 'colony')
    expect(existsSync(join(folder, 'dist', 'bin', 'colonyd.js'))).toBe(true)
    expect(existsSync(join(folder, 'dist', 'daemon', 'config.d.ts'))).toBe(true)
    for (const absent of ['daemon', 'test', join('bin', 'colonyd.ts'), join('dist', 'test')]) {
      expect(existsSync(join(folder, absent)), absent).toBe(false)
    }
  })

  it('prints its version and its help', () => {
    expect(succeed(program('colonyd'), ['--version'], installed)).toMatch(/^colonyd \d+\.\d+\.\d+\n$/)
    expect(succeed(process.execPath, [program('colonyd'), '--help'], installed)).toContain('--network-key FILE')
  })

  it('brings the colony and netsim commands', () => {
    expect(succeed(program('colony'), ['--help'], installed)).toContain('colony')
    expect(succeed(program('netsim'), ['--help'], installed)).toContain('netsim')
  })

  it('runs an edge that answers on its admin listener and drains on SIGTERM', async () => {
    const child = spawn(process.execPath, [
      program('colonyd'), '--http', '127.0.0.1:0', '--admin', '127.0.0.1:0', '--data', join(temporary, 'data')
    ], { cwd: installed, env, stdio: ['ignore', 'pipe', 'pipe'] })
    children.add(child)
    let told = ''
    child.stderr.setEncoding('utf8').on('data', (text: string) => { told += text })
    const exited = once(child, 'exit') as Promise<[number | null]>
    const ready = await Promise.race([
      once(createInterface(child.stdout), 'line').then(([line]) => line as string),
      exited.then(([status]) => { throw new Error(`colonyd ended with ${status}: ${told}`) })
    ])
    expect(ready).toMatch(/^ready http=http:\/\/127\.0\.0\.1:\d+ admin=http:\/\/127\.0\.0\.1:\d+ peer=\w+ listen=\/ip4\/127\.0\.0\.1\/tcp\/\d+\/p2p\/\w+$/)
    const admin = /admin=(\S+)/.exec(ready)![1]!
    expect((await fetch(`${admin}/healthz`)).status).toBe(200)
    child.kill('SIGTERM')
    expect((await exited)[0]).toBe(0)
  })
})
