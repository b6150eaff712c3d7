/**
 * Which of two writes of one key is the later one: a hybrid logical clock and the writer's name, so that the order is
 * total, follows the wall clock where that is right, and follows cause and effect also where it is not.
 *
 * @see Kulkarni and others 2014 (hybrid logical clocks)
 */
import { WireError } from '../errors.ts'
import type { PeerName } from '../ids.ts'

export interface Version {
  /** The writer's wall clock, or that of the version before where it was ahead, ms. */
  readonly wallMs: number
  /** Tells versions of one millisecond apart. */
  readonly counter: number
  readonly peer: PeerName
}

const wallMsMax = 8.64e15
const counterMax = 2 ** 31
const peerText = /^[A-Za-z0-9]{1,128}$/

/** @returns above 0 where `a` is the later one; 0 for the very same version only */
export function compareVersions (a: Version, b: Version): number {
  return a.wallMs - b.wallMs || a.counter - b.counter || (a.peer < b.peer ? -1 : a.peer > b.peer ? 1 : 0)
}

/** A version after everything in `seen`. */
export function nextVersion (wallNowMs: number, seen: readonly Version[], peer: PeerName): Version {
  const wallMs = seen.reduce((latest, version) => Math.max(latest, version.wallMs), Math.floor(wallNowMs))
  const counter = seen.reduce((next, version) => version.wallMs === wallMs ? Math.max(next, version.counter + 1) : next, 0)
  return counter > counterMax ? { wallMs: wallMs + 1, counter: 0, peer } : { wallMs, counter, peer }
}

/** As people and fields have it: `1760000000000.0.12D3Koo…`. */
export function versionText ({ wallMs, counter, peer }: Version): string {
  return `${wallMs}.${counter}.${peer}`
}

/** @returns undefined for text that is no version */
export function parseVersion (text: string): Version | undefined {
  const match = /^(\d{1,16})\.(\d{1,10})\.([A-Za-z0-9]{1,128})$/.exec(text)
  if (match === null) return undefined
  const version = { wallMs: Number(match[1]), counter: Number(match[2]), peer: match[3] ?? '' }
  return isVersion(version) ? version : undefined
}

/** @throws WireError */
export function decodeVersion (value: unknown): Version {
  if (!isVersion(value)) throw new WireError('a peer sent a version that is none')
  return { wallMs: value.wallMs, counter: value.counter, peer: value.peer }
}

function isVersion (value: unknown): value is Version {
  const { wallMs, counter, peer } = (value ?? {}) as Partial<Version>
  return isCount(wallMs, wallMsMax) && isCount(counter, counterMax) && typeof peer === 'string' && peerText.test(peer)
}

function isCount (value: unknown, max: number): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0 && (value as number) <= max
}
