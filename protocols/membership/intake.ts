/**
 * The one door by which announcements come in, whatever carried them: decode within bounds, leave what
 * is not newer, check the signature, merge. A signature is checked only where something new is
 * claimed, so what arrives by several ways costs one check, and what is held byte for byte none.
 */
import { decodeAnnouncement, verifyAnnouncement } from './announcement.ts'
import type { Members } from './members.ts'
import type { Clock } from '../clock.ts'
import type { Region } from '../ids.ts'

/** `accept` and relay, `ignore` as old, `reject` as malformed or forged (gossipsub's three answers). */
export type Verdict = 'accept' | 'ignore' | 'reject'

export interface IntakeInit {
  readonly clock: Clock
  readonly network: string
  readonly members: Members
  /** Called after announcements were merged. */
  readonly onMerge: () => void
}

export class Intake {
  readonly #init: IntakeInit

  constructor (init: IntakeInit) {
    this.#init = init
  }

  /**
   * @param region when given, only its members are spoken of
   * @returns `reject` when any is bad, `ignore` when all are old
   */
  async take (announcements: readonly Uint8Array[], region?: Region): Promise<Verdict> {
    let verdict: Verdict = 'ignore'
    try {
      for (const bytes of announcements) {
        const each = await this.#takeOne(bytes, region)
        if (each === 'reject') return 'reject'
        if (each === 'accept') verdict = 'accept'
      }
    } finally {
      this.#init.onMerge()
    }
    return verdict
  }

  async #takeOne (bytes: Uint8Array, region: Region | undefined): Promise<Verdict> {
    const { clock, network, members } = this.#init
    if (members.isHeld(bytes)) return 'accept'
    const signed = attempt(() => decodeAnnouncement(bytes))
    if (signed === undefined || (region !== undefined && signed.announcement.region !== region)) return 'reject'
    const standing = members.standing(signed)
    if (standing === 'old' || standing === 'full' || standing === 'stranger') return 'ignore'
    // `same` is checked too: relaying a held body under a bad signature would make us look like the forger.
    if (!await verifyAnnouncement(network, signed)) return 'reject'
    const merged = members.receive(signed, clock.nowMs())
    return merged === 'news' || merged === 'same' ? 'accept' : 'ignore'
  }
}

function attempt<T> (decode: () => T): T | undefined {
  try {
    return decode()
  } catch {
    return undefined
  }
}
