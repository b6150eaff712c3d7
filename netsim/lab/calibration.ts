/**
 * Whether the links are as they were set: round trips and losses between regions, measured with ping in
 * the hosts' own namespaces. Who asserts on a lab calibrates first, as a result on links that are not what
 * they should be says nothing.
 */
import { MachineError, tryCommand, within } from './machine.ts'
import { namespaceOf } from './network.ts'
import { type LabSettings, timeFactor } from './settings.ts'
import { expectedRoundTrip, type RoundTrip } from './shaping.ts'
import type { LabHost, Topology } from './topology.ts'

export interface Pinged {
  readonly sent: number
  readonly received: number
  /** Answers that came more than once. */
  readonly duplicates: number
  /** Absent when nothing came back, as is the mean. */
  readonly shortestMs?: number
  readonly meanMs?: number
}

export interface Calibration {
  readonly from: string
  readonly to: string
  readonly expected: RoundTrip
  readonly pinged: Pinged
  /** What is wrong with it; absent when it is as it was set. */
  readonly fault?: string
}

export interface Pinging {
  readonly count: number
  readonly intervalMs: number
  /** Of the packet's content. Default: ping's 56. */
  readonly bytes?: number
  /** All leave before any can come back: ping waits for the last ones only twice as long as the first ones took. Not of busybox. */
  readonly atOnce?: boolean
}

/** @throws MachineError when ping says nothing that can be read */
export async function ping (lab: string, from: LabHost, to: LabHost, { count, intervalMs, bytes = 56, atOnce = false }: Pinging): Promise<Pinged> {
  // ping's own exit code is 1 when nothing came back, which is a result.
  const waitSeconds = Math.ceil(2 * timeFactor())
  const printed = await tryCommand(['sh', '-c', '"$@"; true', 'sh', ...within(namespaceOf(lab, from.name)),
    'ping', '-q', '-n', '-c', String(count), '-i', String(intervalMs / 1000), '-W', String(waitSeconds), '-s', String(bytes),
    ...(atOnce ? ['-l', String(count)] : []), to.address])
  const pinged = readPing(printed ?? '')
  if (pinged === undefined) throw new MachineError(`ping from ${from.name} to ${to.name} said nothing of what it sent and received`)
  return pinged
}

/** @param printed by ping of iputils or busybox; @returns undefined for anything else */
export function readPing (printed: string): Pinged | undefined {
  const [, sent, received] = /(\d+) packets transmitted, (\d+)(?: packets)? received/.exec(printed) ?? []
  if (sent === undefined) return undefined
  const [, shortest, mean] = /(?:rtt|round-trip) min\/avg\/max(?:\/mdev)? = ([\d.]+)\/([\d.]+)\//.exec(printed) ?? []
  const duplicates = /\+(\d+) duplicates/.exec(printed)?.[1] ?? 0
  return { sent: Number(sent), received: Number(received), duplicates: Number(duplicates), ...(mean !== undefined && { shortestMs: Number(shortest), meanMs: Number(mean) }) }
}

/** Each pair of different regions, by their first hosts. */
export async function calibrate (lab: string, topology: Topology, settings: LabSettings): Promise<Calibration[]> {
  const first = topology.regions.map((region) => topology.hosts.find((host) => host.region === region)!)
  const pairs = first.flatMap((from, at) => first.slice(at + 1).map((to) => [from, to] as const))
  return await Promise.all(pairs.map(async ([from, to]) => {
    const expected = expectedRoundTrip(topology, from.region, to.region)
    let pinged: Pinged
    let fault: string | undefined
    // A link that is not as it was set shows each time; a guest that had no processor for a moment does not.
    for (let tries = settings.calibrationTriesMax; ; tries--) {
      pinged = await ping(lab, from, to, { count: settings.calibrationPings, intervalMs: settings.calibrationIntervalMs })
      fault = faultOf(expected, pinged, settings.calibrationSlackMs)
      if (fault === undefined || tries <= 1) break
    }
    return { from: from.region, to: to.region, expected, pinged, ...(fault !== undefined && { fault }) }
  }))
}

/** Five standard deviations: one honest calibration in a million fails. */
const deviations = 5

/**
 * By the shortest round trip: a processor that is busy elsewhere makes others longer, by any amount.
 *
 * @returns a sentence's end, or undefined when what was measured is what was set, within chance and `slackMs`
 */
export function faultOf (expected: RoundTrip, { sent, received, shortestMs }: Pick<Pinged, 'sent' | 'received' | 'shortestMs'>, slackMs: number): string | undefined {
  const lost = sent - received
  const mean = sent * expected.lossShare
  const spread = deviations * Math.sqrt(mean * (1 - expected.lossShare))
  if (Math.abs(lost - mean) > spread) return `${lost} of ${sent} were lost, where ${(expected.lossShare * 100).toFixed(1)} % were set`
  if (shortestMs === undefined) return undefined
  if (shortestMs > expected.ms + slackMs || shortestMs < expected.ms - expected.jitterMs - slackMs) return `a round trip takes ${shortestMs} ms, where ${expected.ms} ms were set`
  return undefined
}
