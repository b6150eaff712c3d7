/**
 * Real edges whose cables are pulled, one after the other, and put back: each tells once on which rung of the ladder
 * of degradation it stands, serves on, and knows what it has lost.
 */
import { afterEach, beforeEach, expect, it } from 'vitest'
import { systemClock } from '../../daemon/clock.ts'
import { createLog, type Log } from '../../daemon/log.ts'
import { Links } from '../../netsim/links/links.ts'
import { get, Swarm, until, type TestEdge } from '../support/edges.ts'
import { TestOrigin } from '../support/origin.ts'

let swarm: Swarm
let origin: TestOrigin

beforeEach(async () => {
  swarm = new Swarm()
  origin = await new TestOrigin().start()
})
afterEach(async () => {
  await swarm.stop()
  await origin.close()
})

interface Line { readonly scope: string, readonly level: string, readonly rung: string, readonly was: string, readonly msg: string }

/** A log whose lines about the ladder are kept. */
function listening (name: string): { log: Log, lines: Line[] } {
  const lines: Line[] = []
  const take = (text: string): void => {
    const line = JSON.parse(text) as Line
    if (line.scope === 'partition') lines.push(line)
  }
  return { lines, log: createLog({ level: 'info', name, destination: { write: take } }) }
}

const hosts = ['127.9.11.1', '127.9.11.2', '127.9.12.1'] as const
const settings = { membership: { refreshMs: 500, pulseSendMs: 100, goneRedialMs: 500, joinBackoffMaxMs: 1_000 } }

it('walks from the mesh to its region, to being alone and back, and tells each rung once', async () => {
  const links = new Links({ clock: systemClock })
  const logs = hosts.map((host) => listening(host))
  const edges: TestEdge[] = []
  for (const [index, host] of hosts.entries()) {
    edges.push(await swarm.start({
      region: index < 2 ? 'europe' : 'asia', origin: origin.url, settings, at: { host, links }, log: logs[index]!.log,
      join: edges.slice(0, 1).map(({ listen }) => listen)
    }))
  }
  await swarm.whole()
  const [one, other, far] = edges as [TestEdge, TestEdge, TestEdge]
  const stands = async (rung: string, ...on: TestEdge[]): Promise<void> => {
    await until(async () => (await Promise.all(on.map(async (edge) => await edge.status()))).every(({ sight }) => sight.rung === rung), 60_000, `not all stand on ${rung}`)
  }
  expect((await one.status()).sight).toMatchObject({ rung: 'mesh', majority: true, regions: [{ region: 'asia', here: 1, silent: 0, linked: 1 }, { region: 'europe', here: 2, silent: 0, linked: 1 }] })

  links.cut([hosts[0], hosts[1]], [hosts[2]])
  await stands('region', one, other)
  expect((await one.status()).sight).toMatchObject({ majority: true, regions: [{ region: 'asia', here: 0, silent: 1 }, { region: 'europe', here: 2, silent: 0 }] })
  await stands('alone', far)

  links.cut([hosts[0]], [hosts[1]])
  await stands('alone', one, other)
  expect((await one.status()).sight).toMatchObject({ majority: false, regions: [{ region: 'asia', here: 0, silent: 1 }, { region: 'europe', here: 1, silent: 1 }] })
  const { text } = await get(`${one.admin}/metrics`)
  expect(text).toMatch(/^colony_partition_rung\{rung="alone"\} 1$/m)
  expect(text).toMatch(/^colony_partition_rung\{rung="mesh"\} 0$/m)
  expect(text).toMatch(/^colony_partition_regions\{state="seen"\} 1$/m)
  expect(text).toMatch(/^colony_partition_region_majority 0$/m)
  origin.file('/alone', 1_000, { maxAge: 60 })
  expect((await get(`${one.http}/alone`)).status).toBe(200)

  links.heal()
  await stands('mesh', one, other, far)
  expect((await one.status()).sight.majority).toBe(true)

  for (const [index, { lines }] of logs.entries()) {
    const rungs = lines.map(({ rung }) => rung)
    const down = index < 2 ? ['region', 'alone'] : ['alone']
    expect(rungs.slice(0, down.length)).toEqual(down)
    // The way up may lead over the region, where the first edge that came back is of it.
    expect(rungs.slice(down.length).filter((rung) => rung !== 'region')).toEqual(['mesh'])
    expect(lines.map(({ was }) => was)).toEqual(['mesh', ...rungs.slice(0, -1)])
    expect(lines.map(({ level }) => level)).toEqual(rungs.map((rung) => rung === 'mesh' ? 'info' : 'warn'))
  }
  expect(logs[0]!.lines[0]!.msg).toMatch(/^this edge sees its own region only: 0 of 1 other region; 2 of 2 edges of europe, a majority \(mesh for \d+ s before\)$/)
  expect(logs[0]!.lines[1]!.msg).toMatch(/^this edge sees no other edge: 0 of 1 other region; 1 of 2 edges of europe, no majority \(region for \d+ s before\)$/)
}, 240_000)
