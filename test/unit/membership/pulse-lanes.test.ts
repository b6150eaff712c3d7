import { generateKeyPair } from '@libp2p/crypto/keys'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { describe, expect, it } from 'vitest'
import type { Members } from '../../../protocols/membership/members.ts'
import { PulseLanes } from '../../../protocols/membership/pulse-lanes.ts'
import { membershipDefaults } from '../../../protocols/membership/settings.ts'

const { pulseSendMs, pulseFreshMs, lateMs } = membershipDefaults

/** Takes its turns at given times, and notes since when news is sent on and what is taken off the others' silence. */
async function turnsAt (times: readonly number[]): Promise<{ since: number[], forgiven: number[] }> {
  const since: number[] = []
  const forgiven: number[] = []
  let nowMs = 0
  const peer = peerIdFromPrivateKey(await generateKeyPair('Ed25519'))
  const lanes = new PulseLanes({
    clock: { nowMs: () => nowMs, wallMs: () => nowMs, random: () => 0.5, after: () => () => {} },
    settings: membershipDefaults,
    members: {
      pulsesFor: (_to: string, sinceMs: number) => {
        since.push(sinceMs)
        return []
      },
      forgive: (lateMs: number) => { forgiven.push(lateMs) }
    } as unknown as Members,
    peers: () => [peer],
    connection: () => undefined,
    onNews: () => {},
    onBehind: () => {},
    counters: { messagesIn: 0, bytesIn: 0, messagesOut: 0, bytesOut: 0 } as never
  })
  for (const time of times) {
    nowMs = time
    lanes.round(new AbortController().signal)
  }
  return { since, forgiven }
}

describe('the turns of passing on proofs of life', () => {
  it('send on what is fresh, and blame nobody, where they come in time', async () => {
    const times = Array.from({ length: 20 }, (_, i) => 60_000 + i * (pulseSendMs + lateMs / 2))
    const { since, forgiven } = await turnsAt(times)
    expect(forgiven).toEqual([])
    expect(since.at(-1)).toBeLessThanOrEqual(times.at(-1)! - pulseFreshMs)
  })

  it('of a starved edge send news on as often as ever, and take the time off the silence of the others', async () => {
    const times = Array.from({ length: 20 }, (_, i) => 60_000 + i * 3 * pulseSendMs)
    const { since, forgiven } = await turnsAt(times)
    const rounds = pulseFreshMs / pulseSendMs
    // What was learned in a round is sent in the next ones, as many as a healthy edge has within the time.
    expect(since.at(-1)).toBe(times.at(-1 - rounds))
    expect(forgiven).toEqual(times.slice(1).map(() => 2 * pulseSendMs))
  })
})
