/** Mistakes in whom a key belongs to: the ring, its views, home regions (protocols/locate/). */
import type { Mutant } from '../mutant.ts'

const ring = 'protocols/locate/ring.ts'

export const ringMutants: readonly Mutant[] = [
  {
    name: 'ring-ignores-weights',
    file: ring,
    find: 'Math.max(1, Math.round(weight * pointsPerWeight))',
    replace: 'pointsPerWeight + 0 * weight',
    stages: ['steady'],
    why: 'a server of twice the size gets no more keys'
  },
  {
    name: 'ring-short-positions',
    file: ring,
    find: 'let at = this.#firstPoint(keyWord(key, KeyWord.Ring))',
    replace: 'let at = this.#firstPoint(keyWord(key, KeyWord.Ring) >>> 12)',
    stages: ['steady'],
    why: 'all keys fall onto the same few points'
  },
  {
    name: 'ring-unsorted-points',
    file: ring,
    find: 'for (const shift of [0, 11, 22]) {',
    replace: 'for (const shift of [0, 11]) {',
    stages: ['steady'],
    why: 'the binary search runs over positions in no order'
  },
  {
    name: 'ring-order-of-the-list',
    file: ring,
    find: 'members.toSorted((a, b) => a.peer < b.peer ? -1 : a.peer > b.peer ? 1 : 0)',
    replace: '[...members]',
    stages: ['steady'],
    why: 'edges that list the same members in another order have another ring'
  },
  {
    name: 'ring-same-points',
    file: ring,
    find: '.update(members[index]?.peer ?? \'\')',
    replace: '.update(String(members[index]?.weight))',
    stages: ['steady'],
    why: 'members of one weight stand at the same points: the first one owns all'
  },
  {
    name: 'ring-points-of-all',
    file: ring,
    find: '.update(members[index]?.peer ?? \'\')',
    replace: '.update(members.map(({ peer }) => peer).join() + String(index))',
    stages: ['restarts', 'churn'],
    why: 'a join moves the keys of everybody'
  },
  {
    name: 'ring-owner-twice',
    file: ring,
    find: 'if (servers.has(serverOf(member))) continue',
    replace: '',
    stages: ['steady'],
    why: 'the second owner is often the first one again'
  },
  {
    name: 'ring-stays',
    file: 'protocols/locate/locate.ts',
    find: 'if (view?.ring.epochHash === ring.epochHash) {',
    replace: 'if (view !== undefined) {',
    stages: ['steady'],
    why: 'changes of the members never reach the ring'
  },
  {
    name: 'home-of-all',
    file: 'protocols/locate/home.ts',
    find: 'score: mix(word ^ regionHash(region))',
    replace: 'score: mix(regionHash(region)) + 0 * word',
    stages: ['steady'],
    why: 'one region is the home of every key'
  },
  {
    name: 'home-by-length',
    file: 'protocols/locate/home.ts',
    find: 'for (let at = 0; at < region.length; at++) hash = Math.imul(hash ^ region.charCodeAt(at), 0x01000193)',
    replace: 'hash ^= region.length & 4',
    stages: ['steady'],
    why: 'regions with names of like length score alike: the first of them takes all'
  }
]
