/**
 * A real libp2p node on loopback with nothing of Colony but membership, for tests of the mesh: the
 * intervals are short, and the DHT can be left out to show what it is needed for.
 */
import { gossipsub } from '@chainsafe/libp2p-gossipsub'
import { generateKeyPair } from '@libp2p/crypto/keys'
import { identify } from '@libp2p/identify'
import { kadDHT, passthroughMapper } from '@libp2p/kad-dht'
import { noise } from '@libp2p/noise'
import { ping } from '@libp2p/ping'
import { tcp } from '@libp2p/tcp'
import { yamux } from '@libp2p/yamux'
import { multiaddr } from '@multiformats/multiaddr'
import { createLibp2p } from 'libp2p'
import { systemClock } from '../../daemon/clock.ts'
import { membership } from '../../protocols/membership/service.ts'
import { membershipDefaults } from '../../protocols/membership/settings.ts'
import type { Membership } from '../../protocols/membership/service.ts'
import type { MembershipSettings } from '../../protocols/membership/settings.ts'
import type { ComponentLogger, ContentRouting, Ed25519PrivateKey, Libp2p, Logger } from '@libp2p/interface'
import type { Datastore } from 'interface-datastore'

export const fastSettings: MembershipSettings = {
  ...membershipDefaults,
  refreshMs: 300,
  pulseSendMs: 50,
  digestIntervalMs: 300,
  announceDelayMs: 20,
  announceGapMs: 100,
  digestDelayMs: 50,
  antiEntropyFirstMs: 1_000,
  antiEntropyIntervalMs: 1_000,
  discoveryFastMs: 200,
  provideDelayMs: 200,
  linkIntervalMs: 100,
  dialBackoffMs: 100,
  dialBackoffMaxMs: 1_000,
  joinBackoffMaxMs: 500,
  pingIntervalMs: 500
}

export interface MeshNodeInit {
  readonly name: string
  readonly region: string
  /** Addresses to join by. */
  readonly join?: readonly string[]
  /** An identity to come back with. */
  readonly key?: Ed25519PrivateKey
  readonly datastore?: Datastore
  /** Whether it takes part in the DHT. */
  readonly dht?: boolean
  readonly listen?: string
  /** What its content routing finds, whatever is looked up, beside what the DHT finds. */
  readonly providers?: readonly MeshNode[]
  readonly settings?: Partial<MembershipSettings>
}

export interface MeshNode {
  readonly libp2p: Libp2p
  readonly membership: Membership
  readonly peer: string
  readonly key: Ed25519PrivateKey
  /** With /p2p/ID, fit for `join`. */
  readonly address: string
  /** What membership logged as errors. */
  readonly warnings: readonly string[]
  /** Names of the live members as this node sees them, sorted. */
  names: () => string[]
  /** Whether there is a connection to `other`. */
  isLinked: (other: MeshNode) => boolean
  stop: () => Promise<void>
}

export async function startMeshNode (init: MeshNodeInit): Promise<MeshNode> {
  const key = init.key ?? await generateKeyPair('Ed25519')
  const warnings: string[] = []
  const services = {
    identify: identify(),
    ping: ping(),
    ...(init.dht !== false && {
      dht: kadDHT({ protocol: '/colony/kad/1.0.0', clientMode: false, peerInfoMapper: passthroughMapper, allowQueryWithZeroPeers: true })
    }),
    pubsub: gossipsub({ heartbeatInterval: 300, scoreParams: { IPColocationFactorWeight: 0 } }),
    membership: membership({
      clock: systemClock,
      settings: { ...fastSettings, ...init.settings },
      network: 'test',
      name: init.name,
      region: init.region,
      join: (init.join ?? []).map((address) => multiaddr(address))
    })
  }
  const libp2p = await createLibp2p({
    privateKey: key,
    ...(init.datastore !== undefined && { datastore: init.datastore }),
    logger: collector(warnings),
    addresses: { listen: [init.listen ?? '/ip4/127.0.0.1/tcp/0'] },
    transports: [tcp()],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux()],
    // Only what is asked of it: libp2p skips the methods that a router lacks.
    contentRouters: [() => ({
      findProviders: async function * () {
        for (const { libp2p } of init.providers ?? []) yield { id: libp2p.peerId, multiaddrs: libp2p.getMultiaddrs(), routing: 'test' }
      }
    }) as Pick<ContentRouting, 'findProviders'> as ContentRouting],
    connectionGater: { denyDialMultiaddr: () => false },
    connectionMonitor: { enabled: false },
    connectionManager: { inboundConnectionThreshold: 1_000, maxIncomingPendingConnections: 100 },
    services
  })
  const service = libp2p.services.membership
  return {
    libp2p: libp2p as unknown as Libp2p,
    membership: service,
    peer: libp2p.peerId.toString(),
    key,
    address: String(libp2p.getMultiaddrs()[0]),
    warnings,
    names: () => service.members().map(({ name }) => name).sort(),
    isLinked: (other) => libp2p.getConnections(other.libp2p.peerId).length > 0,
    stop: async () => { await libp2p.stop() }
  }
}

/** Waits until `condition` holds. @throws with `what` when it does not within `deadlineMs` */
export async function until (what: string, condition: () => boolean, deadlineMs = 20_000): Promise<void> {
  const endMs = systemClock.nowMs() + deadlineMs
  while (!condition()) {
    if (systemClock.nowMs() > endMs) throw new Error(`not within ${deadlineMs} ms: ${what}`)
    await new Promise((resolve) => { setTimeout(resolve, 20) })
  }
}

/** Keeps what membership logs as errors, drops everything else. */
function collector (warnings: string[]): ComponentLogger {
  const forComponent = (scope: string): Logger => Object.assign(() => {}, {
    error: (text: string, ...rest: unknown[]) => {
      if (scope === 'colony:membership') warnings.push([text, ...rest].join(' '))
    },
    trace: () => {},
    enabled: false,
    newScope: (name: string) => forComponent(`${scope}:${name}`)
  })
  return { forComponent }
}
