/** Servers and groups for tests of the Raft core: logs told by their terms, and links that carry all at once or nothing. */
import { encodeConfiguration } from '../../../protocols/raft/configuration.ts'
import { EntryKind, type Entry, type Message, type Snapshot } from '../../../protocols/raft/messages.ts'
import { Raft } from '../../../protocols/raft/raft.ts'
import { raftDefaults, type RaftSettings } from '../../../protocols/raft/settings.ts'
import type { Ready, Stored } from '../../../protocols/raft/ready.ts'

export const settings: RaftSettings = { ...raftDefaults, heartbeatTicks: 2, electionTicks: 10, leaseTicks: 7, keptEntries: 0 }

export interface ServerInit {
  readonly self?: string
  readonly voters?: readonly string[]
  readonly learners?: readonly string[]
  /** The terms of the log's entries; the first holds the configuration. */
  readonly terms?: readonly number[]
  readonly term?: number
  readonly vote?: string
  readonly commit?: number
  readonly random?: () => number
  readonly settings?: Partial<RaftSettings>
}

export function entry (index: number, term: number, data = `${index}/${term}`): Entry {
  return { index, term, kind: EntryKind.Data, data: Buffer.from(data) }
}

export function configurationEntry (index: number, term: number, voters: readonly string[], learners: readonly string[] = []): Entry {
  return { index, term, kind: EntryKind.Configuration, data: encodeConfiguration({ voters, learners }) }
}

export function storedOf ({ voters = ['a', 'b', 'c'], learners = [], terms = [1], term = terms.at(-1) ?? 0, vote, commit = Math.min(1, terms.length) }: ServerInit): Stored {
  const entries = terms.map((each, at) => at === 0 ? configurationEntry(1, each, voters, learners) : entry(at + 1, each))
  return { hardState: { term, vote, commit }, snapshot: undefined, entries }
}

export function server (init: ServerInit = {}): Raft {
  return new Raft({ self: init.self ?? 'a', group: 'g', settings: { ...settings, ...init.settings }, random: init.random ?? (() => 0), stored: storedOf(init) })
}

/** A server whose promise of its start is over. */
export function awake (init: ServerInit = {}): Raft {
  const raft = server({ random: () => 0.99, ...init })
  raft.tick(10)
  return raft
}

type Said = Message extends infer Each ? Each extends Message ? Omit<Each, 'group' | 'from' | 'to'> : never : never

export function from (peer: string, said: Said, to = 'a'): Message {
  return { group: 'g', from: peer, to, ...said } as Message
}

export function append (peer: string, term: number, prev: readonly [index: number, term: number], entries: readonly Entry[] = [], commit = 0): Message {
  return from(peer, { kind: 'append', term, prevIndex: prev[0], prevTerm: prev[1], entries, commit })
}

export function vote (peer: string, term: number, last: readonly [index: number, term: number], rest: { kind?: 'vote' | 'pre-vote', transfer?: boolean } = {}): Message {
  return from(peer, { kind: 'vote', transfer: false, ...rest, term, lastIndex: last[0], lastTerm: last[1] })
}

export interface Drained { readonly messages: Message[], readonly committed: Entry[], readonly readies: Ready[] }

/** Does the host's work until there is none; what is said goes nowhere. */
export function drain (raft: Raft): Drained {
  const readies: Ready[] = []
  while (raft.hasReady()) {
    readies.push(raft.ready())
    raft.advance()
  }
  return {
    readies,
    messages: readies.flatMap(({ early, messages }) => [...early, ...messages]),
    committed: readies.flatMap(({ committed }) => committed)
  }
}

export function said<Kind extends Message['kind']> (raft: Raft, kind: Kind): Array<Message & { kind: Kind }> {
  return drain(raft).messages.filter((message): message is Message & { kind: Kind } => message.kind === kind)
}

/** `a` as leader of term 2, its first entry at 2 sent to all and on no disk but its own. */
export function newLeader (init: ServerInit = {}): Raft {
  const raft = awake(init)
  raft.campaign()
  for (const kind of ['pre-vote-answer', 'vote-answer'] as const) {
    for (const { to, term } of said(raft, kind === 'vote-answer' ? 'vote' : 'pre-vote')) raft.step(from(to, { kind, term, granted: true }))
  }
  return raft
}

export function confirms (peer: string, term: number, index: number): Message {
  return from(peer, { kind: 'append-answer', term, index, rejected: false, hintIndex: 0, hintTerm: 0 })
}

export function beats (peer: string, term: number, round: number, life = 1): Message {
  return from(peer, { kind: 'heartbeat-answer', term, round, life })
}

/** `a` as leader of term 2 whose first entry is committed. */
export function leader (init: ServerInit = {}): Raft {
  const raft = newLeader(init)
  drain(raft)
  const { lastIndex, configuration: { voters }, term } = raft.status()
  for (const peer of voters) if (peer !== 'a') raft.step(confirms(peer, term, lastIndex))
  drain(raft)
  return raft
}

/** Several servers whose links carry everything at once, but for those that are cut. */
export class Group {
  readonly servers = new Map<string, Raft>()
  readonly applied = new Map<string, Entry[]>()
  readonly snapshots = new Map<string, Snapshot>()
  readonly cut = new Set<string>()
  readonly outcomes: Array<Ready['proposals'][number]> = []
  readonly reads: string[] = []
  readonly kinds: string[] = []

  constructor (names: readonly string[], init: ServerInit = {}) {
    for (const self of names) this.add(server({ voters: names, random: () => 0.99, ...init, self }), self)
    this.tick(10)
  }

  add (raft: Raft, name: string): void {
    this.servers.set(name, raft)
    this.applied.set(name, [])
  }

  get (name: string): Raft { return this.servers.get(name)! }

  /** The data of all `Data` entries that `name` applied. */
  values (name: string): string[] {
    return this.applied.get(name)!.filter(({ kind }) => kind === EntryKind.Data).map(({ data }) => Buffer.from(data).toString())
  }

  tick (count: number): void {
    for (let at = 0; at < count; at++) {
      for (const raft of this.servers.values()) raft.tick()
      this.settle()
    }
  }

  elect (name: string): Raft {
    this.get(name).campaign()
    this.settle()
    return this.get(name)
  }

  /** Carries messages until nobody has anything to say. */
  settle (): void {
    for (let busy = true; busy;) {
      busy = false
      for (const [name, raft] of this.servers) {
        if (!raft.hasReady()) continue
        busy = true
        const ready = raft.ready()
        this.applied.get(name)!.push(...ready.committed)
        if (ready.snapshot !== undefined) this.snapshots.set(name, ready.snapshot)
        this.outcomes.push(...ready.proposals)
        this.reads.push(...ready.reads.map(({ context, index }) => `${name} ${context} ${index}`))
        raft.advance()
        for (const message of [...ready.early, ...ready.messages]) {
          this.kinds.push(message.kind)
          if (!this.cut.has(message.to) && !this.cut.has(message.from)) this.servers.get(message.to)?.step(message)
        }
      }
    }
  }
}
