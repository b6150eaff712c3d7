/** Mistakes in eviction (daemon/store/s3-fifo.ts). */
import type { Mutant } from '../mutant.ts'

const fifo = 'daemon/store/s3-fifo.ts'

export const s3FifoMutants: readonly Mutant[] = [
  {
    name: 'room-for-none',
    file: fifo,
    find: 'while (this.size > 0 && (this.bytes + bytes > this.#bytesMax ||',
    replace: 'while (this.size > 0 && (this.bytes > this.#bytesMax ||',
    stages: ['narrow'],
    why: 'the newcomer does not count: the budget is overrun by one object'
  },
  {
    name: 'replaced-counts-twice',
    file: fifo,
    find: `    this.#forget(known)
    return known.queue`,
    replace: '    return known.queue',
    stages: ['lively'],
    why: 'a new version does not free the old one\'s bytes'
  },
  {
    name: 'use-uncounted',
    file: fifo,
    find: 'entry.uses = Math.min(entry.uses + 1, usesMax)',
    replace: '',
    stages: ['narrow'],
    why: 'nothing is ever promoted: plain FIFO of a tenth'
  },
  {
    name: 'ghosts-forgotten',
    file: fifo,
    find: '? this.#admit(id, bytes, value, this.#main, 0)',
    replace: '? this.#admit(id, bytes, value, this.#small, 0)',
    stages: ['narrow'],
    why: 'what was evicted too early has to prove itself anew'
  },
  {
    name: 'promoted-at-once',
    file: fifo,
    find: 'const promotionUses = 2',
    replace: 'const promotionUses = 0',
    stages: ['narrow'],
    why: 'a scan washes the main queue out'
  },
  {
    name: 'main-in-one-round',
    file: fifo,
    find: '    if (entry.uses === 0) {\n      this.#forget(entry)',
    replace: '    if (entry.uses >= 0) {\n      this.#forget(entry)',
    stages: ['narrow'],
    why: 'uses in the main queue save nobody'
  },
  {
    name: 'newest-leaves-first',
    file: fifo,
    find: 'const entry = this.#small.oldest',
    replace: 'const entry = this.#small.newest',
    stages: ['narrow'],
    why: 'the small queue is a stack'
  },
  {
    name: 'ghosts-reside',
    file: fifo,
    find: 'if (queue !== this.#ghost) yield [id, value as Value]',
    replace: 'if (queue !== this.#main || id !== \'\') yield [id, value as Value]',
    stages: ['narrow'],
    why: 'what was evicted is listed as held'
  },
  {
    name: 'bytes-of-the-gone',
    file: fifo,
    find: `    this.bytes -= entry.bytes
    this.size--`,
    replace: '    this.size--',
    stages: ['narrow'],
    why: 'bytes of what leaves a queue are never given back'
  },
  {
    name: 'giants-fit',
    file: fifo,
    find: 'return bytes <= this.#bytesMax * this.#objectShareMax',
    replace: 'return bytes <= this.#bytesMax',
    stages: ['narrow'],
    why: 'one large object empties the store'
  },
  {
    name: 'restored-to-small',
    file: fifo,
    find: 'this.#admit(id, bytes, value, toMain ? this.#main : this.#small, 0)',
    replace: 'this.#admit(id, bytes, value, toMain ? this.#small : this.#main, 0)',
    stages: ['restarts', 'churn'],
    why: 'after a start the first scan washes away what was kept'
  }
]
