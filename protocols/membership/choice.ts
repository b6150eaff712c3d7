/** Small helpers of the service: a peer id that must be valid, and a choice by chance. */
import { peerIdOf } from './announcement.ts'
import type { PeerName } from '../ids.ts'
import type { PeerId } from '@libp2p/interface'

export function knownId (peer: PeerName): PeerId {
  const id = peerIdOf(peer)
  if (id === undefined) throw new TypeError(`${peer} is not an Ed25519 peer id`)
  return id
}

export function pick<T> (items: readonly T[], chance: number): T {
  return items[Math.floor(chance * items.length)] as T
}
