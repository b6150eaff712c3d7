/**
 * What the tests of membership's parts share: announcements made and signed on the spot, and a clock
 * that moves only when told.
 */
import { generateKeyPair } from '@libp2p/crypto/keys'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { encodeHead } from '../../../protocols/wire.ts'
import { signAnnouncement } from '../../../protocols/membership/announcement.ts'
import { Members } from '../../../protocols/membership/members.ts'
import { membershipDefaults } from '../../../protocols/membership/settings.ts'
import type { Announcement, SignedAnnouncement } from '../../../protocols/membership/announcement.ts'
import type { MembershipSettings } from '../../../protocols/membership/settings.ts'
import type { Clock } from '../../../protocols/clock.ts'

export const network = 'test'

export function announcementOf (peer: string, fields: Partial<Announcement> = {}): Announcement {
  return {
    peer,
    incarnation: 1_000,
    sequence: 1,
    name: peer,
    region: 'here',
    http: '127.0.0.1:8080',
    weight: 1,
    originHash: '',
    load: 0,
    draining: false,
    refreshMs: 2_000,
    leaving: false,
    ...fields
  }
}

/** For cores, which believe what they are given: no signature. */
export function unsigned (announcement: Announcement): SignedAnnouncement {
  const body = encodeHead(announcement)
  return { announcement, body, signature: new Uint8Array(64), bytes: body }
}

/** Signed by a fresh identity, or by another than it speaks of. */
export async function signed (fields: Partial<Announcement> = {}): Promise<SignedAnnouncement> {
  const key = await generateKeyPair('Ed25519')
  return await signAnnouncement(network, announcementOf(peerIdFromPrivateKey(key).toString(), fields), key)
}

export function membersOf (peer: string, init: { region?: string, settings?: Partial<MembershipSettings>, random?: () => number, nowMs?: number } = {}): Members {
  const { peer: _peer, incarnation, sequence: _sequence, refreshMs: _refreshMs, leaving: _leaving, ...fields } = announcementOf(peer)
  return new Members({
    self: { ...fields, peer, region: init.region ?? 'here' },
    incarnation,
    nowMs: init.nowMs ?? 0,
    random: init.random ?? (() => 0.5),
    settings: { ...membershipDefaults, ...init.settings }
  })
}

export interface ManualClock extends Clock {
  /** Moves time, running what becomes due in its order and letting promises settle in between. */
  advance: (byMs: number) => Promise<void>
}

export function manualClock (): ManualClock {
  let nowMs = 0
  const timers = new Set<{ atMs: number, callback: () => void }>()
  const settle = async (): Promise<void> => { await new Promise((resolve) => { setImmediate(resolve) }) }
  return {
    wallMs: () => nowMs,
    nowMs: () => nowMs,
    random: () => 0.5,
    after: (delayMs, callback) => {
      const timer = { atMs: nowMs + delayMs, callback }
      timers.add(timer)
      return () => { timers.delete(timer) }
    },
    advance: async (byMs) => {
      const endMs = nowMs + byMs
      await settle()
      while (true) {
        const [next] = [...timers].filter(({ atMs }) => atMs <= endMs).sort((a, b) => a.atMs - b.atMs)
        if (next === undefined) break
        timers.delete(next)
        nowMs = Math.max(nowMs, next.atMs)
        next.callback()
        await settle()
      }
      nowMs = endMs
    }
  }
}
