/**
 * What goes wrong in a swarm while it runs, as a schedule: read from a flag, or drawn from a seed. Pure; who carries
 * it out is fault-runner.ts.
 *
 *     kill:10%@20s+10s          kill -9 a tenth of the edges after 20 s, and start them again 10 s later
 *     pause:5%@20s+3s           hold a twentieth of the processes still (SIGSTOP), one at least
 *     cut:europe@20s+10s        no link into or out of a region, without FIN or RST
 *     cut:europe|asia@20s+10s   none between two regions;  europe>asia: in this direction only
 *     origin-down@20s+10s       the origin refuses connections
 *     origin-slow:2s@20s+10s    the origin takes so long to its first byte
 */
import { ColonyError } from '../../protocols/errors.ts'
import type { Random } from '../random.ts'

export const FaultKind = { Kill: 'kill', Pause: 'pause', Cut: 'cut', OriginDown: 'origin-down', OriginSlow: 'origin-slow' } as const
export type FaultKind = typeof FaultKind[keyof typeof FaultKind]

interface Span {
  /** From the start of the workload, ms. */
  readonly atMs: number
  readonly forMs: number
}

export type Fault = Span & (
  | { readonly kind: 'kill' | 'pause', /** Of all edges, or of all processes, in (0, 1]. */ readonly share: number }
  | { readonly kind: 'cut', readonly from: string, /** Undefined: from all others. */ readonly to?: string, readonly oneWay: boolean }
  | { readonly kind: 'origin-down' }
  | { readonly kind: 'origin-slow', readonly delayMs: number }
)

export class FaultError extends ColonyError {
  constructor (message: string) {
    super('COLONY_FAULT', message)
  }
}

const pattern = /^(?<kind>[a-z-]+)(?::(?<what>[^@+]+))?@(?<at>[^+]+)\+(?<lasts>.+)$/

/** @throws FaultError with one sentence for what cannot be read */
export function parseFault (text: string, regions: readonly string[]): Fault {
  const { kind, what, at, lasts } = pattern.exec(text)?.groups ?? {}
  if (kind === undefined || at === undefined || lasts === undefined) {
    throw new FaultError(`the fault ${JSON.stringify(text)} cannot be read: expected KIND[:WHAT]@START+DURATION, such as kill:10%@20s+10s`)
  }
  const span = { atMs: parseDuration(at, text), forMs: parseDuration(lasts, text) }
  if (kind === FaultKind.Kill || kind === FaultKind.Pause) return { kind, share: parseShare(what, text), ...span }
  if (kind === FaultKind.Cut) return { kind, ...parseCut(what, regions, text), ...span }
  if (kind === FaultKind.OriginSlow) return { kind, delayMs: parseDuration(what ?? '', text), ...span }
  if (kind === FaultKind.OriginDown && what === undefined) return { kind, ...span }
  throw new FaultError(`the fault ${JSON.stringify(text)} is of no known kind: expected one of ${Object.values(FaultKind).join(', ')}`)
}

/** One line for people. */
export function describeFault (fault: Fault): string {
  const percent = (share: number): string => `${Math.round(share * 1_000) / 10} %`
  switch (fault.kind) {
    case 'kill': return `kill -9 of ${percent(fault.share)} of the edges`
    case 'pause': return `${percent(fault.share)} of the processes held still`
    case 'cut': return fault.to === undefined ? `${fault.from} cut off` : `${fault.from} cut off from ${fault.to}${fault.oneWay ? ', one way' : ''}`
    case 'origin-down': return 'the origin down'
    case 'origin-slow': return `the origin slow by ${fault.delayMs} ms`
  }
}

export interface ChaosInit {
  readonly random: Random
  readonly regions: readonly string[]
  readonly durationMs: number
  /** From the end of one fault to the start of the next, at most, ms. */
  readonly calmMs: number
  /** Longest fault, ms. */
  readonly faultMs: number
}

/** Faults one after another over the whole duration, each of a random kind and length; the last ends before the end. */
export function drawFaults ({ random, regions, durationMs, calmMs, faultMs }: ChaosInit): Fault[] {
  const faults: Fault[] = []
  for (let atMs = random.between(calmMs / 2, calmMs); ;) {
    const forMs = Math.round(random.between(faultMs / 4, faultMs))
    if (atMs + forMs + calmMs > durationMs) return faults
    faults.push(drawFault(random, regions, { atMs: Math.round(atMs), forMs }))
    atMs += forMs + random.between(calmMs / 2, calmMs)
  }
}

function drawFault (random: Random, regions: readonly string[], span: Span): Fault {
  const kinds = regions.length > 1 ? Object.values(FaultKind) : Object.values(FaultKind).filter((kind) => kind !== 'cut')
  const kind = random.pick(kinds)
  switch (kind) {
    case 'kill': return { kind, share: random.between(0.02, 0.3), ...span }
    case 'pause': return { kind, share: random.between(0.02, 0.1), ...span }
    case 'origin-down': return { kind, ...span }
    case 'origin-slow': return { kind, delayMs: Math.round(random.between(200, 3_000)), ...span }
    case 'cut': {
      const [from, to] = random.shuffled(regions) as [string, string]
      return random.chance(0.5) ? { kind, from, oneWay: false, ...span } : { kind, from, to, oneWay: random.chance(0.5), ...span }
    }
  }
}

function parseShare (text: string | undefined, fault: string): number {
  const percent = Number(/^(\d+(?:\.\d+)?)%$/.exec(text ?? '')?.[1])
  if (percent > 0 && percent <= 100) return percent / 100
  throw new FaultError(`the fault ${JSON.stringify(fault)} does not say how many: expected a share above 0% and up to 100%, such as kill:10%@20s+10s`)
}

function parseCut (text: string | undefined, regions: readonly string[], fault: string): { from: string, to?: string, oneWay: boolean } {
  const [, from, sign, to] = /^([^|>]+)(?:([|>])([^|>]+))?$/.exec(text ?? '') ?? []
  for (const region of [from, to]) {
    if (region !== undefined && !regions.includes(region)) throw new FaultError(`the fault ${JSON.stringify(fault)} names the region ${JSON.stringify(region)}: expected one of ${regions.join(', ')}`)
  }
  if (from === undefined) throw new FaultError(`the fault ${JSON.stringify(fault)} does not say what is cut: expected a region or two, such as cut:europe@20s+10s or cut:europe|asia@20s+10s`)
  return { from, ...(to !== undefined && { to }), oneWay: sign === '>' }
}

/** `300ms`, `20s`, `5m`. */
function parseDuration (text: string, fault: string): number {
  const [, number, unit] = /^(\d+(?:\.\d+)?)(ms|s|m)$/.exec(text) ?? []
  if (number === undefined || unit === undefined) throw new FaultError(`the fault ${JSON.stringify(fault)} has ${JSON.stringify(text)} for a time: expected a number and ms, s or m, such as 20s`)
  return Number(number) * { ms: 1, s: 1_000, m: 60_000 }[unit as 'ms' | 's' | 'm']
}
