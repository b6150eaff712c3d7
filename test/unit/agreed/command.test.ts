/** `colony config` as a person runs it, against an admin listener with a real group of one behind it. */
import { spawn } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { configRoutes } from '../../../daemon/admin/config.ts'
import { createAdminHandler } from '../../../daemon/admin/routes.ts'
import { AgreedConfig } from '../../../daemon/agreed/service.ts'
import { systemClock } from '../../../daemon/clock.ts'
import { HttpServer, httpServerDefaults, httpUrl } from '../../../daemon/http/server.ts'
import { RaftGroup } from '../../../protocols/raft/group.ts'
import { raftServiceDefaults } from '../../../protocols/raft/service-settings.ts'
import { raftDefaults } from '../../../protocols/raft/settings.ts'
import { HeldStore } from '../raft-service/support.ts'
import { MemoryRecords, quiet, settings as byDefault } from './support.ts'

const script = fileURLToPath(new URL('../../../bin/colony.ts', import.meta.url))
const settings = { ...byDefault, listenMs: 0, stageMs: 100, quietMs: 200, driveIntervalMs: 20, reportIntervalMs: 20 }

describe('colony config', () => {
  let raft: RaftGroup
  let agreed: AgreedConfig
  let server: HttpServer
  let url: string
  let folder: string

  beforeAll(async () => {
    agreed = new AgreedConfig({
      self: 'a', region: 'fra', clock: systemClock, logger: quiet, settings,
      records: new MemoryRecords(),
      groups: { regional: () => raft, global: () => undefined },
      call: async () => { throw new Error('nobody is there') },
      members: () => [{ peer: 'a', name: 'edge-a', region: 'fra', weight: 1 }],
      isReachable: () => true,
      isLinked: () => true,
      run: ({ sites }) => { if (sites.shop?.ttl.default === 13) throw new Error('thirteen is no lifetime here') },
      objectsBySite: () => ({ shop: 1_234 })
    })
    await agreed.start()
    raft = new RaftGroup({ slot: 'region', store: new HeldStore(), machine: agreed.machine('regional'), raft: raftDefaults, peers: () => [], mayJoin: () => true, onChange: () => { agreed.changed() } }, {
      self: 'a', clock: systemClock, settings: raftServiceDefaults, logger: { warn: () => {} }, send: () => {}, sendNote: () => {}
    })
    await raft.start()
    await raft.found('g', { voters: ['a'], learners: [] })
    server = new HttpServer({ host: '127.0.0.1', port: 0, settings: httpServerDefaults, clock: systemClock, logger: quiet, handler: createAdminHandler(configRoutes({ agreed, ...settings })) })
    url = httpUrl(await server.start())
    folder = await mkdtemp(join(tmpdir(), 'colony-config-'))
    await writeFile(join(folder, 'colony.yaml'), 'sites:\n  shop:\n    hosts: [shop.example.org]\n    origins: [https://origin.example.org]\n    ttl: { default: 60s }\nplacement: { copiesMin: 2 }\n')
  })
  afterAll(async () => {
    await server.stop({ graceMs: 0 })
    await raft.stop()
    await agreed.stop()
    await rm(folder, { recursive: true })
  })

  async function config (...args: readonly string[]): Promise<{ status: number | null, stdout: string, stderr: string }> {
    const child = spawn(process.execPath, [script, 'config', '--scope', 'regional', '--author', 'ann@desk', ...args], { env: { COLONY_ADMIN: url }, stdio: ['ignore', 'pipe', 'pipe'] })
    let [stdout, stderr] = ['', '']
    child.stdout.setEncoding('utf8').on('data', (text: string) => { stdout += text })
    child.stderr.setEncoding('utf8').on('data', (text: string) => { stderr += text })
    const status = await new Promise<number | null>((resolve) => { child.once('close', resolve) })
    return { status, stdout, stderr }
  }

  it('says what a file would change, then agrees on it and stays until it runs everywhere', async () => {
    const file = join(folder, 'colony.yaml')
    const dry = await config('apply', '--dry-run', file)
    expect(dry).toMatchObject({ status: 0, stdout: expect.stringMatching(/sites\.shop\.hosts +\(not set\) +\["shop\.example\.org"\] +yes[^]*site shop would be added: this edge holds 1,234 objects of it\nplacement\.copiesMin: kept, but no edge acts on it yet\n[^]*nothing was changed/) })
    const applied = await config('apply', '--reason', 'the first one', file)
    expect(applied).toMatchObject({ status: 0, stdout: expect.stringMatching(/^regional version 1: .*colony\.yaml is agreed\nplacement\.copiesMin: kept, but no edge acts on it yet\nversion 1 runs everywhere; too quiet to judge/) })
    expect(applied.stderr).toMatch(/rolls out version 1, step 1 of 3 \(one edge\)/)
    expect((await config('get', 'sites.shop.ttl.default')).stdout).toBe('60000\n')
  })

  it('sets one field, and ends with the reason where an edge cannot run it', async () => {
    const refused = await config('set', 'sites.shop.ttl.default', '13ms')
    expect(refused).toMatchObject({ status: 1, stdout: 'regional version 2: sites.shop.ttl.default is set\n' })
    expect(refused.stderr).toMatch(/version 2 was aborted, and everybody returned to the last good one: edge edge-a cannot run version 2: thirteen is no lifetime here/)
    expect((await config('set', '--plan', 'now', 'sites.shop.ttl.default', '5s')).stdout).toBe('regional version 3: sites.shop.ttl.default is set\n')
    expect((await config('diff')).stdout).toMatch(/^FIELD +VERSION 1 +VERSION 3\nsites\.shop\.ttl\.default +60000 +5000\n$/)
    expect((await config('rollback', '1')).stdout).toBe('regional version 4: version 1 is back\n')
    expect((await config('history')).stdout).toMatch(/^VERSION .*\n4 \* .* ann@desk .*\n3 .*\n2 .*aborted.*thirteen.*\n1 .*the first one.*\n$/)
  })

  it('says in one sentence what is wrong', async () => {
    const [wrong, base, misspelt] = await Promise.all([config('aply', 'x'), config('set', '--base', '3', 'sites.shop.published', 'true'), config('set', 'sites.shop.ttl.defualt', '5s')])
    expect(wrong).toMatchObject({ status: 2, stderr: 'colony: "aply" is not an action of colony config: did you mean apply?\n' })
    expect(base).toMatchObject({ status: 1, stderr: expect.stringContaining('version 4 is agreed now') })
    expect(misspelt).toMatchObject({ status: 1, stderr: expect.stringMatching(/sites\.shop\.ttl\.defualt: unknown; did you mean default\?/) })
  })
})
