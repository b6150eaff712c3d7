/** Starting and stopping the parts of an edge. */
import { describe, expect, it } from 'vitest'
import { Lifecycle, type Part } from '../../daemon/lifecycle.ts'
import type { Logger } from '../../daemon/log.ts'

function rig (): { done: string[], warnings: object[], part: (name: string, failing?: 'start' | 'stop') => Part, logger: Logger } {
  const done: string[] = []
  const warnings: object[] = []
  const run = async (what: string, fails: boolean): Promise<void> => {
    await Promise.resolve()
    done.push(what)
    if (fails) throw new Error(`${what} failed`)
  }
  return {
    done,
    warnings,
    part: (name, failing) => ({ name, start: async () => { await run(`start ${name}`, failing === 'start') }, stop: async () => { await run(`stop ${name}`, failing === 'stop') } }),
    logger: { warn: (fields: object) => { warnings.push(fields) } } as unknown as Logger
  }
}

describe('the life cycle', () => {
  it('starts the parts in order and stops them in reverse', async () => {
    const { done, part, logger } = rig()
    const lifecycle = new Lifecycle([part('a'), { name: 'without' }, part('b')], logger)
    await lifecycle.start()
    await lifecycle.stop()
    expect(done).toEqual(['start a', 'start b', 'stop b', 'stop a'])
  })

  it('takes down what runs, and the failing part itself, when a part does not start', async () => {
    const { done, part, logger } = rig()
    const lifecycle = new Lifecycle([part('a'), part('b', 'start'), part('c')], logger)
    await expect(lifecycle.start()).rejects.toThrow('start b failed')
    expect(done).toEqual(['start a', 'start b', 'stop b', 'stop a'])
  })

  it('goes on past a part that does not stop, and says which', async () => {
    const { done, warnings, part, logger } = rig()
    const lifecycle = new Lifecycle([part('a'), part('b', 'stop'), part('c')], logger)
    await lifecycle.start()
    await lifecycle.stop()
    expect(done.slice(3)).toEqual(['stop c', 'stop b', 'stop a'])
    expect(warnings).toMatchObject([{ part: 'b' }])
  })

  it('stops each part once, however often it is told', async () => {
    const { done, part, logger } = rig()
    const lifecycle = new Lifecycle([part('a')], logger)
    await lifecycle.start()
    await Promise.all([lifecycle.stop(), lifecycle.stop()])
    await lifecycle.stop()
    expect(done).toEqual(['start a', 'stop a'])
  })

  it('starts nothing more once it is told to stop, and stops what was just starting', async () => {
    const { done, part, logger } = rig()
    const gate = Promise.withResolvers<void>()
    const slow: Part = {
      name: 'slow',
      start: async () => {
        await gate.promise
        done.push('start slow')
      },
      stop: () => { done.push('stop slow') }
    }
    const lifecycle = new Lifecycle([part('a'), slow, part('c')], logger)
    const started = lifecycle.start().catch(() => {})
    await new Promise((resolve) => { setImmediate(resolve) })
    const stopped = lifecycle.stop()
    await new Promise((resolve) => { setImmediate(resolve) })
    gate.resolve()
    await Promise.all([started, stopped])
    expect(done).not.toContain('start c')
    expect(done.indexOf('stop slow')).toBeGreaterThan(done.indexOf('start slow'))
    expect(done).toContain('stop a')
  })
})
