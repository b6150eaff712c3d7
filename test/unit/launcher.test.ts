/** The launchers: a sentence for a Node that is too old, the program for any other. */
import { spawnSync, type SpawnSyncReturns } from 'node:child_process'
import { readFileSync, statSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'

const bin = fileURLToPath(new URL('../../bin/', import.meta.url))

interface NodeVersion {
  nodeMajorMin: number
  complaint: (program: string, version: string, executable: string) => string | undefined
  compiledFolder: (modules: string, user?: number) => string | undefined
}

// By a variable, as the launchers are JavaScript without declarations.
const modulePath = `${bin}node-version.js`
const { compiledFolder, complaint, nodeMajorMin } = await import(modulePath) as NodeVersion

function run (executable: string, ...args: readonly string[]): SpawnSyncReturns<string> {
  return spawnSync(executable, args, { encoding: 'utf8', env: { PATH: process.env.PATH }, timeout: 30_000, killSignal: 'SIGKILL' })
}

/** The machine's own Node where that is too old, as on many servers. */
const systemNode = '/usr/bin/node'
const systemVersion = run(systemNode, '--version').stdout?.trim().slice(1) ?? ''

describe('the check of Node\'s version', () => {
  it.each(['12.22.12', '20.20.2', '23.11.1'])('complains about %s in one sentence', (version) => {
    expect(complaint('colonyd', version, '/usr/bin/node')).toBe(
      `colonyd needs Node 24 or later; this is ${version} (/usr/bin/node): install one, or run it with npm start or npx in the clone`
    )
  })

  it.each(['24.0.0', '26.10.0', '100.0.0'])('is content with %s', (version) => {
    expect(complaint('colonyd', version, 'node')).toBeUndefined()
  })

  it('asks for what package.json asks for', () => {
    const { engines } = JSON.parse(readFileSync(`${bin}../package.json`, 'utf8')) as { engines: { node: string } }
    expect(engines.node).toBe(`>=${nodeMajorMin}`)
  })
})

describe('compiled code', () => {
  it('is kept beside the packages by their owner, and by nobody else, who would leave files that the owner cannot remove', () => {
    const modules = fileURLToPath(new URL('../../node_modules', import.meta.url))
    const { uid } = statSync(modules)
    expect(compiledFolder(modules, uid)).toBe(`${modules}/.cache/compiled`)
    expect(compiledFolder(modules, uid + 1)).toBeUndefined()
    expect(compiledFolder(`${modules}/none`, uid)).toBeUndefined()
  })
})

describe.each(['colonyd', 'colony', 'netsim'])('the launcher of %s', (program) => {
  it('prints the sentence and exits 1 on a Node that is too old, and loads the program on any other', () => {
    const old = systemVersion !== '' && Number(systemVersion.split('.')[0]) < nodeMajorMin
    const { status, stdout, stderr } = run(old ? systemNode : process.execPath, `${bin}${program}.js`, '--help')
    if (old) expect([status, stdout, stderr]).toEqual([1, '', `${complaint(program, systemVersion, systemNode)}\n`])
    else expect([status, stderr]).toEqual([0, ''])
  })

  it('is a file that may be executed and names its interpreter', () => {
    expect(readFileSync(`${bin}${program}.js`, 'utf8')).toMatch(/^#!\/usr\/bin\/env node\n/)
  })
})

describe('the program behind the launcher', () => {
  it('is the TypeScript beside it', () => {
    const { status, stdout } = run(process.execPath, `${bin}colonyd.js`, '--version')
    expect([status, stdout]).toEqual([0, expect.stringMatching(/^colonyd \d+\.\d+\.\d+\n$/)])
  })

  it('answers --help with exit code 0 and a bad flag with one sentence and 2', () => {
    const help = run(process.execPath, `${bin}colonyd.js`, '--help')
    expect([help.status, help.stderr]).toEqual([0, ''])
    expect(help.stdout).toContain('--network-key FILE')
    const bad = run(process.execPath, `${bin}colonyd.js`, '--http', '8080x')
    expect([bad.status, bad.stdout, bad.stderr]).toEqual([2, '', 'colonyd: --http is "8080x": expected HOST:PORT, such as 127.0.0.1:8080\n'])
  })
})
