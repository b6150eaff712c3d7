/**
 * What a GET for this URL would come to now, and why: the questions of `http/handler.ts` and `cache/cache.ts` in their
 * order, decided by the same pure functions (freshness, Vary, patience) over the state of this moment. Takes no step
 * itself and counts as no use. Pure: what is known comes in as one record.
 */
import { hasField, fieldValue, type Fields } from '../../protocols/fields.ts'
import { sameVersion, versionOf } from '../cache/upstream.ts'
import { Phase } from '../cache/phase.ts'
import { requestCacheControl, responseCacheControl, type CacheControl } from '../http/cache-control.ts'
import { hasOriginPrecondition } from '../http/conditional.ts'
import { explicitLifetimeMs, mayServeStale, mayServeWhileRevalidating, needsValidation } from '../http/freshness.ts'
import { parseUnknownLength } from '../http/range.ts'
import type { StoredResponse } from '../store/store.ts'
import type { Plan, PlanStep } from './explanation.ts'
import { planRoute, type Expected, type RouteSituation } from './route-plan.ts'
import { duration } from './words.ts'

export interface Situation {
  /** The edge's name. */
  readonly name: string
  readonly fields: Fields
  /** The stored variant that the request selects, with its age and lifetime now. */
  readonly stored?: { readonly head: StoredResponse, readonly ageMs: number, readonly lifetimeMs: number, readonly receivedAgoMs: number, /** `whileRevalidateMs` of cache/sites.ts; 0 where it is absent. */ readonly whileRevalidateMs?: number }
  /** Vary of what is stored for other requests than this; empty where nothing is. */
  readonly otherVary: readonly string[]
  /** A fetch that this request would join is under way. */
  readonly underway: boolean
  /** The last response was not shareable, so requests pass for a while. */
  readonly notShareable: boolean
  /** A range that begins further in is passed, bytes. */
  readonly rangeWaitBytesMax: number
  readonly route: RouteSituation
}

export function plan (about: Situation): Plan {
  const { fields, stored } = about
  const control = requestCacheControl(fields)
  if (hasOriginPrecondition(fields)) return passed(about, 'its precondition (If-Match or If-Unmodified-Since) is the origin\'s to decide')
  if (stored !== undefined && !needsValidation(stored.head, control, stored.ageMs, stored.lifetimeMs)) return served(about, stored)
  if (stored !== undefined && servesBehind(about, stored, control)) return servedBehind(about, stored)
  if (control.onlyIfCached) {
    const why = stored === undefined ? notHere(about) : staleBecause(stored, control)
    return { outcome: Phase.Failed, verdict: says(about, `FAIL with 504: it says only-if-cached, and ${why}`), steps: [{ do: 'answers 504', why: `only-if-cached, and ${why}` }] }
  }
  const passes = passReason(about, control)
  if (passes !== undefined) return passed(about, passes)
  const why = stored === undefined ? notHere(about) : staleBecause(stored, control)
  if (about.underway) {
    return { outcome: Phase.Miss, verdict: says(about, `be a MISS that joins a fetch under way: ${why}`), steps: [{ do: 'joins the fetch that is under way', why: `${why}; one fetch serves all who wait for it` }] }
  }
  if (stored === undefined && isFarRange(about)) return passed(about, `its range begins further in than ${about.rangeWaitBytesMax} bytes, and nothing is stored`)
  return fetched(about, why)
}

type Stored = NonNullable<Situation['stored']>

function served (about: Situation, stored: Stored): Plan {
  const { ageMs, lifetimeMs, receivedAgoMs } = stored
  const leftMs = lifetimeMs - ageMs
  const when = `stored ${duration(receivedAgoMs)} ago`
  if (leftMs > 0) {
    const why = `${when}, fresh for another ${duration(leftMs)}`
    return { outcome: Phase.Hit, verdict: says(about, `be a HIT: ${why}`), steps: [{ do: 'answers from the store', why }] }
  }
  const why = `${when}, stale for ${duration(-leftMs)}, which the request's max-stale allows`
  return { outcome: Phase.Stale, verdict: says(about, `be served STALE: ${why}`), steps: [{ do: 'answers from the store, stale', why }] }
}

function servesBehind ({ fields }: Situation, { ageMs, lifetimeMs, whileRevalidateMs = 0 }: Stored, control: CacheControl): boolean {
  return !hasField(fields, 'authorization') && mayServeWhileRevalidating(control, ageMs - lifetimeMs, whileRevalidateMs)
}

function servedBehind (about: Situation, { ageMs, lifetimeMs, whileRevalidateMs = 0, receivedAgoMs }: Stored): Plan {
  const pastMs = ageMs - lifetimeMs
  const why = `stored ${duration(receivedAgoMs)} ago, stale for ${duration(pastMs)}, which is allowed for another ${duration(whileRevalidateMs - pastMs)} while it is fetched anew`
  const steps = about.underway ? [{ do: 'leaves it to the fetch that is under way', why: 'one fetch does for all' }] : planRoute(about.route).steps
  return { outcome: Phase.Stale, verdict: says(about, `be served STALE: ${why}`), steps: [{ do: 'answers from the store, stale, and then fetches it anew', why }, ...steps] }
}

function passed (about: Situation, why: string): Plan {
  const { origins, site } = about.route
  if (origins.length === 0) {
    return { outcome: Phase.Failed, verdict: says(about, `FAIL with 504: it passes the cache (${why}), and the site ${site} has no origin here`), steps: [{ do: 'answers 504', why: `${why}, and the site ${site} has no origin here` }] }
  }
  const open = origins.every(({ breaker }) => breaker === 'open')
  return {
    outcome: open ? Phase.Failed : Phase.Pass,
    verdict: says(about, `${open ? 'FAIL' : 'PASS to the origin'}: ${why}${open ? ', and the origin could not be reached a moment ago' : ''}`),
    steps: origins.map(({ url }, index) => ({ do: `passes to the origin ${url}; no peer is asked`, why: index === 0 ? why : 'only if the one before does not answer' }))
  }
}

function fetched (about: Situation, why: string): Plan {
  const { stored, route, name } = about
  const { steps, expected } = planRoute(route)
  const first: PlanStep = stored === undefined
    ? { do: 'does not answer from the store', why }
    : { do: 'keeps what is stored back until it is validated', why }
  const all = [first, ...steps]
  const maybeStale = stored !== undefined && mayServeStale(stored.head)
  if (maybeStale) all.push({ do: 'answers with what is stored, stale', why: 'only if none of these has an answer; the response allows it' })
  const { outcome, end } = expectation(about, expected, maybeStale)
  return { outcome, verdict: `A request to ${name} now would ${end}: ${why}.`, steps: all }
}

function expectation ({ stored, route }: Situation, expected: Expected, maybeStale: boolean): { outcome: Phase, end: string } {
  const { nameOf, self, validators } = route
  switch (expected.from) {
    case 'peer': {
      const same = stored !== undefined && sameVersion(versionOf(stored.head), { ...expected.held, etag: strong(expected.held.etag) })
      const from = `${nameOf(expected.peer)}, which holds it fresh${expected.by === undefined ? '' : `, by way of ${nameOf(expected.by)}`}`
      return same
        ? { outcome: Phase.Revalidated, end: `be REVALIDATED by ${from}` }
        : { outcome: Phase.Miss, end: `be a MISS here, filled from ${from}` }
    }
    case 'origin': {
      const by = expected.by === self ? 'the origin' : `the origin by way of ${nameOf(expected.by)}`
      return stored !== undefined && validators.length > 0
        ? { outcome: Phase.Revalidated, end: `be REVALIDATED with ${by}, or a MISS if it has changed` }
        : { outcome: Phase.Miss, end: `be a MISS, filled from ${by}` }
    }
    case 'anyone': return { outcome: Phase.Miss, end: `be a MISS, filled with ${expected.held.ttlMs > 0 ? 'a' : 'a stale'} copy of ${nameOf(expected.peer)} as no origin can be reached` }
    case 'nobody': return maybeStale
      ? { outcome: Phase.Stale, end: 'be served STALE as no origin can be reached' }
      : { outcome: Phase.Failed, end: 'FAIL, as no origin can be reached and no edge has it' }
  }
}

function passReason ({ fields, notShareable }: Situation, control: CacheControl): string | undefined {
  if (control.noStore) return 'it says no-store'
  if (hasField(fields, 'authorization')) return 'it carries credentials (Authorization)'
  return notShareable ? 'the last response was not shareable, and such a key passes for a while' : undefined
}

function isFarRange ({ fields, rangeWaitBytesMax }: Situation): boolean {
  const range = parseUnknownLength(fieldValue(fields, 'range'))
  return range !== undefined && ('suffix' in range || range.start > rangeWaitBytesMax)
}

function notHere ({ otherVary }: Situation): string {
  return otherVary.length === 0
    ? 'nothing is stored for it here'
    : `what is stored here is for other values of ${otherVary.join(', ')}`
}

function staleBecause ({ head, ageMs, lifetimeMs }: Stored, control: CacheControl): string {
  if (responseCacheControl(head.fields).noCache !== false) return 'the stored response says no-cache, so it is validated before each use'
  if (lifetimeMs > ageMs) {
    return control.noCache === false
      ? 'what is stored is fresh, but the request\'s Cache-Control wants it fresher'
      : 'what is stored is fresh, but the request says no-cache'
  }
  if (lifetimeMs === 0 && explicitLifetimeMs(head.fields, head.receivedAtMs) === undefined) {
    return 'the stored response states no lifetime and the site has no default one, so it is stale at once'
  }
  return `the lifetime of ${duration(lifetimeMs)} of what is stored ended ${duration(ageMs - lifetimeMs)} ago`
}

function strong (etag: string | undefined): string | undefined {
  return etag?.startsWith('"') === true ? etag : undefined
}

function says ({ name }: Situation, what: string): string {
  return `A request to ${name} now would ${what}.`
}
