/**
 * A leader's side: takes proposals into its log, keeps each peer supplied, commits what a majority has on disk (sections
 * 5.3, 5.4.2), changes the configuration (thesis chapter 4), hands leadership on (section 3.10), answers reads (section 6.4).
 * Lives as long as the leadership. Nothing is sent while messages are stepped: `flush` sends once for each `ready`, so that
 * all that came meanwhile shares messages and heartbeat rounds.
 */
import { changed, encodeConfiguration, sizeOf } from './configuration.ts'
import { Lease } from './lease.ts'
import { EntryKind, Refusal, type AppendAnswer, type ConfigurationChange, type HeartbeatAnswer } from './messages.ts'
import { Progress } from './progress.ts'
import { reachedByMajority } from './quorum.ts'
import { answer, Reads, refuse } from './reads.ts'
import { Verdict, type Proposed, type ReadStanding } from './ready.ts'
import type { State } from './state.ts'
import type { PeerName } from '../ids.ts'

const none = new Uint8Array(0)

export class Leader {
  readonly lease: Lease
  readonly progress = new Map<PeerName, Progress>()
  transferee: PeerName | undefined
  /** Something may have become possible to send. */
  isDirty = true

  readonly #state: State
  readonly #reads: Reads
  #heartbeatAt: number
  #heartbeatWanted = true
  #transferEndsAt = Infinity
  #ordered = false
  #uncommittedBytes: number

  constructor (state: State) {
    this.#state = state
    this.lease = new Lease(state, this.progress)
    this.#reads = new Reads(state)
    this.#heartbeatAt = state.now + state.settings.heartbeatTicks
    const { log } = state
    this.#uncommittedBytes = log.read(log.commit + 1, Infinity, Infinity).reduce((sum, { data }) => sum + data.byteLength, 0)
    this.#follow()
    // Earlier terms' entries are committed by way of one of this term (sections 5.4.2 and 8).
    this.#append(EntryKind.Empty, none)
  }

  propose (data: Uint8Array): Proposed {
    const { proposalBytesMax, uncommittedBytesMax } = this.#state.settings
    if (data.byteLength > proposalBytesMax) return { kind: 'refused', refusal: Refusal.TooLarge }
    if (this.transferee !== undefined) return { kind: 'refused', refusal: Refusal.Transferring }
    if (this.#uncommittedBytes > 0 && this.#uncommittedBytes + data.byteLength > uncommittedBytesMax) return { kind: 'refused', refusal: Refusal.Busy }
    return this.#append(EntryKind.Data, data)
  }

  /**
   * One change is in flight at a time, and none before this term has committed something: two leaders could otherwise
   * each add a server, and their majorities need not meet (Ongaro's correction of 2015 to the thesis's section 4.1).
   */
  change (change: ConfigurationChange): Proposed {
    const { configurations, log, settings } = this.#state
    const refused = (refusal: Refusal): Proposed => ({ kind: 'refused', refusal })
    if (this.transferee !== undefined) return refused(Refusal.Transferring)
    if (configurations.index > log.commit || !this.#hasCommitted()) return refused(Refusal.ChangePending)
    const next = changed(configurations.latest, change)
    if (next === undefined || sizeOf(next) > settings.membersMax) return refused(Refusal.BadChange)
    const [slow] = change.kind === 'promote' ? change.peers.filter((peer) => !this.#hasCaughtUp(peer)) : []
    if (slow !== undefined) {
      // Learners are seldom heard, and only one that answers now may get a vote: from here on it is asked as voters are.
      this.attend(slow)
      return refused(Refusal.NotCaughtUp)
    }
    return this.#append(EntryKind.Configuration, encodeConfiguration(next))
  }

  /** @returns the standing for this server's own host; a peer is answered by message */
  read (context: string, from: PeerName, byLease: boolean): ReadStanding {
    const { settings: { readsMax }, log, self } = this.#state
    if (this.#reads.size >= readsMax) {
      if (from !== self) refuse(this.#state, context, from, Refusal.Busy)
      return { kind: 'refused', refusal: Refusal.Busy }
    }
    const isOpen = this.#hasCommitted()
    if (isOpen && byLease && this.lease.ticksLeft() > 0) {
      if (from !== self) answer(this.#state, context, from, log.commit)
      return { kind: 'current', index: log.commit }
    }
    this.#reads.add(context, from, isOpen ? this.lease.round + 1 : undefined)
    if (isOpen) this.#wantHeartbeat()
    return { kind: 'asked' }
  }

  /** Hands leadership to a voter as soon as it has the whole log; proposals are refused meanwhile (thesis section 3.10). */
  transfer (to: PeerName): Refusal | undefined {
    const { settings: { electionTicks }, now, self } = this.#state
    const progress = this.progress.get(to)
    if (to === self || progress === undefined || !this.#state.isVoter(to)) return Refusal.BadChange
    if (this.transferee !== undefined) return Refusal.Transferring
    if (!this.#isActive(progress)) return Refusal.NotCaughtUp
    this.transferee = to
    this.#transferEndsAt = now + electionTicks
    this.#orderTransfer()
    return undefined
  }

  takeAppendAnswer ({ from, index, rejected, hintIndex, hintTerm }: AppendAnswer): Verdict {
    const progress = this.progress.get(from)
    if (progress === undefined) return Verdict.NotMember
    const { log } = this.#state
    if (index > log.lastIndex) return Verdict.Contradiction
    progress.heardAt = this.#state.now
    if (rejected) {
      const hint = log.backOff(Math.min(hintIndex, index), hintTerm)
      if (!progress.rejected(index, hint.index)) {
        this.isDirty = true
        return Verdict.Stale
      }
    } else {
      if (!progress.confirmed(index)) return Verdict.Stale
      this.#commit()
      this.#orderTransfer()
    }
    this.isDirty = true
    return Verdict.Taken
  }

  takeHeartbeatAnswer ({ from, round, life }: HeartbeatAnswer): Verdict {
    const progress = this.progress.get(from)
    if (progress === undefined) return Verdict.NotMember
    if (round > this.lease.round) return Verdict.Contradiction
    progress.heardAt = this.#state.now
    progress.lives(life, this.#state.now)
    progress.answered(round)
    this.lease.answered(from, progress, round)
    this.#reads.confirmed(this.lease.confirmedRound())
    this.#orderTransfer()
    this.isDirty = true
    return Verdict.Taken
  }

  /** Asks a learner as often as voters for a while: it may be there again, or is to be promoted. */
  attend (peer: PeerName): void {
    const progress = this.progress.get(peer)
    if (progress === undefined || this.#state.isVoter(peer)) return
    progress.attendedUntil = this.#state.now + 2 * this.#state.settings.electionTicks
    this.#wantHeartbeat()
  }

  unreachable (peer: PeerName): void {
    this.progress.get(peer)?.lost(this.#state.now)
    this.isDirty = true
  }

  /** @returns whether this server is still the leader: not where a majority is silent (check-quorum, thesis section 6.2) */
  tick (): boolean {
    const { now, settings: { heartbeatTicks, snapshotTimeoutTicks } } = this.#state
    if (now >= this.lease.silentAt()) return false
    if (now >= this.#transferEndsAt) this.#endTransfer()
    for (const progress of this.progress.values()) {
      if (progress.state === 'snapshot' && now - progress.snapshotAt >= snapshotTimeoutTicks) progress.lost(now)
    }
    if (now >= this.#heartbeatAt) {
      this.#heartbeatAt = now + heartbeatTicks
      this.#wantHeartbeat()
    }
    return true
  }

  /** When `tick` has something to do: seldom where no other votes and the learners have everything. */
  dueAt (): number {
    return Math.min(Math.max(this.#heartbeatAt, this.#wantedAt()), this.#transferEndsAt, this.lease.silentAt())
  }

  /** From when on somebody wants a heartbeat. */
  #wantedAt (): number {
    if (this.#state.configurations.latest.voters.length > 1) return -Infinity
    let at = Infinity
    for (const [peer, progress] of this.progress) at = Math.min(at, this.#beatDueAt(peer, progress))
    return at
  }

  /** What was handed out is on disk: it counts as this server's own copy. */
  persisted (): void {
    this.#commit()
  }

  /** Sends what may be sent: a heartbeat round where one is due or reads wait, and entries to all that have room. */
  flush (): void {
    if (!this.isDirty) return
    this.isDirty = false
    if (this.#heartbeatWanted) this.#sendHeartbeats()
    for (const [peer, progress] of this.progress) this.#supply(peer, progress)
  }

  /** Tells those that wait that this leadership is over. */
  end (): void {
    this.#reads.end()
  }

  /** A voter that was heard lately and has all that is committed, the furthest one. */
  heir (): PeerName | undefined {
    const { log: { commit } } = this.#state
    const heirs = [...this.progress].filter(([peer, progress]) => this.#state.isVoter(peer) && progress.match >= commit && this.#isActive(progress))
    return heirs.sort(([, one], [, other]) => other.match - one.match)[0]?.[0]
  }

  /** Sends the order to take over, once its receiver has everything. */
  order (to: PeerName): void {
    const { life } = this.progress.get(to) ?? {}
    if (life === undefined) return
    this.lease.forfeit(to)
    this.#state.send({ kind: 'timeout-now', to, round: this.lease.round, life })
  }

  #orderTransfer (): void {
    const to = this.transferee
    const progress = to === undefined ? undefined : this.progress.get(to)
    if (to === undefined || progress === undefined || this.#state.log.lastIndex !== progress.match) return
    if (progress.life === undefined || this.#ordered) return
    this.#ordered = true
    this.order(to)
  }

  #endTransfer (): void {
    this.transferee = undefined
    this.#ordered = false
    this.#transferEndsAt = Infinity
  }

  #append (kind: EntryKind, data: Uint8Array): Proposed {
    const { log, term, configurations } = this.#state
    const entry = { index: log.lastIndex + 1, term, kind, data }
    log.append([entry])
    this.#uncommittedBytes += data.byteLength
    this.isDirty = true
    if (kind === EntryKind.Configuration) {
      configurations.take([entry])
      this.#follow()
    }
    return { kind: 'appended', index: entry.index, term }
  }

  /** Keeps a record of each peer of the latest configuration, and of no other. */
  #follow (): void {
    const { configurations: { latest: { voters, learners } }, self, log, now, settings } = this.#state
    const peers = new Set([...voters, ...learners])
    peers.delete(self)
    for (const peer of this.progress.keys()) {
      if (!peers.has(peer)) this.progress.delete(peer)
    }
    for (const peer of peers) {
      if (!this.progress.has(peer)) this.progress.set(peer, new Progress(log.lastIndex + 1, now, settings))
    }
    this.#wantHeartbeat()
  }

  /** Only entries of this term are committed by counting; the earlier ones with them (section 5.4.2, figure 8). */
  #commit (): void {
    const { log, term, configurations, self } = this.#state
    const before = log.commit
    const reached = reachedByMajority(configurations.latest.voters, (peer) => peer === self ? log.persisted : this.progress.get(peer)?.match ?? 0)
    if (reached <= before || log.termAt(reached) !== term) return
    const isFirst = !this.#hasCommitted()
    for (const { data } of log.read(before + 1, Infinity, Infinity, reached)) this.#uncommittedBytes -= data.byteLength
    log.commitTo(reached)
    this.isDirty = true
    if (!isFirst) return
    this.#reads.open(this.lease.round + 1)
    if (this.#reads.size > 0) this.#wantHeartbeat()
  }

  #hasCommitted (): boolean {
    const { log, term } = this.#state
    return log.termAt(log.commit) === term
  }

  #isActive (progress: Progress): boolean {
    return this.#state.now - progress.heardAt < this.#state.settings.electionTicks
  }

  #hasCaughtUp (peer: PeerName): boolean {
    const progress = this.progress.get(peer)
    const { log: { lastIndex }, settings: { promotionLagMax } } = this.#state
    return progress !== undefined && progress.match > 0 && lastIndex - progress.match <= promotionLagMax && this.#isActive(progress)
  }

  /**
   * From when on it is to get a heartbeat. Voters get each, as the lease stands on them, and so do learners that lack something, an entry or
   * the word that it is committed, as what was lost on the way is seen by the answers; one that does not answer ever more seldom, and
   * one that has everything seldom.
   */
  #beatDueAt (peer: PeerName, progress: Progress): number {
    const { log: { lastIndex, commit }, now, settings: { heartbeatTicks, learnerTicks } } = this.#state
    if (this.#state.isVoter(peer) || progress.attendedUntil > now) return -Infinity
    const wait = progress.match < lastIndex || progress.commitKnown < commit ? Math.min(learnerTicks, heartbeatTicks * 2 ** progress.misses) : learnerTicks
    return progress.beatAt + wait
  }

  #wantHeartbeat (): void {
    this.#heartbeatWanted = true
    this.isDirty = true
  }

  #sendHeartbeats (): void {
    this.#heartbeatWanted = false
    const round = this.lease.begin()
    const { log: { commit }, now } = this.#state
    for (const [to, progress] of this.progress) {
      if (now < this.#beatDueAt(to, progress)) continue
      const told = Math.min(commit, progress.match)
      progress.beat(round, told, now)
      this.#state.send({ kind: 'heartbeat', to, round, commit: told })
    }
    // Alone, a leader is its own majority.
    this.#reads.confirmed(this.lease.confirmedRound())
  }

  #supply (to: PeerName, progress: Progress): void {
    const { log, settings: { appendEntriesMax, appendBytesMax } } = this.#state
    while (progress.isOpen) {
      if (progress.next < log.firstIndex) {
        this.#sendSnapshot(to, progress)
        return
      }
      const entries = log.read(progress.next, appendEntriesMax, appendBytesMax)
      const prevIndex = progress.next - 1
      const commit = Math.min(log.commit, prevIndex + entries.length)
      if (progress.state === 'replicate' && entries.length === 0 && commit <= progress.commitTold) return
      this.#state.send({ kind: 'append', to, prevIndex, prevTerm: log.termAt(prevIndex)!, entries, commit })
      progress.commitTold = commit
      if (entries.length === 0 && progress.state === 'replicate') return
      progress.sent(prevIndex + entries.length, entries.reduce((sum, { data }) => sum + data.byteLength, 0), this.lease.round)
    }
  }

  /** To those that were heard lately, and not again at once: a snapshot is too large to send into the dark. The next heartbeat's answer comes back to it. */
  #sendSnapshot (to: PeerName, progress: Progress): void {
    const { log: { snapshot }, now } = this.#state
    if (snapshot === undefined || !this.#isActive(progress) || now < progress.snapshotRetryAt) return
    this.#state.send({ kind: 'snapshot', to, snapshot })
    progress.snapshotSent(snapshot.index, now)
  }
}
