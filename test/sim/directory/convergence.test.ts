/** Whatever happened to a region: once it is quiet, every owner's directory says the truth and nothing else. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { calm, keyOf, storm, World } from './world.ts'

/** Small pages, slices and queues, so that few keys pass through all of the machinery. */
const small = { reportKeysMax: 3, walkKeysPerSlice: 4, queueKeysMax: 6, holdersPerKeyMax: 64 }
/** Longer than everything that is kept or waited for. */
const quietMs = 240_000
const keys = 40

type Action =
  | { readonly kind: 'hold', readonly edge: number, readonly keys: readonly number[] }
  | { readonly kind: 'drop', readonly edge: number, readonly keys: readonly number[] }
  | { readonly kind: 'restart' | 'crash' | 'join', readonly edge: number, readonly keeps: boolean }
  | { readonly kind: 'overlook', readonly edge: number, readonly other: number, readonly forMs: number }
  | { readonly kind: 'pass', readonly forMs: number }

const edge = fc.nat(29)
const some = fc.array(fc.nat(keys - 1), { minLength: 1, maxLength: 20 })
const action: fc.Arbitrary<Action> = fc.oneof(
  { weight: 6, arbitrary: fc.oneof(fc.record({ kind: fc.constant('hold' as const), edge, keys: some }), fc.record({ kind: fc.constant('drop' as const), edge, keys: some })) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constantFrom('restart' as const, 'crash' as const, 'join' as const), edge, keeps: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('overlook' as const), edge, other: edge, forMs: fc.nat(20_000) }) },
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('pass' as const), forMs: fc.oneof(fc.nat(1_000), fc.nat(70_000)) }) }
)

async function run (world: World, size: number, actions: readonly Action[]): Promise<void> {
  const name = (index: number): string => `edge ${index % size}`
  for (let index = 0; index < size; index++) world.join(name(index))
  await world.clock.advance(2_000)
  world.weather = storm
  for (const each of actions) {
    if (each.kind === 'pass') await world.clock.advance(each.forMs)
    else if (each.kind === 'hold') for (const key of each.keys) world.hold(name(each.edge), keyOf(key))
    else if (each.kind === 'drop') for (const key of each.keys) world.drop(name(each.edge), keyOf(key))
    else if (each.kind === 'overlook') {
      // One edge alone takes another for gone, for a while.
      const one = world.edge(name(each.edge))
      if (one.up) world.see(one, world.members().filter((member) => member !== name(each.other)))
      world.clock.after(each.forMs, () => { if (one.up) world.see(one, world.members()) })
    } else {
      if (each.kind !== 'join' && world.edge(name(each.edge)).up) world.crash(name(each.edge), each.kind === 'crash')
      if (each.kind !== 'crash' && !world.edge(name(each.edge)).up) world.join(name(each.edge), each.keeps)
    }
    await world.clock.advance(1)
  }
  world.weather = calm
  await world.clock.advance(quietMs)
}

describe('a region of directories', () => {
  it('knows the truth once it is quiet, whatever was lost, repeated, reordered, restarted or mistaken', async () => {
    await fc.assert(fc.asyncProperty(fc.integer(), fc.integer({ min: 3, max: 8 }), fc.array(action, { maxLength: 30 }), async (seed, size, actions) => {
      const world = new World({ seed, settings: small })
      await run(world, size, actions)
      const { said, true: truth } = world.compare()
      expect(said).toEqual(truth)
    }), {
      numRuns: 60,
      // A report of a life before arrives after the next one has begun, which has nothing to say.
      examples: [[816_456_244, 3, [{ kind: 'hold', edge: 16, keys: [3, 8, 0] }, { kind: 'pass', forMs: 62_809 }, { kind: 'pass', forMs: 9 }, { kind: 'restart', edge: 1, keeps: false }]]]
    })
  })

  it('of 30 edges does, too', async () => {
    const seed = 20261121
    const world = new World({ seed, settings: small })
    const [actions] = fc.sample(fc.array(action, { minLength: 60, maxLength: 60 }), { seed, numRuns: 1 })
    await run(world, 30, actions!)
    const { said, true: truth } = world.compare()
    expect(Object.keys(truth).length).toBeGreaterThan(keys / 2)
    expect(said).toEqual(truth)
  })
})
