/**
 * The target's side of warming: has the cache fetch what another edge, or this one, wants to be here, as if a client
 * had asked, and drains the body to nowhere. A few at a time, so that clients do not wait for it; one fetch a key
 * however many ask, which is dropped when nobody has asked about it for a while.
 */
import type { Clock } from '../../protocols/clock.ts'
import { messageOf } from '../../protocols/errors.ts'
import type { Fields } from '../../protocols/fields.ts'
import type { ContentKey } from '../../protocols/ids.ts'
import { isOver, WarmState, type WarmAnswer, type WarmAsk } from '../../protocols/warm/messages.ts'
import type { Cache, CacheResult } from '../cache/cache.ts'
import { Level } from '../cache/flight.ts'
import { Phase } from '../cache/phase.ts'
import { freshnessOf, type Located, type Sites } from '../cache/sites.ts'
import { storability, type NotStorable } from '../http/storable.ts'
import { continueTrace } from '../http/trace.ts'
import { version } from '../version.ts'
import type { WarmSettings } from './settings.ts'

export interface WarmerInit {
  readonly cache: Cache
  readonly sites: Sites
  readonly clock: Clock
  readonly settings: WarmSettings
}

/** One key, from the first to ask for it to the last. */
interface Task {
  readonly located: Located
  readonly abort: AbortController
  readonly over: PromiseWithResolvers<void>
  answer: WarmAnswer
  /** Jobs that asked for it: they may hear its end once more. */
  readonly jobs: Set<string>
  /** Who wait for its end now. */
  waiting: number
  /** Cancels the end of its lease. */
  keep: () => void
}

/** Jobs remembered for one key; those beyond find it there when they ask again. */
const jobsMax = 64

/** What is asked for is what a client without wishes of its own gets. */
const fields: Fields = [['accept', '*/*'], ['user-agent', `colony-warm/${version}`]]

export class Warmer {
  readonly #init: WarmerInit
  readonly #tasks = new Map<ContentKey, Task>()
  /** In order of arrival. */
  readonly #queue = new Set<Task>()
  #running = 0
  #stopped = false

  constructor (init: WarmerInit) { this.#init = init }

  /** Tasks that wait, and that run. */
  get load (): { readonly queued: number, readonly running: number } { return { queued: this.#queue.size, running: this.#running } }

  /** Begins or joins; resolves with the outcome, or after `warmWaitMs` with how far it is. */
  async warm (ask: WarmAsk, signal: AbortSignal): Promise<WarmAnswer> {
    const { sites, settings } = this.#init
    const site = sites.byName(ask.site)
    const located = site === undefined ? undefined : sites.locate(site, ask.target, ask.host ?? '')
    if (located === undefined) return failed(`it has no site ${ask.site} with such a path`)
    // Every edge must mean the same key.
    if (located.target !== ask.target || located.host !== ask.host) return failed(`it has another idea of the site ${ask.site}: do its settings differ?`)
    if (this.#stopped) return failed('it is stopping')
    let task = this.#tasks.get(located.key)
    if (task !== undefined && isOver(task.answer.state) && !task.jobs.has(ask.job)) {
      this.#drop(task)
      task = undefined
    }
    if (task === undefined) {
      if (this.#queue.size >= settings.warmQueueMax) return { state: WarmState.Busy, bytes: 0 }
      task = this.#begin(located)
    }
    if (task.jobs.size < jobsMax) task.jobs.add(ask.job)
    await this.#wait(task, signal)
    return task.answer
  }

  /** Drops all. May be called twice. */
  stop (): void {
    this.#stopped = true
    for (const task of this.#tasks.values()) this.#drop(task)
  }

  #begin (located: Located): Task {
    const task: Task = {
      located, abort: new AbortController(), over: Promise.withResolvers(), answer: { state: WarmState.Queued, bytes: 0 }, waiting: 0, keep: () => {}, jobs: new Set()
    }
    this.#tasks.set(located.key, task)
    this.#queue.add(task)
    this.#next()
    return task
  }

  async #wait (task: Task, signal: AbortSignal): Promise<void> {
    const { clock, settings } = this.#init
    const patience = Promise.withResolvers<void>()
    const leave = (): void => { patience.resolve() }
    const cancel = clock.after(settings.warmWaitMs, leave)
    signal.addEventListener('abort', leave, { once: true })
    task.keep()
    task.waiting++
    await Promise.race([task.over.promise, patience.promise])
    task.waiting--
    cancel()
    signal.removeEventListener('abort', leave)
    // The answer may be lost on its way: what is over is remembered for as long.
    if (task.waiting === 0) task.keep = clock.after(settings.warmLeaseMs, () => { this.#drop(task) })
  }

  #drop (task: Task): void {
    task.keep()
    if (this.#tasks.get(task.located.key) === task) this.#tasks.delete(task.located.key)
    if (this.#queue.delete(task)) this.#end(task, failed('nobody asked about it any more'))
    task.abort.abort(new DOMException('nobody asks about it any more', 'AbortError'))
  }

  #next (): void {
    for (const task of this.#queue) {
      if (this.#running >= this.#init.settings.warmInFlightMax) return
      this.#queue.delete(task)
      this.#running++
      void this.#run(task).then((answer) => {
        this.#running--
        this.#end(task, answer)
        this.#next()
      })
    }
  }

  #end (task: Task, answer: WarmAnswer): void {
    task.answer = answer
    task.over.resolve()
  }

  /** Never rejects. */
  async #run (task: Task): Promise<WarmAnswer> {
    task.answer = { state: WarmState.Running, bytes: 0 }
    const { signal } = task.abort
    try {
      const result = await this.#init.cache.request({
        ...task.located, fields, path: [], silent: [], level: Level.Asker, signal, traceparent: continueTrace()
      })
      return await this.#finish(task, result)
    } catch (error) {
      return failed(messageOf(error))
    }
  }

  async #finish (task: Task, result: CacheResult): Promise<WarmAnswer> {
    const { site } = task.located
    switch (result.kind) {
      case 'failed': return failed(result.reason)
      case 'pass': {
        const { upstream } = result
        upstream?.cancel()
        if (upstream === undefined) return { state: WarmState.NotStorable, bytes: 0, why: 'its last answer was not meant to be shared' }
        return this.#refused(upstream, freshnessOf(site, task.located.target, upstream.status).defaultTtlMs) ?? { ...failed('it is larger than what the edge can store'), status: upstream.status }
      }
      case 'stored': {
        const { head, body, phase, source } = result
        body.close()
        if (phase === Phase.Stale) return { state: WarmState.Failed, bytes: 0, status: head.status, source, why: 'no origin can be reached, and what is stored is stale' }
        return this.#answered(head.status) ?? { state: phase === Phase.Hit ? WarmState.Held : WarmState.Stored, bytes: 0, status: head.status, source }
      }
      case 'filling': {
        const { head, storing, source, stale, release, fill } = result
        const refused = storing ? this.#answered(head.status) : this.#refused(head, freshnessOf(site, head.target, head.status).defaultTtlMs)
        if (refused !== undefined) {
          release()
          return { ...refused, source }
        }
        const { signal } = task.abort
        signal.addEventListener('abort', release, { once: true })
        let bytes = 0
        try {
          for await (const chunk of fill.read(0, undefined, signal)) {
            bytes += chunk.byteLength
            // The store is full: the rest would be fetched for nothing.
            if (!fill.joinable && !fill.done) break
            task.answer = { state: WarmState.Running, bytes, status: head.status, source }
          }
        } catch (error) {
          return { state: WarmState.Failed, bytes, status: head.status, source, why: messageOf(error) }
        } finally {
          release()
        }
        const { hash } = fill.total()
        const kept = this.#init.cache.stored(task.located.key, fields)
        if (kept === undefined || kept.hash !== hash) return { ...failed('the store of the edge did not take it: it is too large, or there is no room'), bytes, status: head.status, source }
        return { state: WarmState.Stored, bytes, status: head.status, source, ...(stale ? { why: 'no origin can be reached: it is a stale copy of a peer\'s' } : {}) }
      }
    }
  }

  /** An error is no content, even where it may be stored. */
  #answered (status: number): WarmAnswer | undefined {
    return status < 400 ? undefined : { state: WarmState.Failed, bytes: 0, status, why: `the answer is an error: ${status}` }
  }

  #refused ({ status, fields: responseFields }: { readonly status: number, readonly fields: Fields }, defaultTtlMs: number): WarmAnswer | undefined {
    const verdict = storability({ method: 'GET', requestFields: fields, status, fields: responseFields, defaultTtlMs })
    return this.#answered(status) ?? (verdict.storable ? undefined : { state: WarmState.NotStorable, bytes: 0, status, why: refusals[verdict.reason] })
  }
}

function failed (why: string): WarmAnswer {
  return { state: WarmState.Failed, bytes: 0, why }
}

const refusals: Readonly<Record<NotStorable, string>> = {
  'method': 'only what GET brings is stored',
  'request-no-store': 'the request forbids it',
  'no-store': 'the response forbids it (Cache-Control: no-store)',
  'private': 'the response is meant for one user (Cache-Control: private)',
  'authorization': 'the response is meant for one user (Authorization)',
  'vary': 'the response fits no second request (Vary: *)',
  'set-cookie': 'the response sets a cookie and states no lifetime',
  'status': 'responses of its status are not stored',
  'no-lifetime': 'the response states no lifetime, which only a 200 may leave out'
}
