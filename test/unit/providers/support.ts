/** A DHT that does as told, and a service on it: for tests of provider records without a mesh. */
import { generateKeyPair } from '@libp2p/crypto/keys'
import { defaultLogger } from '@libp2p/logger'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { contentCid, providers } from '../../../protocols/providers/service.ts'
import { providersDefaults } from '../../../protocols/providers/settings.ts'
import { manualClock } from '../membership/support.ts'
import type { ManualClock } from '../membership/support.ts'
import type { ContentKey } from '../../../protocols/ids.ts'
import type { Providers } from '../../../protocols/providers/service.ts'
import type { ProvidersSettings } from '../../../protocols/providers/settings.ts'
import type { Connection, PeerId } from '@libp2p/interface'
import type { CID } from 'multiformats/cid'

export async function peer (): Promise<PeerId> {
  return peerIdFromPrivateKey(await generateKeyPair('Ed25519'))
}

export interface StubQuery {
  readonly cid: string
  readonly signal: AbortSignal
  /** The DHT comes up with a provider. */
  give: (peer: PeerId) => void
  /** It has no more, or breaks off. */
  end: (error?: Error) => void
}

export interface StubProvide {
  readonly cid: string
  readonly signal: AbortSignal
  end: (error?: Error) => void
}

export interface Rig {
  readonly clock: ManualClock
  readonly service: Providers
  readonly self: PeerId
  readonly members: Set<string>
  readonly provides: StubProvide[]
  readonly queries: StubQuery[]
  /** Records taken back. */
  readonly retracted: string[]
  links: number
}

export const k = (name: string): ContentKey => name as ContentKey
export const cidOf = (name: string): string => contentCid('test', k(name)).toString()

export async function rigOf (settings: Partial<ProvidersSettings> = {}): Promise<Rig> {
  const clock = manualClock()
  const self = await peer()
  const rig = { clock, self, members: new Set([self.toString()]), provides: [] as StubProvide[], queries: [] as StubQuery[], retracted: [] as string[], links: 1 }
  const service = providers({
    clock,
    network: 'test',
    settings: { ...providersDefaults, settleMs: 0, ...settings },
    isMember: (name) => rig.members.has(name)
  })({
    peerId: self,
    logger: defaultLogger(),
    connectionManager: { getConnections: () => Array.from({ length: rig.links }, () => ({}) as Connection) },
    contentRouting: {
      provide: async (cid, options) => {
        const { promise, resolve, reject } = Promise.withResolvers<void>()
        const signal = options?.signal as AbortSignal
        // As kad-dht: the deadline ends it, without an error.
        signal.addEventListener('abort', () => { resolve() })
        rig.provides.push({ cid: cid.toString(), signal, end: (error) => { error === undefined ? resolve() : reject(error) } })
        await promise
      },
      cancelReprovide: async (cid) => { rig.retracted.push(cid.toString()) },
      findProviders: (cid, options) => query(rig.queries, cid, options?.signal as AbortSignal)
    }
  })
  return Object.assign(rig, { service })
}

/** Notices its signal only where `end` is called: as slow to let go as a DHT may be. */
async function * query (queries: StubQuery[], cid: CID, signal: AbortSignal): AsyncGenerator<{ id: PeerId, multiaddrs: [], routing: 'test' }> {
  const given: PeerId[] = []
  let ended: { error?: Error } | undefined
  let wake = (): void => {}
  queries.push({
    cid: cid.toString(),
    signal,
    give: (id) => { given.push(id); wake() },
    end: (error) => { ended = { error }; wake() }
  })
  while (true) {
    for (let id = given.shift(); id !== undefined; id = given.shift()) yield { id, multiaddrs: [], routing: 'test' }
    if (ended?.error !== undefined) throw ended.error
    if (ended !== undefined) return
    await new Promise<void>((resolve) => { wake = resolve })
  }
}
