import { generateKeyPair } from '@libp2p/crypto/keys'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import type { PeerId } from '@libp2p/interface'
import { describe, expect, it } from 'vitest'
import type { Member } from '../../../protocols/membership/announcement.ts'
import { Speakers } from '../../../protocols/membership/speakers.ts'

const peers: PeerId[] = await Promise.all(Array.from({ length: 5 }, async () => peerIdFromPrivateKey(await generateKeyPair('Ed25519'))))

/** Of an edge of the region "here", with each peer's region; undefined where it is no member. */
function speakersOf (regions: ReadonlyArray<string | undefined>, firstExchanges = 1): Speakers {
  const members = new Map(regions.flatMap((region, at) => region === undefined ? [] : [[peers[at]!.toString(), { region } as Member]]))
  return new Speakers({ settings: { firstExchanges, antiEntropyFirstMs: 4, antiEntropyIntervalMs: 60 }, self: () => ({ region: 'here' } as Member), member: (peer) => members.get(peer) })
}

/** Whether lists are exchanged over each link, as they open one after the other. */
function exchangedOf (speakers: Speakers, count: number): boolean[] {
  return peers.slice(0, count).map((peer) => speakers.add(peer))
}

describe('lists are exchanged', () => {
  it('over the first links, and with whoever is no member yet', () => {
    expect(exchangedOf(speakersOf(['there', 'there', 'there', undefined, 'there'], 2), 5)).toEqual([true, true, false, true, false])
  })

  it('over the first link to an edge of the own region, whose announcements went by before it', () => {
    expect(exchangedOf(speakersOf(['there', 'there', 'here', 'here', 'here']), 5)).toEqual([true, false, true, false, false])
  })

  it('soon after the first link, and ever more seldom then', () => {
    const speakers = speakersOf(['here', 'here'])
    const pauses = (): number[] => Array.from({ length: 6 }, () => speakers.pauseMs(0.5))
    expect(pauses()).toEqual([60, 60, 60, 60, 60, 60])
    exchangedOf(speakers, 2)
    expect(pauses()).toEqual([4, 8, 16, 32, 60, 60])
    for (const peer of peers) speakers.delete(peer.toString())
    exchangedOf(speakers, 1)
    expect(speakers.pauseMs(0)).toBe(2)
  })

  it('next with who knows what was missed here, once, and with any where nobody does', () => {
    const speakers = speakersOf(['here', 'here', 'here'])
    expect(speakers.next(0)).toBeUndefined()
    exchangedOf(speakers, 3)
    speakers.tells(peers[2]!.toString())
    speakers.tells(peers[4]!.toString())
    expect([speakers.next(0), speakers.next(0), speakers.next(0.99)]).toEqual([peers[2], peers[0], peers[2]])
    speakers.tells(peers[1]!.toString())
    speakers.delete(peers[1]!.toString())
    expect(speakers.next(0)).toBe(peers[0])
  })
})
