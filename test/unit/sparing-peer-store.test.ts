/** A peer store that is told the protocol of each stream only once, with libp2p's own store below. */
import { generateKeyPair } from '@libp2p/crypto/keys'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import type { PeerId, PeerStore } from '@libp2p/interface'
import { createLibp2p } from 'libp2p'
import { describe, expect, it } from 'vitest'
import { sparePeerStore } from '../../daemon/sparing-peer-store.ts'

async function rig (): Promise<{ store: PeerStore, peer: PeerId, merges: () => number }> {
  const node = await createLibp2p({ start: false })
  const store = node.peerStore
  let merges = 0
  const { merge } = store
  store.merge = async (...args) => {
    merges++
    return await merge.apply(store, args)
  }
  sparePeerStore(store)
  return { store, peer: peerIdFromPrivateKey(await generateKeyPair('Ed25519')), merges: () => merges }
}

describe('a sparing peer store', () => {
  it('passes a protocol on once, and another one again', async () => {
    const { store, peer, merges } = await rig()
    for (const protocol of ['/a', '/a', '/b', '/a', '/b']) await store.merge(peer, { protocols: [protocol] })
    expect(merges()).toBe(2)
    expect((await store.get(peer)).protocols.sort()).toEqual(['/a', '/b'])
  })

  it('passes everything else on, each time', async () => {
    const { store, peer, merges } = await rig()
    await store.merge(peer, { protocols: ['/a'], tags: { x: { value: 1 } } })
    await store.merge(peer, { protocols: ['/a'], tags: { x: { value: 2 } } })
    expect(merges()).toBe(2)
    expect((await store.get(peer)).tags.get('x')?.value).toBe(2)
  })

  it('tells a protocol anew once the record was replaced or deleted', async () => {
    const { store, peer, merges } = await rig()
    await store.merge(peer, { protocols: ['/a'] })
    await store.patch(peer, { protocols: ['/b'] })
    await store.merge(peer, { protocols: ['/a'] })
    expect((await store.get(peer)).protocols.sort()).toEqual(['/a', '/b'])
    await store.delete(peer)
    await store.merge(peer, { protocols: ['/a'] })
    expect((await store.get(peer)).protocols).toEqual(['/a'])
    expect(merges()).toBe(3)
  })
})
