/** Issue item 5: an owner above its share of the region's load says `busy`, and the next one takes the bytes from it. */
import { afterEach, beforeEach, expect, it } from 'vitest'
import { contentKey } from '../../protocols/ids.ts'
import { Locate } from '../../protocols/locate/locate.ts'
import { get, steady, Swarm, until } from '../support/edges.ts'
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

it('sends askers of a busy owner to the next one, with one origin request a key all the same', async () => {
  const settings = { ...steady, routing: { ...steady.routing, loadAnnounceMs: 50 }, locate: { busyFloorPerSecond: 1, loadWindowMs: 2_000 } }
  const [owner, next, asker] = await swarm.grow({ europe: 3 }, { origin: origin.url, settings })
  const locate = new Locate({ region: 'europe' })
  locate.update([owner, next, asker].map((edge) => ({ peer: edge!.peer, region: 'europe', weight: 1 })))
  const paths = Array.from({ length: 3_000 }, (_, index) => `/busy-${index}`).filter((path) => {
    const owners = locate.owners(contentKey('default', path), 2)
    return owners[0] === owner!.peer && owners[1] === next!.peer
  })
  const busy = async (): Promise<number> => (await asker!.status()).traffic.steps['peer-busy'] ?? 0
  let asked = 0
  // Everything is asked of one owner, and nothing of the others: far above its share.
  await until(async () => {
    const path = paths[asked++]!
    const body = origin.file(path, 2_000, { maxAge: 60 })
    expect((await get(`${owner!.http}${path}`)).body.equals(body)).toBe(true)
    expect((await get(`${asker!.http}${path}`)).body.equals(body)).toBe(true)
    return await busy() >= 5
  }, 30_000, 'the owner never said busy')
  for (const path of paths.slice(0, asked)) expect(origin.count(path)).toBe(1)
  // What the next one served it had taken from the owner, and now holds.
  expect((await next!.status()).store.objects).toBeGreaterThanOrEqual(5)
})
