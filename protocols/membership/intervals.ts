/**
 * How often an edge speaks, by how many there are: each interval grows so that topics and links carry the
 * same however large the colony is. What it costs is the time after which a silent edge is missed.
 */
import { refreshMsMax } from './announcement.ts'
import type { MembershipSettings } from './settings.ts'

/** @returns ms between two announcements of an edge, so that a region's topic carries what it may */
export function refreshIntervalMs (settings: MembershipSettings, regionMembers: number): number {
  const spread = Math.ceil(1_000 * regionMembers / settings.topicMessagesPerSecondMax)
  return Math.min(refreshMsMax, Math.max(settings.refreshMs, spread))
}

/** @returns ms between two proofs of life of an edge, so that the colony makes as many as it may */
export function pulseIntervalMs (settings: MembershipSettings, members: number): number {
  return Math.min(refreshMsMax, Math.max(settings.refreshMs, Math.ceil(1_000 * members / settings.pulsesPerSecondMax)))
}

/** @returns ms until a proof of life has reached all: a rumour that is pushed takes log2 n + ln n rounds (Pittel 1987) */
export function pulseReachMs ({ pulseSendMs }: MembershipSettings, members: number): number {
  return pulseSendMs * (Math.log2(members) + Math.log(members))
}

/** @returns ms between two digests of a region: a single change is told at once, those of a storm of joins together */
export function digestGapMs (settings: MembershipSettings, regions: number): number {
  return Math.ceil(1_000 * regions / settings.digestsPerSecondMax)
}

/** @returns ms from a sign that an announcement was missed to an exchange of lists: longer than digests that tell of joins may be on their way */
export function repairDelayMs (settings: MembershipSettings, regions: number): number {
  return Math.max(settings.repairDelayMs, 2 * digestGapMs(settings, regions))
}

/** @returns ms between two full digests of a region, so that messages and signature checks stay within budget */
export function digestIntervalMs (settings: MembershipSettings, regions: number, members: number): number {
  return Math.max(
    settings.digestIntervalMs,
    Math.ceil(1_000 * regions / settings.topicMessagesPerSecondMax),
    Math.ceil(1_000 * members / settings.digestEntriesPerSecondMax)
  )
}
