/**
 * What a workload is like, and how people write it: `zipf=0.9,objects=100000,rate=500,churn=1%/min`. One
 * table gives each part's reader, its default and its line of help; what cannot be read is told in one
 * sentence. Stands between the command line and all else of this folder.
 */
import { ColonyError } from '../../protocols/errors.ts'
import { bytesMin } from './sizes.ts'
import { exponentMax } from './zipf.ts'

export interface Flash {
  /** From the start of the workload. */
  readonly afterMs: number
  /** Of all requests, 0 to 1. */
  readonly share: number
  readonly durationMs: number
}

export interface Diurnal {
  /** Length of a day, ms: real days are too long to wait for. */
  readonly dayMs: number
  /** 0 to 1: at 0.8 a region asks 1.8 times its mean at its busiest hour, 0.2 times at its quietest. */
  readonly amplitude: number
}

/**
 * Open: requests come whatever becomes of those before, as from many people who know nothing of each other
 * (Poisson). Closed: each of some clients asks, waits for the answer, thinks, and asks again.
 */
export type Load =
  | { readonly kind: 'open', readonly perSecond: number }
  | { readonly kind: 'closed', readonly clients: number, readonly thinkMs: number }

export interface Shape {
  readonly objects: number
  /** Of Zipf's law. */
  readonly exponent: number
  readonly sizes: { readonly medianBytes: number, readonly sigma: number, readonly bytesMax: number }
  /** Share of all ranks that get another object within a minute. */
  readonly churnPerMinute: number
  readonly flash?: Flash
  readonly diurnal?: Diurnal
  /** Share of requests that ask for a random part of their object. */
  readonly ranges: number
  readonly load: Load
}

/** A workload's text cannot be read; the message is a whole sentence. */
export class ShapeError extends ColonyError {
  constructor (message: string) {
    super('COLONY_WORKLOAD_SHAPE', message)
  }
}

interface Part {
  readonly name: string
  readonly placeholder: string
  readonly help: string
  /** As people write it; what has none is left out. */
  readonly byDefault?: string
  /** Ends the sentence about a value that is not allowed. */
  readonly expected: string
  /** @returns undefined for a value that is not allowed */
  readonly read: (text: string) => unknown
}

const part = <T> (each: Part & { readonly read: (text: string) => T | undefined }): Part & { readonly read: (text: string) => T | undefined } => each

const objectsMax = 50_000_000
const sizeMax = 1024 ** 3

const parts = {
  zipf: part({ name: 'zipf', placeholder: 'EXPONENT', byDefault: '0.9', help: 'how unequal objects are: rank r is asked for r^-EXPONENT times as often as rank 1', expected: `a number from 0 to ${exponentMax}, such as 0.9`, read: (text) => numberOf(text, 0, exponentMax) }),
  objects: part({ name: 'objects', placeholder: 'N', byDefault: '10000', help: 'how many there are', expected: `a whole number from 1 to ${objectsMax}, such as 100000`, read: (text) => wholeOf(text, 1, objectsMax) }),
  size: part({ name: 'size', placeholder: 'BYTES', byDefault: '16KiB', help: 'the median of their sizes, which are log-normal', expected: `${bytesMin}B to 1GiB, such as 16KiB`, read: (text) => bytesOf(text) }),
  sigma: part({ name: 'sigma', placeholder: 'S', byDefault: '1', help: 'spread of the sizes: standard deviation of their logarithm; 0 makes all alike', expected: 'a number from 0 to 4, such as 1.5', read: (text) => numberOf(text, 0, 4) }),
  'size-max': part({ name: 'size-max', placeholder: 'BYTES', byDefault: '4MiB', help: 'what would be larger is of this size', expected: `${bytesMin}B to 1GiB, such as 4MiB`, read: (text) => bytesOf(text) }),
  churn: part({ name: 'churn', placeholder: 'SHARE/min', byDefault: '0%/min', help: 'share of the ranks whose object changes within a minute', expected: 'a share a minute, such as 1%/min', read: (text) => text.endsWith('/min') ? shareOf(text.slice(0, -4)) : undefined }),
  flash: part({ name: 'flash', placeholder: 'AFTER:SHARE:FOR', help: 'a crowd: that long after the start one object gets that share of all requests, for that long', expected: 'a moment, a share and a duration, such as 30s:20%:10s', read: flashOf }),
  diurnal: part({ name: 'diurnal', placeholder: 'DAY[:SWING]', help: 'regions are busy in turn, by a sinusoid over a day of that length; a SWING of 80% is from 0.2 to 1.8 times the mean', expected: 'the length of a day, and by how much it swings, such as 60s or 60s:80%', read: diurnalOf }),
  ranges: part({ name: 'ranges', placeholder: 'SHARE', byDefault: '0%', help: 'share of requests that ask for a random part of their object', expected: 'a share, such as 5%', read: shareOf }),
  rate: part({ name: 'rate', placeholder: 'N', byDefault: '100', help: 'open loop: so many requests a second come whatever becomes of those before (Poisson), and waits count from when each was meant to start', expected: 'a number from 0.1 to 100000, such as 500', read: (text) => numberOf(text, 0.1, 100_000) }),
  clients: part({ name: 'clients', placeholder: 'N', help: 'closed loop, in place of rate: so many clients each ask, wait, think and ask again', expected: 'a whole number from 1 to 10000, such as 32', read: (text) => wholeOf(text, 1, 10_000) }),
  think: part({ name: 'think', placeholder: 'TIME', byDefault: '0ms', help: 'how long a client thinks between two requests, on average (exponential); with clients only', expected: 'a duration, such as 50ms', read: durationOf })
}
type Parts = typeof parts
type PartName = keyof Parts

/** Lines for a command's help. */
export const shapeHelp: string = [
  'A workload is written as parts with commas between them, each left out part being at its default:',
  ...Object.values<Part>(parts).map(({ name, placeholder, help, byDefault }) =>
    `  ${name}=${placeholder}\n        ${help}${byDefault === undefined ? '' : ` (default: ${byDefault})`}`),
  'Times are written as 500ms, 30s, 2min or 1h, sizes as 512B, 16KiB, 4MiB or 1GiB.'
].join('\n')

/** @throws ShapeError */
export function parseShape (text: string): Shape {
  const given = new Map<string, string>()
  for (const item of text.split(',').map((each) => each.trim()).filter((each) => each !== '')) {
    const at = item.indexOf('=')
    const name = at === -1 ? item : item.slice(0, at)
    if (!Object.hasOwn(parts, name)) throw new ShapeError(`${JSON.stringify(name)} is no part of a workload: expected ${Object.keys(parts).join(', ')}`)
    const { placeholder } = parts[name as PartName]
    if (at === -1) throw new ShapeError(`${name} has no value: expected ${name}=${placeholder}`)
    if (given.has(name)) throw new ShapeError(`${name} is given twice`)
    given.set(name, item.slice(at + 1))
  }
  const value = <N extends PartName> (name: N): ReturnType<Parts[N]['read']> => {
    const { byDefault, expected, read } = parts[name]
    const written = given.get(name) ?? byDefault
    const result = written === undefined ? undefined : read(written)
    if (written !== undefined && result === undefined) throw new ShapeError(`${name} is ${JSON.stringify(written)}: expected ${expected}`)
    return result as ReturnType<Parts[N]['read']>
  }
  const medianBytes = value('size')!
  const bytesMax = value('size-max')!
  if (given.has('size-max') && bytesMax < medianBytes) throw new ShapeError(`size-max is ${JSON.stringify(given.get('size-max'))}: expected at least size, ${given.get('size') ?? parts.size.byDefault}`)
  if (given.has('clients') && given.has('rate')) throw new ShapeError('rate and clients are both given: expected one of them, as a loop is either open or closed')
  if (given.has('think') && !given.has('clients')) throw new ShapeError('think is given without clients: nobody thinks in an open loop')
  const clients = value('clients')
  const flash = value('flash')
  const diurnal = value('diurnal')
  return {
    objects: value('objects')!,
    exponent: value('zipf')!,
    sizes: { medianBytes, sigma: value('sigma')!, bytesMax: Math.max(medianBytes, bytesMax) },
    churnPerMinute: value('churn')!,
    ...(flash === undefined ? {} : { flash }),
    ...(diurnal === undefined ? {} : { diurnal }),
    ranges: value('ranges')!,
    load: clients === undefined ? { kind: 'open', perSecond: value('rate')! } : { kind: 'closed', clients, thinkMs: value('think')! }
  }
}

function numberOf (text: string, min: number, max: number): number | undefined {
  const value = /^\d{1,9}(\.\d{1,9})?$/.test(text) ? Number(text) : NaN
  return value >= min && value <= max ? value : undefined
}

function wholeOf (text: string, min: number, max: number): number | undefined {
  const value = numberOf(text, min, max)
  return Number.isInteger(value) ? value : undefined
}

/** `20%` is 0.2. */
function shareOf (text: string): number | undefined {
  const percent = text.endsWith('%') ? numberOf(text.slice(0, -1), 0, 100) : undefined
  return percent === undefined ? undefined : percent / 100
}

const sizeUnits: Readonly<Record<string, number>> = { B: 1, KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3 }
const timeUnits: Readonly<Record<string, number>> = { ms: 1, s: 1000, min: 60_000, h: 3_600_000 }

function bytesOf (text: string): number | undefined {
  const bytes = withUnit(text, sizeUnits)
  return bytes === undefined || bytes < bytesMin || bytes > sizeMax ? undefined : Math.round(bytes)
}

function durationOf (text: string): number | undefined {
  return withUnit(text, timeUnits)
}

function withUnit (text: string, units: Readonly<Record<string, number>>): number | undefined {
  const [, figures, unit] = /^([\d.]+)([A-Za-z]+)$/.exec(text) ?? []
  const value = numberOf(figures ?? '', 0, Infinity)
  return value === undefined || !Object.hasOwn(units, unit!) ? undefined : value * units[unit!]!
}

function flashOf (text: string): Flash | undefined {
  const [after = '', share = '', duration = '', ...more] = text.split(':')
  const afterMs = durationOf(after)
  const shareRead = shareOf(share)
  const durationMs = durationOf(duration)
  if (afterMs === undefined || shareRead === undefined || durationMs === undefined || more.length > 0) return undefined
  return { afterMs, share: shareRead, durationMs }
}

function diurnalOf (text: string): Diurnal | undefined {
  const [day = '', swing = '80%', ...more] = text.split(':')
  const dayMs = durationOf(day)
  const amplitude = shareOf(swing)
  return dayMs === undefined || dayMs === 0 || amplitude === undefined || more.length > 0 ? undefined : { dayMs, amplitude }
}
