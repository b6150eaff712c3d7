/** The log's lines, ours and libp2p's, in one stream. */
import { describe, expect, it } from 'vitest'
import type { LogLevel } from '../../daemon/config.ts'
import { formatLine } from '../../daemon/log-format.ts'
import { createLog, type Log } from '../../daemon/log.ts'
import { WireError } from '../../protocols/errors.ts'

function collect (level: LogLevel): { log: Log, lines: () => Record<string, any>[] } {
  const written: string[] = []
  const log = createLog({ level, name: 'fra-1', destination: { write: (line) => { written.push(line) } } })
  return { log, lines: () => written.map((line) => JSON.parse(line) as Record<string, any>) }
}

describe('lines of ours', () => {
  it('carry level as a word, ISO time, edge, scope, fields and message', () => {
    const { log, lines } = collect('info')
    log.scope('fetch').warn({ key: 'k', durationMs: 3 }, 'a peer was slow')
    expect(lines()).toEqual([{ level: 'warn', time: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/), name: 'fra-1', scope: 'fetch', key: 'k', durationMs: 3, msg: 'a peer was slow' }])
  })

  it('are left out below the level', () => {
    const { log, lines } = collect('warn')
    const logger = log.scope('http')
    logger.debug({}, 'a')
    logger.info({}, 'b')
    logger.warn({}, 'c')
    logger.error({}, 'd')
    expect(lines().map(({ level, msg }) => [level, msg])).toEqual([['warn', 'c'], ['error', 'd']])
  })

  it('are none when the log is silent', () => {
    const { log, lines } = collect('silent')
    log.scope('http').error({}, 'a')
    log.components.forComponent('colony:fetch').error('b')
    expect(lines()).toEqual([])
  })

  it('tell a foreseen failure by code and message, any other with its stack', () => {
    const { log, lines } = collect('info')
    log.scope('fetch').error({ error: new WireError('bad frame', { cause: new Error('why') }) }, 'x')
    log.scope('fetch').error({ error: new TypeError('a fault') }, 'x')
    expect(lines()[0]!.error).toEqual({ name: 'WireError', code: 'COLONY_WIRE', message: 'bad frame', cause: 'why' })
    expect(lines()[1]!.error).toMatchObject({ name: 'TypeError', message: 'a fault', stack: expect.stringContaining('log.test.ts') })
  })
})

describe('lines of libp2p components', () => {
  it('stay at debug, errors too', () => {
    const { log, lines } = collect('debug')
    const component = log.components.forComponent('libp2p:tcp')
    component('dialled %s', 'x')
    component.error('closed after reading %d/%d bytes', 0, 1)
    component.trace('detail')
    expect(component.enabled).toBe(true)
    expect(lines().map(({ level, scope, msg }) => [level, scope, msg])).toEqual([
      ['debug', 'libp2p:tcp', 'dialled x'], ['debug', 'libp2p:tcp', 'closed after reading 0/1 bytes']
    ])
  })

  it('cost no formatting when they are off', () => {
    const { log, lines } = collect('info')
    const component = log.components.forComponent('libp2p:tcp')
    component('%s', { toString: () => { throw new Error('formatted') } })
    component.error('x')
    expect(component.enabled).toBe(false)
    expect(lines()).toEqual([])
  })

  it('are info and warn for Colony\'s own components, in the scope of the part', () => {
    const { log, lines } = collect('info')
    const component = log.components.forComponent('colony:fetch')
    component('asked %p', { toString: () => '12D3' })
    component.error('peer %s failed', 'a')
    component.newScope('reader')('b')
    expect(component.enabled).toBe(true)
    expect(lines().map(({ level, scope, msg }) => [level, scope, msg])).toEqual([
      ['info', 'fetch', 'asked 12D3'], ['warn', 'fetch', 'peer a failed'], ['info', 'fetch:reader', 'b']
    ])
  })
})

describe('libp2p\'s printf dialect', () => {
  const bytes = Uint8Array.of(1, 2, 3)
  it.each<[string, unknown, unknown[], string]>([
    ['text and numbers', '%s %d %i', ['a', 1.5, 2.9], 'a 1.5 2'],
    ['objects', '%o-%O-%j', [[1], { a: 1 }, { b: 2 }], '[ 1 ]-{ a: 1 }-{"b":2}'],
    ['no depths, where private keys may lie', '%o', [{ a: { b: { privateKey: 'secret' } } }], '{ a: { b: [Object] } }'],
    ['peer ids, CIDs, keys and addresses by their text', '%p %c %k %a', ['P', 'C', 'K', 'A'], 'P C K A'],
    ['bytes in base58, base32 and base64', '%b %t %m', [bytes, bytes, bytes], 'Ldp aebag AQID'],
    ['an error by its message', 'failed - %e', [new Error('refused')], 'failed - refused'],
    ['every error of an aggregate', '%e', [new AggregateError([new Error('a'), new Error('b')], 'all')], 'all (a; b)'],
    ['values of mixed directives in their order', '%s %p %d', ['a', 'b', 3], 'a b 3'],
    ['percent signs, also in values', '100%% of %p by %s', ['5%s', 'x'], '100% of 5%s by x'],
    ['values without a directive', 'a', ['b', 3], 'a b 3'],
    ['directives without a value', 'a %s %p', ['b'], 'a b %p'],
    ['an absent value', '%p %e', [undefined, null], 'undefined null'],
    ['a value that its directive does not fit', '%b', ['text'], 'text'],
    ['an error in the template\'s place', new Error('alone'), [], 'alone'],
    ['an object in the template\'s place', { a: 1 }, [], '{ a: 1 }']
  ])('writes %s', (_what, template, values, line) => {
    expect(formatLine(template, values)).toBe(line)
  })
})
