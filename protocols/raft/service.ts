/**
 * Raft as a libp2p service: the groups that this edge takes part in (its region's, the global one) over the same
 * streams. What comes in is looked at here: who may speak at all, which group is meant, whether the bytes are a message; the rest
 * is the group's (`group.ts`) and the core's (`raft.ts`). No request for content waits for any of it.
 */
import type { PeerId, Startable } from '@libp2p/interface'
import type { Clock } from '../clock.ts'
import { WireError } from '../errors.ts'
import type { PeerName } from '../ids.ts'
import type { StreamComponents } from '../streams.ts'
import { headBytesMax } from '../wire.ts'
import { decodeMessage, encodeMessage, messageBytesMax } from './codec.ts'
import { RaftGroup, type GroupInit } from './group.ts'
import { FrameKind, RaftLanes, type LaneCounters } from './lanes.ts'
import { LateAppends } from './late-appends.ts'
import type { Message } from './messages.ts'
import { decodeNote, encodeNote } from './notes.ts'
import type { RaftServiceSettings } from './service-settings.ts'
import type { RaftSettings } from './settings.ts'

export interface RaftServiceInit {
  readonly self: PeerName
  readonly clock: Clock
  readonly settings: RaftServiceSettings
  /** Bounds of what peers may send. A group's own must not exceed them. */
  readonly raft: RaftSettings
  readonly peerIdFromName: (peer: PeerName) => PeerId
  /** Others' streams are refused, but for those of peers that stand in a group's configuration: who was voted in is heard. */
  readonly isMember: (peer: PeerName) => boolean
  readonly logger: { readonly warn: (message: string) => void }
}

export interface RaftService extends Startable {
  /** The group in a slot. Its life is the caller's: `start` it after the service, `stop` it before. */
  group: (init: Omit<GroupInit, 'raft'> & { readonly raft?: RaftSettings }) => RaftGroup
  /** To be told after the list of members changed. */
  membersChanged: () => void
  counters: () => Readonly<LaneCounters & { strangers: number }>
}

export function raft (init: RaftServiceInit): (components: StreamComponents) => RaftService {
  return (components) => new Service(init, components)
}

class Service implements RaftService {
  readonly #init: RaftServiceInit
  readonly #lanes: RaftLanes
  readonly #groups = new Map<string, RaftGroup>()
  /** Messages of groups that this edge has no part in. */
  #strangers = 0
  #running = false

  constructor (init: RaftServiceInit, components: StreamComponents) {
    this.#init = init
    const { clock, settings, peerIdFromName, raft } = init
    this.#lanes = new RaftLanes({
      clock, settings, components, peerIdFromName,
      isMember: (peer) => init.isMember(peer) || [...this.#groups.values()].some((group) => group.includes(peer)),
      payloadBytesMax: 1 + Math.max(raft.appendBytesMax, raft.proposalBytesMax),
      snapshotPayloadBytesMax: 1 + messageBytesMax(raft) - headBytesMax - 4,
      onFrame: (kind, content, from) => { this.#receive(kind, content, from) },
      onBroken: (peer) => { for (const group of this.#groups.values()) group.unreachable(peer) }
    })
  }

  group (init: Omit<GroupInit, 'raft'> & { readonly raft?: RaftSettings }): RaftGroup {
    const { self, clock, settings, logger, raft } = this.#init
    const late = new LateAppends(clock, settings.commitDelayMs, (message) => { this.#send(message) })
    const group = new RaftGroup({ raft, ...init }, {
      self, clock, settings, logger,
      send: (message) => { late.send(message) },
      sendNote: (to, note) => { this.#lanes.send(to, FrameKind.Note, encodeNote(note)) }
    })
    this.#groups.set(init.slot, group)
    return group
  }

  membersChanged (): void { this.#lanes.dropStrangers() }

  counters (): Readonly<LaneCounters & { strangers: number }> { return { ...this.#lanes.counters, strangers: this.#strangers } }

  async start (): Promise<void> {
    if (this.#running) return
    this.#running = true
    await this.#lanes.start()
  }

  async stop (): Promise<void> {
    if (!this.#running) return
    this.#running = false
    for (const group of this.#groups.values()) await group.stop()
    await this.#lanes.stop()
  }

  #send (message: Message): void {
    const { raft } = this.#init
    if (message.kind !== 'snapshot') {
      this.#lanes.send(message.to, FrameKind.Message, encodeMessage(message))
      return
    }
    void this.#lanes.sendLarge(message.to, FrameKind.Message, encodeMessage(message), raft.snapshotTimeoutTicks * raft.tickMs).then((sent) => {
      if (!sent) for (const group of this.#groups.values()) if (group.group === message.group) group.unreachable(message.to)
    })
  }

  /** @throws WireError: the stream ends */
  #receive (kind: number, content: Uint8Array, from: PeerName): void {
    const { self, raft } = this.#init
    if (kind === FrameKind.Note) {
      const note = decodeNote(content)
      this.#groups.get(note.slot)?.receiveNote(note, from)
    } else if (kind === FrameKind.Message) {
      const message = decodeMessage(content, { from, to: self }, raft)
      for (const group of this.#groups.values()) {
        if (group.group === message.group) {
          group.receive(message)
          return
        }
      }
      this.#strangers++
    } else throw new WireError(`a peer sent a frame of kind ${kind}`)
  }
}
