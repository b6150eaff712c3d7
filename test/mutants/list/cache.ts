/**
 * Mistakes in the cache and on a request's way. These are in the world's edge (netsim/world/edge/), which mirrors
 * daemon/cache/, daemon/http/freshness.ts and daemon/routing/ without their promises; daemon/origin/breaker.ts is the daemon's own.
 */
import type { Mutant } from '../mutant.ts'

const cache = 'netsim/world/edge/cache.ts'
const copies = 'netsim/world/edge/copies.ts'
const asks = 'netsim/world/edge/asks.ts'
const provider = 'netsim/world/edge/provider.ts'
const breaker = 'daemon/origin/breaker.ts'

export const cacheMutants: readonly Mutant[] = [
  {
    name: 'waits-for-a-racer',
    file: 'netsim/world/edge/flights.ts',
    find: 'return this.asking > 0 ? Math.min(this.#level, Level.Home) as Level : this.#level',
    replace: 'return this.#level',
    stages: ['afar'],
    why: 'two that race each other with their origins keep each other going (mirrors daemon/cache/flight.ts)'
  },
  {
    name: 'skip-the-sync',
    file: cache,
    find: 'disk.sync(() => { watch.sync(index, \'ends\') })',
    replace: 'watch.sync(index, \'ends\')',
    stages: ['churn'],
    why: 'what is promised to survive was never flushed'
  },
  {
    name: 'evicted-stays-on-disk',
    file: cache,
    find: `      this.#write(other, undefined)
      this.#onChange(other`,
    replace: '      this.#onChange(other',
    stages: ['narrow'],
    why: 'the disk fills with what the index has forgotten'
  },
  {
    name: 'eviction-untold',
    file: cache,
    find: 'this.#onChange(other, this.#self.objects.key(other))',
    replace: '',
    stages: ['narrow'],
    why: 'owners go on naming an edge that has evicted'
  },
  {
    name: 'fill-untold',
    file: cache,
    find: `    this.#write(object, copy)
    this.#onChange(object, key)`,
    replace: '    this.#write(object, copy)',
    stages: ['steady'],
    why: 'owners never hear who has filled'
  },
  {
    name: 'always-fresh',
    file: cache,
    find: 'this.#self.objects.lifetimeMs(object) > this.copies.ageMs(slot, this.#self.machine.wallMs())',
    replace: 'this.#self.objects.lifetimeMs(object) > 0',
    stages: ['lively'],
    why: 'what is stored is never too old'
  },
  {
    name: 'validated-though-changed',
    file: provider,
    find: 'same: head.version !== -1 && held === head.version',
    replace: 'same: head.version !== -1 && held !== -1',
    stages: ['lively'],
    why: 'any version that the asker holds counts as current'
  },
  {
    name: 'age-starts-anew',
    file: copies,
    find: 'return this.#times[slot * 3 + 1]! + Math.max(0',
    replace: 'return Math.max(0',
    stages: ['lively'],
    why: 'what comes from a peer counts as new (RFC 9111 section 4.2.3)'
  },
  {
    name: 'validated-is-new',
    file: copies,
    find: 'this.#times[slot * 3 + 1] = initialAgeMs',
    replace: 'this.#times[slot * 3 + 1] = 0 * initialAgeMs',
    stages: ['lively'],
    why: 'a peer\'s word that a copy is current makes it new'
  },
  {
    name: 'length-of-the-first',
    file: copies,
    find: 'this.#words[slot * recordWords + 1] = copy.bytes',
    replace: 'this.#words[slot * recordWords + 1] ||= copy.bytes',
    stages: ['lively'],
    why: 'a slot that is used again keeps its old length'
  },
  {
    name: 'error-is-stored',
    file: cache,
    find: 'if (head.version === -1) return { kind: \'arrived\', head, source }',
    replace: '',
    stages: ['origin'],
    why: 'the origin\'s 503 is stored and served'
  },
  {
    name: 'flight-unseen',
    file: cache,
    find: 'this.flights.add(flight)',
    replace: '',
    stages: ['steady'],
    why: 'concurrent misses fetch twice'
  },
  {
    name: 'flight-stays',
    file: cache,
    find: 'this.flights.remove(flight)',
    replace: '',
    stages: ['steady'],
    why: 'later requests join a flight that has landed'
  },
  {
    name: 'one-waiter',
    file: 'netsim/world/edge/flights.ts',
    find: 'for (const waiter of waiting ?? []) waiter(outcome)',
    replace: 'waiting?.[0]?.(outcome)',
    stages: ['herd'],
    why: 'whoever joined a flight is forgotten'
  },
  {
    name: 'level-highest-from-the-start',
    file: 'netsim/world/edge/flights.ts',
    find: '    this.beganAtMs = beganAtMs\n    this.#level = level',
    replace: '    this.beganAtMs = beganAtMs\n    this.#level = Level.Origin',
    stages: ['churn', 'split'],
    why: 'a flight that waits on another edge looks as if it waited on the origin alone'
  },
  {
    name: 'sunk-in-silence',
    file: 'netsim/world/edge/flights.ts',
    find: 'for (const tell of sunk ?? []) tell()',
    replace: '',
    stages: ['split', 'origin'],
    why: 'edges go on waiting for a flight that now waits for them'
  },
  {
    name: 'sunk-level-stays',
    file: 'netsim/world/edge/flights.ts',
    find: 'this.#level = Level.Asker',
    replace: '',
    stages: ['split', 'origin'],
    why: 'others may wait on a flight that waits on anybody'
  },
  {
    name: 'any-flight-is-joined',
    file: cache,
    find: 'if (flight !== undefined && flight.level < level) {',
    replace: 'if (flight !== undefined && flight.level > level) {',
    stages: ['origin', 'split'],
    why: 'an ask waits on a flight that waits on its asker'
  },
  {
    name: 'have-waits-on-any',
    file: provider,
    find: 'if (flight.level !== Level.Origin) continue',
    replace: '',
    stages: ['split', 'churn', 'steady'],
    why: '`have` waits on fills, not on the origin\'s answer alone'
  },
  {
    name: 'stale-for-fresh',
    file: provider,
    find: 'if (isFresh || (slot !== -1 && ask.staleOk)) {',
    replace: 'if (slot !== -1) {',
    stages: ['lively'],
    why: 'peers are given what is too old without asking for it'
  },
  {
    name: 'stale-unmarked',
    file: provider,
    find: 'hit(ask, this.#cache.head(slot, !isFresh))',
    replace: 'hit(ask, this.#cache.head(slot, false))',
    stages: ['origin', 'split'],
    why: 'a stale answer does not say so'
  },
  {
    name: 'no-timeout',
    file: asks,
    find: 'untilMs, timer: machine.post(untilMs, Timer.Silence, id)',
    replace: 'untilMs, timer: -1',
    stages: ['flicker'],
    why: 'a dead peer is waited for for ever'
  },
  {
    name: 'call-ids-repeat',
    file: asks,
    find: 'this.#waiting.clear()',
    replace: 'this.#waiting.clear(); this.#ids = 0',
    stages: ['revenants'],
    why: 'an answer to an earlier process is taken for another\'s'
  },
  {
    name: 'breaker-stays-open',
    file: breaker,
    find: 'if (this.#open) this.#change(false)',
    replace: '',
    stages: ['origin'],
    why: 'an origin that came back is not asked again'
  },
  {
    name: 'breaker-probes-for-ever',
    file: breaker,
    find: `    this.#failures = 0
    this.#probing = false`,
    replace: '    this.#failures = 0',
    stages: ['origin'],
    why: 'after one failed probe no other is made'
  },
  {
    name: 'breaker-counts-all-failures',
    file: breaker,
    find: 'this.#failures++\n    if (this.#open || this.#failures >= this.#settings.breakerFailures) {',
    replace: 'this.#failures++\n    if (this.#failures >= this.#settings.breakerFailures) {',
    stages: ['origin'],
    why: 'a failed probe leaves the breaker half open: its one place is taken for ever'
  }
]
