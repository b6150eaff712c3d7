import { describe, expect, it } from 'vitest'
import { parseShape, ShapeError, shapeHelp } from '../../../netsim/workload/shape.ts'

describe('a workload\'s text', () => {
  it('says everything', () => {
    expect(parseShape('zipf=1.1,objects=100000, rate=500.5,size=512KiB,sigma=1.5,size-max=1GiB,churn=1%/min,flash=30s:20%:500ms,diurnal=2min:50%,ranges=2.5%')).toEqual({
      objects: 100_000, exponent: 1.1, sizes: { medianBytes: 512 * 1024, sigma: 1.5, bytesMax: 1024 ** 3 }, churnPerMinute: 0.01,
      flash: { afterMs: 30_000, share: 0.2, durationMs: 500 }, diurnal: { dayMs: 120_000, amplitude: 0.5 }, ranges: 0.025,
      load: { kind: 'open', perSecond: 500.5 }
    })
  })

  it('needs to say nothing', () => {
    const shape = parseShape('')
    expect(shape).toEqual({
      objects: 10_000, exponent: 0.9, sizes: { medianBytes: 16_384, sigma: 1, bytesMax: 4 * 1024 ** 2 }, churnPerMinute: 0, ranges: 0,
      load: { kind: 'open', perSecond: 100 }
    })
    expect(parseShape('size=8MiB').sizes).toMatchObject({ medianBytes: 8 * 1024 ** 2, bytesMax: 8 * 1024 ** 2 })
  })

  it('closes the loop by naming clients', () => {
    expect(parseShape('clients=32').load).toEqual({ kind: 'closed', clients: 32, thinkMs: 0 })
    expect(parseShape('clients=32,think=1.5s').load).toEqual({ kind: 'closed', clients: 32, thinkMs: 1500 })
  })

  it.each([
    ['zip=1', '"zip" is no part of a workload: expected zipf, objects, size, sigma, size-max, churn, flash, diurnal, ranges, rate, clients, think'],
    ['constructor=1', '"constructor" is no part of a workload: expected '],
    ['zipf', 'zipf has no value: expected zipf=EXPONENT'],
    ['zipf=-1', 'zipf is "-1": expected a number from 0 to 5, such as 0.9'],
    ['zipf=', 'zipf is "": expected a number'],
    ['objects=1.5', 'objects is "1.5": expected a whole number from 1 to 50000000, such as 100000'],
    ['objects=1,objects=2', 'objects is given twice'],
    ['size=63B', 'size is "63B": expected 64B to 1GiB, such as 16KiB'],
    ['size=1.2.3KiB', 'size is "1.2.3KiB": expected'],
    ['size=16constructor', 'size is "16constructor": expected'],
    ['size=1MiB,size-max=1KiB', 'size-max is "1KiB": expected at least size, 1MiB'],
    ['churn=1%', 'churn is "1%": expected a share a minute, such as 1%/min'],
    ['flash=30s:20', 'flash is "30s:20": expected a moment, a share and a duration, such as 30s:20%:10s'],
    ['flash=30s:20%:10s:1', 'flash is "30s:20%:10s:1": expected'],
    ['diurnal=0s', 'diurnal is "0s": expected the length of a day'],
    ['diurnal=60s:101%', 'diurnal is "60s:101%": expected'],
    ['rate=10,clients=2', 'rate and clients are both given: expected one of them'],
    ['think=1s', 'think is given without clients']
  ])('%s is refused in one sentence', (text, sentence) => {
    expect(() => parseShape(text)).toThrow(ShapeError)
    expect(() => parseShape(text)).toThrow(sentence)
  })

  it('is explained part by part, with each default as it is read', () => {
    const defaults = [...shapeHelp.matchAll(/^ {2}(\S+?)=\S+\n.*\(default: (\S+)\)$/gm)].map(([, name, value]) => `${name}=${value}`)
    expect(defaults).toContain('objects=10000')
    // An open loop has no thinking.
    expect(parseShape(defaults.filter((each) => !each.startsWith('think')).join(','))).toEqual(parseShape(''))
  })
})
