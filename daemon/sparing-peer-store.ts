/**
 * libp2p tells its peer store the protocol of every stream that is opened, at both ends, and the store then reads,
 * decodes, encodes and compares a whole record to find that it knew. Here it is told once. Everything else passes.
 */
import type { PeerData, PeerId, PeerStore } from '@libp2p/interface'

/** Peers whose protocols are remembered; more begin anew. */
const peersMax = 4_096

export function sparePeerStore (store: PeerStore): void {
  const told = new Map<string, Set<string>>()
  const { merge, patch, save, delete: remove } = store
  const forgetting = <Args extends [PeerId, ...unknown[]], Result>(act: (...args: Args) => Promise<Result>) => async (...args: Args): Promise<Result> => {
    told.delete(args[0].toString())
    try {
      return await act.apply(store, args)
    } finally {
      told.delete(args[0].toString())
    }
  }
  Object.assign(store, {
    patch: forgetting(patch),
    save: forgetting(save),
    delete: forgetting(remove),
    merge: async (peer: PeerId, data: PeerData, options?: Parameters<PeerStore['merge']>[2]) => {
      const { protocols } = data
      const name = peer.toString()
      const known = told.get(name)
      // Whoever tells of protocols alone does not look at the answer (libp2p's connection.js).
      if (protocols !== undefined && Object.keys(data).length === 1 && known !== undefined && protocols.every((protocol) => known.has(protocol))) return undefined
      const peerRecord = await merge.call(store, peer, data, options)
      if (protocols !== undefined) {
        if (told.size >= peersMax) told.clear()
        told.set(name, new Set(peerRecord.protocols))
      }
      return peerRecord
    }
  })
}
