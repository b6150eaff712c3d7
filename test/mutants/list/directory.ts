/** Mistakes in who holds what: holders, intake, lanes, reporter, ranking (protocols/directory/). */
import type { Mutant } from '../mutant.ts'

const holders = 'protocols/directory/holders.ts'
const intake = 'protocols/directory/intake.ts'
const lane = 'protocols/directory/lane.ts'
const reporter = 'protocols/directory/reporter.ts'
const ranking = 'protocols/directory/ranking.ts'

export const directoryMutants: readonly Mutant[] = [
  {
    name: 'removal-takes-all',
    file: holders,
    find: 'this.#put(shard, key, known.replace(unit, \'\'))',
    replace: 'this.#put(shard, key, \'\')',
    stages: ['narrow'],
    why: 'one holder\'s eviction makes the others\' copies unknown'
  },
  {
    name: 'slot-reused-unswept',
    file: holders,
    find: '    this.#stale += slot.keys\n    if (slot.keys === 0) this.#release(number)',
    replace: '    this.#release(number)',
    stages: ['restarts', 'churn'],
    why: 'old entries come to stand for the next holder that gets the slot'
  },
  {
    name: 'entry-of-one',
    file: holders,
    find: 'shard.set(key, others + unit)',
    replace: 'shard.set(key, unit)',
    stages: ['steady'],
    why: 'the last holder displaces the others'
  },
  {
    name: 'drops-unheard',
    file: intake,
    find: 'if (slot !== undefined) this.#directory.remove(slot, key)',
    replace: 'if (slot !== undefined && key.length === 0) this.#directory.remove(slot, key)',
    stages: ['narrow'],
    why: 'owners never forget what was evicted'
  },
  {
    name: 'earlier-session-stays',
    file: intake,
    find: 'if (holder.earlier !== undefined) this.#directory.retire(holder.earlier)',
    replace: '',
    stages: ['unheard', 'churn', 'restarts'],
    why: 'what a holder lost in a crash is believed on'
  },
  {
    name: 'unknown-session-is-fine',
    file: intake,
    find: 'return { kind: \'again\' }\n    if (sequence > holder.sequence) {',
    replace: 'return { kind: \'ok\' }\n    if (sequence > holder.sequence) {',
    stages: ['unheard', 'churn', 'restarts'],
    why: 'an owner that lost its directory does not ask for it again'
  },
  {
    name: 'step-not-remembered',
    file: intake,
    find: '      holder.sequence = sequence\n',
    replace: '',
    stages: ['steady'],
    why: 'every report after the second is a gap'
  },
  {
    name: 'sequence-stays',
    file: lane,
    find: 'this.#sequence++',
    replace: '',
    stages: ['steady'],
    why: 'each report looks like a repetition of the first'
  },
  {
    name: 'again-unheard',
    file: lane,
    find: 'if (answer.kind === \'again\') return this.restart(nowMs)',
    replace: '',
    stages: ['unheard', 'churn', 'restarts'],
    why: 'the holder does not tell again what the owner has lost'
  },
  {
    name: 'failed-report-lost',
    file: lane,
    find: '    const delayMs = Math.min(retryMaxMs, retryMinMs * 2 ** this.#failures++)\n    this.#awaiting = false',
    replace: '    const delayMs = Math.min(retryMaxMs, retryMinMs * 2 ** this.#failures++)\n    this.#report = undefined\n    this.#awaiting = false',
    stages: ['unheard', 'flicker'],
    why: 'a report that was not answered is not repeated'
  },
  {
    name: 'failed-report-awaited',
    file: lane,
    find: '    const delayMs = Math.min(retryMaxMs, retryMinMs * 2 ** this.#failures++)\n    this.#awaiting = false',
    replace: '    const delayMs = Math.min(retryMaxMs, retryMinMs * 2 ** this.#failures++)',
    stages: ['churn', 'split'],
    why: 'after one lost answer an owner is never told anything again'
  },
  {
    name: 'drop-told-as-fill',
    file: lane,
    find: ';(this.#init.belongs(key) ? added : dropped).push(key)',
    replace: ';(this.#init.belongs(key) || key !== \'\' ? added : dropped).push(key)',
    stages: ['narrow'],
    why: 'evictions are reported as fills'
  },
  {
    name: 'change-in-the-walk-lost',
    file: lane,
    find: '// All of it will be told.\n    if (this.phase === Phase.Waiting) return',
    replace: 'if (this.phase !== Phase.Live) return',
    stages: ['steady'],
    why: 'what comes while everything is told is not told'
  },
  {
    name: 'never-complete',
    file: lane,
    find: 'complete = this.#untold <= 0',
    replace: 'complete = this.#untold < 0',
    stages: ['steady'],
    why: 'a session never replaces the one before, and its end is told again and again'
  },
  {
    name: 'new-ring-unheard',
    file: reporter,
    find: '    this.#newest = ring\n',
    replace: '',
    stages: ['steady'],
    why: 'holders report to the owners of long ago'
  },
  {
    name: 'moved-keys-untold',
    file: reporter,
    find: 'if (lane !== undefined && !full.has(lane)) lane.mark(key, this.#nowMs)',
    replace: '',
    stages: ['away'],
    why: 'new owners are not told what became theirs'
  },
  {
    name: 'members-not-followed',
    file: reporter,
    find: 'if (this.#lanes.has(peer)) continue',
    replace: 'if (this.#lanes.size > 1) continue',
    stages: ['steady'],
    why: 'who joined late is never reported to'
  },
  {
    name: 'draw-without-key',
    file: ranking,
    find: 'draw: draw(key + self + peer)',
    replace: 'draw: draw(self + peer)',
    stages: ['ample'],
    why: 'an edge turns to the same holder for every key'
  },
  {
    name: 'holders-by-name',
    file: ranking,
    find: ' || a.draw - b.draw || ',
    replace: ' || ',
    stages: ['ample'],
    why: 'the first in the alphabet is asked by everybody'
  }
]
