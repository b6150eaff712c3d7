/** Mistakes in bounded load: owners that take too much, or refuse too much (protocols/locate/bounded-load.ts). */
import type { Mutant } from '../mutant.ts'

const gate = 'protocols/locate/bounded-load.ts'

export const boundedLoadMutants: readonly Mutant[] = [
  {
    name: 'never-busy',
    file: gate,
    find: 'if (own >= busyFloorPerSecond &&',
    replace: 'if (false as boolean && own >= busyFloorPerSecond &&',
    stages: ['busy'],
    why: 'an owner takes whatever comes'
  },
  {
    name: 'takes-uncounted',
    file: gate,
    find: 'this.#count++',
    replace: 'this.#count += 0',
    stages: ['busy'],
    why: 'no owner knows what it takes'
  },
  {
    name: 'share-counted-twice',
    file: gate,
    find: 'return loadFactor * weightShare * total',
    replace: 'return loadFactor * weightShare * weightShare * total',
    stages: ['busy'],
    why: 'owners refuse long before they have their share'
  },
  {
    name: 'others-unheard',
    file: gate,
    find: 'this.#othersPerSecond = sum',
    replace: '',
    stages: ['busy'],
    why: 'an owner compares itself with itself: always above'
  },
  {
    name: 'load-never-decays',
    file: gate,
    find: 'Math.exp((this.#countedMs - nowMs) / this.#settings.loadWindowMs)',
    replace: '1 + 0 * nowMs',
    stages: ['relief'],
    why: 'what was taken long ago still counts'
  },
  {
    name: 'load-unannounced',
    file: gate,
    find: 'return this.#announced[0]\n',
    replace: 'return 0 * this.#announced[0]\n',
    stages: ['busy'],
    why: 'everybody takes everybody else for idle'
  },
  {
    name: 'weight-share-of-one',
    file: 'protocols/locate/locate.ts',
    find: 'return ring?.has(peer) === true ? ring.weightShare(peer) : undefined',
    replace: 'return ring?.has(peer) === true ? 1 : undefined',
    stages: ['busy'],
    why: 'each member believes that it is the whole region'
  },
  {
    name: 'gate-not-asked',
    file: 'netsim/world/edge/provider.ts',
    find: 'return this.gate.admit(nowMs, ask.turnedAway)',
    replace: 'return this.gate.admit(nowMs, ask.turnedAway) || true',
    stages: ['busy'],
    why: 'the edge fills what its gate has refused (mirrors daemon/routing/provider.ts)'
  }
]
