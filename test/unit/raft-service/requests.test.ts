import { describe, expect, it } from 'vitest'
import type { Proposed, ReadStanding } from '../../../protocols/raft/ready.ts'
import { Requests } from '../../../protocols/raft/requests.ts'
import { stillClock } from '../../support/store.ts'

/** What the core says, in the test's hand. */
function rig (): { requests: Requests, core: { says: Proposed, reads: ReadStanding, proposed: string[], leader: string | undefined, applied: number }, clock: ReturnType<typeof stillClock> } {
  const core = { says: { kind: 'forwarded', to: 'b' } as Proposed, reads: { kind: 'asked' } as ReadStanding, proposed: [] as string[], leader: 'b' as string | undefined, applied: 0 }
  const clock = stillClock()
  const requests = new Requests({
    clock, timeoutMs: 5_000, retryMs: 100, resendMs: 1_000, waitingMax: 10,
    propose: (data, ticket) => {
      core.proposed.push(ticket)
      return core.says
    },
    read: () => core.reads,
    leader: () => core.leader,
    applied: () => core.applied
  })
  return { requests, core, clock }
}

const data = Buffer.from('data')

describe('a proposal that waits', () => {
  it('is proposed again when its place in the log went to another leader\'s entry', async () => {
    const { requests, core } = rig()
    core.says = { kind: 'appended', index: 7, term: 2 }
    const done = requests.propose(data, '', {})
    core.says = { kind: 'appended', index: 8, term: 3 }
    requests.applied({ index: 7, term: 3 }, 'another\'s')
    expect(core.proposed).toHaveLength(2)
    requests.applied({ index: 8, term: 3 }, 'own')
    expect(await done).toEqual({ index: 8, term: 3, result: 'own' })
  })

  it('is proposed again as soon as its place can only be a later leader\'s, though nothing stands there yet', async () => {
    const { requests, core } = rig()
    requests.applied({ index: 5, term: 2 }, undefined)
    core.says = { kind: 'appended', index: 8, term: 2 }
    const done = requests.propose(data, '', {})
    const change = requests.placed({ index: 9, term: 2 }, {}).catch((error: unknown) => error)
    core.says = { kind: 'appended', index: 7, term: 3 }
    const later = requests.propose(data, '', {})
    requests.applied({ index: 6, term: 3 }, undefined)
    expect(core.proposed).toHaveLength(3)
    expect(await change).toMatchObject({ code: 'COLONY_RAFT_NOT_LEADER' })
    requests.applied({ index: 7, term: 3 }, 'both')
    expect([await done, await later]).toMatchObject([{ result: 'both' }, { result: 'both' }])
    expect(requests.size).toBe(0)
  })

  it('is handed to the next leader only where a key keeps it from being done twice', async () => {
    const { requests, core, clock } = rig()
    const keyed = requests.propose(data, 'key', {})
    const plain = requests.propose(data, '', {}).catch((error: unknown) => error)
    const [ticket] = core.proposed
    core.leader = 'c'
    requests.leaderChanged()
    expect(core.proposed.slice(2)).toEqual([ticket])
    clock.advance(1_000)
    expect(core.proposed.slice(3)).toEqual([ticket])
    requests.forwarded({ kind: 'appended', context: ticket!, index: 3, term: 4 })
    requests.applied({ index: 3, term: 4 }, 'done')
    expect(await keyed).toMatchObject({ result: 'done' })
    clock.advance(5_000)
    expect(await plain).toMatchObject({ code: 'COLONY_RAFT_UNKNOWN', leader: 'c' })
    expect(core.proposed).toHaveLength(4)
  })

  it('is unknown where a snapshot took the place of its entry, unless its key is in it', async () => {
    const { requests, core } = rig()
    core.says = { kind: 'appended', index: 7, term: 2 }
    const keyed = requests.propose(data, 'key', {})
    core.says = { kind: 'appended', index: 8, term: 2 }
    const plain = requests.propose(data, '', {}).catch((error: unknown) => error)
    requests.restored(20, (key) => key === 'key' ? { index: 7, term: 2 } : undefined)
    expect(await keyed).toEqual({ index: 7, term: 2, result: undefined })
    expect(await plain).toMatchObject({ code: 'COLONY_RAFT_UNKNOWN' })
    expect(requests.size).toBe(0)
  })

  it('is tried again while there is no leader, and ends at once where another try would say the same', async () => {
    const { requests, core, clock } = rig()
    core.says = { kind: 'refused', refusal: 'transferring' }
    const done = requests.propose(data, '', {})
    core.says = { kind: 'appended', index: 1, term: 1 }
    clock.advance(100)
    requests.applied({ index: 1, term: 1 }, 'done')
    expect(await done).toMatchObject({ result: 'done' })
    core.says = { kind: 'refused', refusal: 'busy' }
    await expect(requests.propose(data, '', {})).rejects.toMatchObject({ code: 'COLONY_RAFT_BUSY', refusal: 'busy' })
  })

  it('ends with its caller\'s signal', async () => {
    const { requests } = rig()
    const controller = new AbortController()
    const done = requests.propose(data, '', { signal: controller.signal })
    controller.abort(new Error('gone'))
    await expect(done).rejects.toThrow('gone')
    expect(requests.size).toBe(0)
  })
})

describe('a read that waits', () => {
  it('ends only when what it may see is applied here, and is asked for again while nobody answers', async () => {
    const { requests, core, clock } = rig()
    let ended = false
    const done = requests.read(false, {}).then((index) => { ended = true; return index })
    core.reads = { kind: 'current', index: 5 }
    clock.advance(100)
    core.applied = 4
    requests.settleReads()
    await Promise.resolve()
    expect(ended).toBe(false)
    core.applied = 5
    requests.settleReads()
    expect(await done).toBe(5)
  })
})
