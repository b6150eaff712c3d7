/** One thing that a client asked of its region's settings, and what came of it: the history that is checked. */
import type { Region } from '../../../protocols/ids.ts'

export interface SettingRequest {
  readonly region: Region
  readonly edge: number
  readonly key: string
  /** `swap`: set only where `expected` stands. */
  readonly kind: 'set' | 'swap' | 'read'
  readonly expected: string | undefined
  /** To be set; no two are alike. */
  readonly value: string
  /** A read may be answered from the leader's lease. */
  readonly lease: boolean
  /** Its place, and its answer's, in the order of all that clients of this run saw. */
  readonly askedAt: number
  answeredAt: number
  /** `unknown`: it may be done, or be done later. `failed`: it never is. */
  outcome: 'open' | 'done' | 'unknown' | 'failed'
  /** What was read, or stood there before; undefined where that is not known. */
  seen: string | undefined
  /** Place in the log of a write that is done; of a read the place from which on it was current. */
  index: number
}
