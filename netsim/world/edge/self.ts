/** What the parts of one simulated edge share: who it is, its machine, the network, the bill, the checkers. */
import type { Machine } from '../machine.ts'
import type { Network } from '../network.ts'
import type { Watch } from '../checkers/watch.ts'
import type { Mesh } from './mesh.ts'
import type { Message, Part } from './messages.ts'
import type { Objects } from './objects.ts'
import type { Rings } from './rings.ts'
import type { WorldSettings } from './settings.ts'
import type { PeerName, Region } from '../../../protocols/ids.ts'

/** Kinds of timers that cores need often; the rest are callbacks. */
export const Timer = { Core: 0, Silence: 1, Sign: 2, Request: 3, Agreement: 4 } as const

export interface Seat {
  readonly peer: PeerName
  readonly region: Region
  readonly weight: number
  /** Storage, bytes. */
  readonly bytesMax: number
  /** All edges of the region, itself included: who subscribes to its topic. */
  readonly fellows: Int32Array
  /** Whom it is told to join. */
  readonly join: readonly number[]
}

export interface Self {
  readonly index: number
  readonly seat: Seat
  readonly machine: Machine
  readonly network: Network
  readonly settings: WorldSettings
  readonly objects: Objects
  readonly rings: Rings
  readonly mesh: Mesh
  readonly watch: Watch
  /** All edges. */
  readonly everyone: Int32Array
  readonly origin: number
  /** Over a connection: in order, once, late rather than lost. */
  readonly send: (to: number, message: Message, bytes: number, part: Part) => void
  /** Counts messages that were sent by other ways. */
  readonly bill: (part: Part, bytes: number, messages: number) => void
  /** The world begins with everybody known to everybody. */
  readonly warm: boolean
  /** No fault is under way. */
  readonly calm: () => boolean
  /** True time, ms. */
  readonly trueMs: () => number
  readonly indexOf: (peer: PeerName) => number
  readonly peerOf: (index: number) => PeerName
}
