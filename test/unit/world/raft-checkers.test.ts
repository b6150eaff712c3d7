/** Every checker of Raft lets pass what an honest group does, and objects to what it is there for; the mutants show the same in whole worlds. */
import { describe, expect, it } from 'vitest'
import { agreementCheckers } from '../../../netsim/world/checkers/index.ts'
import type { EdgeChecker, MakeChecker } from '../../../netsim/world/checkers/edge-checker.ts'
import { acknowledgedStay } from '../../../netsim/world/checkers/raft/acknowledged-stay.ts'
import { committedStay } from '../../../netsim/world/checkers/raft/committed-stay.ts'
import { leasesEnd } from '../../../netsim/world/checkers/raft/leases-end.ts'
import { linearizable } from '../../../netsim/world/checkers/raft/linearizable.ts'
import { logsMatch } from '../../../netsim/world/checkers/raft/logs-match.ts'
import { noContradiction } from '../../../netsim/world/checkers/raft/no-contradiction.ts'
import { oneChange } from '../../../netsim/world/checkers/raft/one-change.ts'
import { oneLeader } from '../../../netsim/world/checkers/raft/one-leader.ts'
import { promisesKept } from '../../../netsim/world/checkers/raft/promises-kept.ts'
import { readsCurrent } from '../../../netsim/world/checkers/raft/reads-current.ts'
import { sameOrder } from '../../../netsim/world/checkers/raft/same-order.ts'
import { undisturbed } from '../../../netsim/world/checkers/raft/undisturbed.ts'
import { votesOnce } from '../../../netsim/world/checkers/raft/votes-once.ts'
import { Kept } from '../../../netsim/world/edge/raft-journal.ts'
import { encodeSet } from '../../../netsim/world/edge/settings-register.ts'
import type { Fault } from '../../../netsim/world/faults.ts'
import type { SettingRequest } from '../../../netsim/world/workload/setting-request.ts'
import { encodeCommand } from '../../../protocols/raft/commands.ts'
import { encodeConfiguration } from '../../../protocols/raft/configuration.ts'
import type { Configuration, Entry, Message } from '../../../protocols/raft/messages.ts'
import type { Ready, Role } from '../../../protocols/raft/ready.ts'
import { raftDefaults } from '../../../protocols/raft/settings.ts'

const peers = ['a', 'b', 'c'] as const
const alike: Configuration = { voters: ['a', 'b', 'c'], learners: [] }

/** Three edges of one group as checkers see them, each core as it is told to be. */
class Group {
  nowMs = 60_000
  readonly kept = peers.map(() => ({ written: new Kept(), durable: new Kept() }))
  readonly cores = peers.map((peer) => ({ peer, role: 'follower' as Role, term: 1, commit: 1, applied: 1, leader: 'a', lease: 0, configuration: alike }))
  readonly checker: Required<EdgeChecker>
  readonly #roles: EdgeChecker['onRaftRole']

  constructor (make: MakeChecker) {
    const edges = peers.map((peer, index) => ({
      index, peer, region: 'r', up: true,
      agreement: {
        group: 'g', ticksDue: 0, journal: this.kept[index]!, register: { snapshot: () => Buffer.from('[]') },
        core: Object.assign(this.cores[index]!, { status: () => this.cores[index], leaseTicksLeft: () => this.cores[index]!.lease })
      }
    }))
    this.checker = make({
      edges, settings: { raft: raftDefaults }, nowMs: () => this.nowMs, isCut: () => false, isWell: () => true,
      fail: (checker: string, sentence: string) => { throw new Error(`${checker}: ${sentence}`) }
    } as never) as Required<EdgeChecker>
    this.#roles = this.checker.onRaftRole
  }

  /** Written and on disk at these edges. */
  write (edges: readonly number[], ...entries: readonly Entry[]): void {
    for (const edge of edges) for (const kept of [this.kept[edge]!.written, this.kept[edge]!.durable]) kept.take({ entries })
  }

  become (edge: number, role: Role, term: number): void {
    Object.assign(this.cores[edge]!, { role, term })
    this.#roles?.(edge, role, term)
  }

  commit (edge: number, index: number): void {
    this.cores[edge]!.commit = index
    this.checker.onRaftCommit(edge, index)
  }

  send (from: number, to: number, kind: string, term: number, more: object = {}): void {
    this.checker.onRaftSent(from, { group: 'g', from: peers[from]!, to: peers[to]!, kind, term, ...more } as unknown as Message)
  }

  cut (phase: 'begins' | 'ends', ...hosts: readonly number[]): void {
    this.checker.onFault({ kind: 'edge-cut', hosts } as unknown as Fault, phase)
  }
}

function entry (index: number, term: number, text = 'x', kind: Entry['kind'] = 0): Entry {
  return { index, term, kind, data: Buffer.from(text) }
}

function voters (index: number, term: number, ...names: readonly string[]): Entry {
  return { ...entry(index, term, '', 1), data: encodeConfiguration({ voters: names, learners: [] }) }
}

function ready (...entries: readonly Entry[]): Ready { return { entries } as unknown as Ready }

function request (change: Partial<SettingRequest>): SettingRequest {
  return { region: 'r', edge: 0, key: 'k', kind: 'set', expected: undefined, value: 'v', lease: false, askedAt: 0, answeredAt: 1, outcome: 'done', seen: undefined, index: 1, ...change }
}

interface Case {
  readonly checker: MakeChecker
  readonly passes: (group: Group) => void
  /** What it must not let pass, by what it says. */
  readonly objects: ReadonlyArray<readonly [says: RegExp, broken: (group: Group) => void]>
}

const cases: readonly Case[] = [
  {
    checker: oneLeader,
    passes: (group) => {
      group.send(1, 0, 'vote-answer', 2, { granted: true })
      group.become(0, 'leader', 2)
    },
    objects: [
      [/a leads term 2 by the votes of a alone/, (group) => { group.become(0, 'leader', 2) }],
      [/by the votes of a alone/, (group) => {
        group.send(1, 0, 'vote-answer', 1, { granted: true })
        group.send(2, 0, 'vote-answer', 2, { granted: false })
        group.become(0, 'leader', 2)
      }],
      [/a and b lead term 2/, (group) => {
        group.send(2, 0, 'vote-answer', 2, { granted: true })
        group.send(2, 1, 'vote-answer', 2, { granted: true })
        group.become(0, 'leader', 2)
        group.become(1, 'leader', 2)
      }]
    ]
  },
  {
    checker: votesOnce,
    passes: (group) => {
      group.write([0, 1], entry(1, 1))
      group.send(0, 1, 'vote', 2, { lastIndex: 1, lastTerm: 1 })
      for (let times = 0; times < 2; times++) group.send(1, 0, 'vote-answer', 2, { granted: true })
      group.send(1, 2, 'vote-answer', 2, { granted: false })
    },
    objects: [
      [/b votes for c in term 2; it has voted for a/, (group) => {
        group.send(1, 0, 'vote-answer', 2, { granted: true })
        group.send(1, 2, 'vote-answer', 2, { granted: true })
      }],
      [/a votes for c in term 2; it has voted for a/, (group) => {
        group.send(0, 1, 'vote', 2, { lastIndex: 1, lastTerm: 1 })
        group.send(0, 2, 'vote-answer', 2, { granted: true })
      }],
      [/whose log ends at 2 of term 1, votes for a, whose log ends at 1/, (group) => {
        group.write([1], entry(1, 1), entry(2, 1))
        group.send(0, 1, 'vote', 2, { lastIndex: 1, lastTerm: 1 })
        group.send(1, 0, 'vote-answer', 2, { granted: true })
      }]
    ]
  },
  {
    checker: promisesKept,
    passes: (group) => {
      group.kept[1]!.written.take({ hardState: { term: 2, vote: 'a', commit: 0 }, entries: [entry(1, 1)] })
      group.send(1, 0, 'pre-vote', 3)
      group.send(1, 0, 'vote-answer', 2, { granted: true })
      group.send(1, 0, 'append-answer', 2, { rejected: false, index: 1 })
      group.checker.onRaftStarted(1)
    },
    objects: [
      [/starts in term 0; it had spoken in term 2/, (group) => {
        group.send(1, 0, 'heartbeat-answer', 2)
        group.checker.onRaftStarted(1)
      }],
      [/with a vote for nobody in term 2; it had voted for a/, (group) => {
        group.kept[1]!.written.take({ hardState: { term: 2, vote: undefined, commit: 0 } })
        group.send(1, 0, 'vote-answer', 2, { granted: true })
        group.checker.onRaftStarted(1)
      }],
      [/log that ends at 1; it had acknowledged 2/, (group) => {
        group.kept[1]!.written.take({ hardState: { term: 2, vote: 'a', commit: 0 }, entries: [entry(1, 1)] })
        group.send(1, 0, 'append-answer', 2, { rejected: false, index: 2 })
        group.checker.onRaftStarted(1)
      }]
    ]
  },
  {
    checker: logsMatch,
    passes: (group) => { for (const edge of [0, 1]) group.checker.onRaftWritten(edge, ready(entry(1, 1), entry(2, 1))) },
    objects: [
      [/place 1 of term 1 is not the same at b as at a/, (group) => {
        group.checker.onRaftWritten(0, ready(entry(1, 1)))
        group.checker.onRaftWritten(1, ready(entry(1, 1, 'y')))
      }],
      [/stands an entry of term 2 at b, and one of term 1 at a/, (group) => {
        group.write([0], entry(1, 1))
        group.write([1], entry(1, 2))
        for (const edge of [0, 1]) group.checker.onRaftWritten(edge, ready(entry(2, 2)))
      }]
    ]
  },
  {
    checker: committedStay,
    passes: (group) => {
      group.write([0, 1], entry(1, 1), entry(2, 2))
      group.become(0, 'leader', 2)
      group.commit(0, 2)
      group.commit(1, 2)
      for (const edge of [0, 1]) group.checker.onRaftApplied(edge, entry(2, 2))
      group.become(1, 'leader', 3)
    },
    objects: [
      [/b takes place 2 for committed/, (group) => { group.commit(1, 2) }],
      [/leader of term 3, commits place 2 of term 2 by itself/, (group) => {
        group.write([0, 1], entry(1, 1), entry(2, 2))
        group.become(0, 'leader', 3)
        group.commit(0, 2)
      }],
      [/which only a of a, b, c has on disk/, (group) => {
        group.write([0], entry(1, 1), entry(2, 2))
        group.kept[1]!.written.take({ entries: [entry(1, 1), entry(2, 2)] })
        group.become(0, 'leader', 2)
        group.commit(0, 2)
      }],
      [/c leads term 3 without place 2 of term 2/, (group) => {
        group.write([0, 1], entry(1, 1), entry(2, 2))
        group.write([2], entry(1, 1))
        group.become(0, 'leader', 2)
        group.commit(0, 2)
        group.become(2, 'leader', 3)
      }],
      [/applies place 2 of term 2, which nobody has committed/, (group) => { group.checker.onRaftApplied(1, entry(2, 2)) }]
    ]
  },
  {
    checker: sameOrder,
    passes: (group) => {
      for (const edge of [0, 1]) for (const index of [1, 2]) group.checker.onRaftApplied(edge, entry(index, 1))
      group.checker.onRaftInstalled(2, { index: 2, term: 1, configuration: alike, data: Buffer.from('') })
      group.checker.onLook()
    },
    objects: [
      [/applies place 2 after 0/, (group) => { group.checker.onRaftApplied(0, entry(2, 1)) }],
      [/b applies an entry of term 1 at place 1, where others applied another/, (group) => {
        group.checker.onRaftApplied(0, entry(1, 1))
        group.checker.onRaftApplied(1, entry(1, 1, 'y'))
      }],
      [/set back from place 1 to a snapshot of place 1/, (group) => {
        group.checker.onRaftApplied(0, entry(1, 1))
        group.checker.onRaftInstalled(0, { index: 1, term: 1, configuration: alike, data: Buffer.from('') })
      }]
    ]
  },
  {
    checker: leasesEnd,
    passes: (group) => {
      group.become(0, 'leader', 2)
      group.become(1, 'leader', 3)
    },
    objects: [[/b begins to lead term 3 while a has a lease of 4 ticks of term 2/, (group) => {
      group.become(0, 'leader', 2)
      group.cores[0]!.lease = 4
      group.become(1, 'leader', 3)
    }]]
  },
  {
    checker: readsCurrent,
    passes: (group) => {
      const read = request({ kind: 'read', index: 3 })
      group.checker.onSettingAsked(read)
      group.checker.onSettingAnswered(request({ index: 5 }))
      group.checker.onSettingAnswered(read)
    },
    objects: [[/by lease as of place 4; a write at 5 was acknowledged before/, (group) => {
      group.checker.onSettingAnswered(request({ index: 5 }))
      const read = request({ kind: 'read', lease: true, index: 4 })
      group.checker.onSettingAsked(read)
      group.checker.onSettingAnswered(read)
    }]]
  },
  {
    checker: oneChange,
    passes: (group) => {
      group.become(0, 'leader', 2)
      group.write([0], voters(1, 1, 'a', 'b', 'c'), entry(2, 2), voters(3, 2, 'a', 'b'))
      group.cores[0]!.commit = 2
      group.checker.onRaftWritten(0, ready(voters(3, 2, 'a', 'b')))
    },
    objects: [
      [/while the change at 3 is not committed/, (group) => {
        group.become(0, 'leader', 2)
        group.write([0], voters(1, 1, 'a', 'b', 'c'), entry(2, 2), voters(3, 2, 'a', 'b'), voters(4, 2, 'a'))
        group.cores[0]!.commit = 2
        group.checker.onRaftWritten(0, ready(voters(4, 2, 'a')))
      }],
      [/before anything of its term 2 is committed/, (group) => {
        group.become(0, 'leader', 2)
        group.write([0], voters(1, 1, 'a', 'b', 'c'), entry(2, 2), voters(3, 2, 'a', 'b'))
        group.checker.onRaftWritten(0, ready(voters(3, 2, 'a', 'b')))
      }],
      [/changes several voters at place 3: a, b, c become a/, (group) => {
        group.become(0, 'leader', 2)
        group.write([0], voters(1, 1, 'a', 'b', 'c'), entry(2, 2), voters(3, 2, 'a'))
        group.cores[0]!.commit = 2
        group.checker.onRaftWritten(0, ready(voters(3, 2, 'a')))
      }]
    ]
  },
  {
    checker: noContradiction,
    passes: (group) => { for (const verdict of ['taken', 'stale', 'undisturbed', 'not-member'] as const) group.checker.onRaftHeard(0, { kind: 'append' } as Message, verdict) },
    objects: [[/refuses the append of b in term 2: contradiction/, (group) => { group.checker.onRaftHeard(0, { kind: 'append', from: 'b', to: 'a', term: 2 } as Message, 'contradiction') }]]
  },
  {
    checker: undisturbed,
    passes: (group) => {
      group.become(0, 'leader', 2)
      // The leader itself is cut off.
      group.cut('begins', 0)
      group.become(1, 'leader', 3)
      group.cut('ends', 0)
    },
    objects: [[/c begins term 3 although a, leader of term 2, has kept its majority/, (group) => {
      group.become(0, 'leader', 2)
      group.cut('begins', 2)
      group.cut('ends', 2)
      group.become(2, 'candidate', 3)
    }]]
  },
  {
    checker: acknowledgedStay,
    passes: (group) => {
      group.become(0, 'leader', 2)
      group.checker.onRaftApplied(0, { ...entry(1, 1), data: encodeCommand('', encodeSet({ key: 'k', value: 'v' })) })
      group.checker.onSettingAnswered(request({}))
      group.checker.onEnd()
    },
    objects: [
      [/has no leader, and nothing is broken any more/, (group) => { group.checker.onEnd() }],
      [/b has applied 0 of 1 places/, (group) => {
        group.become(0, 'leader', 2)
        group.cores[1]!.applied = 0
        group.checker.onEnd()
      }],
      [/v was acknowledged in r at place 1, where nothing stands/, (group) => {
        group.become(0, 'leader', 2)
        group.checker.onSettingAnswered(request({}))
        group.checker.onEnd()
      }]
    ]
  },
  {
    checker: linearizable,
    passes: (group) => {
      group.checker.onSettingAsked(request({ seen: '' }))
      group.checker.onSettingAsked(request({ kind: 'read', value: '', seen: 'v', askedAt: 2, answeredAt: 3 }))
      group.checker.onEnd()
    },
    objects: [[/no order of what clients of r did explains request 2: at edge 0 a read by lease of k that saw ""/, (group) => {
      group.checker.onSettingAsked(request({ seen: '' }))
      group.checker.onSettingAsked(request({ kind: 'read', lease: true, value: '', seen: '', askedAt: 2, answeredAt: 3 }))
      group.checker.onEnd()
    }]]
  }
]

const named = cases.map((each) => ({ ...each, name: new Group(each.checker).checker.name }))

describe('the checkers of Raft', () => {
  it.each(named)('$name lets an honest group pass', ({ checker, passes }) => { passes(new Group(checker)) })

  it.each(named)('$name objects to what it is there for', ({ name, checker, objects }) => {
    for (const [says, broken] of objects) {
      expect(() => { broken(new Group(checker)) }).toThrow(says)
      expect(() => { broken(new Group(checker)) }).toThrow(name)
    }
  })

  it('are all tried here', () => {
    expect(named.map(({ name }) => name).sort()).toEqual(agreementCheckers.map((checker) => new Group(checker).checker.name).sort())
  })
})
