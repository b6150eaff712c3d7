/** Names in the Kademlia DHT: what is provided and looked up there is the CID of a name's hash. */
import { createHash } from 'node:crypto'
import { CID } from 'multiformats/cid'
import { create } from 'multiformats/hashes/digest'

const codecRaw = 0x55
const codecSha256 = 0x12

/** CID v1, raw, SHA-256 of a name. */
export function nameCid (name: string): CID {
  return CID.createV1(codecRaw, create(codecSha256, createHash('sha256').update(name).digest()))
}
