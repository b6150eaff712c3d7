/**
 * `/v1/config`: what the colony agreed on and how it is changed, of each scope. A change is answered when it is agreed, or
 * when its scope's deadline has passed with what is known then; it may always be repeated with the same Idempotency-Key. Answers
 * carry `Colony-Token`, and a request with one is not answered by anything older (agreed/honour.ts).
 */
import { fieldValue, type Field } from '../../protocols/fields.ts'
import { ConfigInvalidError, isMap } from '../../protocols/config/canonical.ts'
import { notesOf } from '../../protocols/config/notes.ts'
import { changedFields, type FieldChange } from '../../protocols/config/diff.ts'
import type { Conflict, Scope } from '../../protocols/config/merge.ts'
import { ConfigBaseError, type Change } from '../../protocols/config/prepare.ts'
import { encodeToken, type Vector } from '../../protocols/config/token.ts'
import type { Version } from '../../protocols/config/versions.ts'
import { honour, lackingProblem, retryLater } from '../agreed/honour.ts'
import type { AgreedConfig, ChangeRequest, Currency } from '../agreed/service.ts'
import type { Outcome } from '../agreed/outcome.ts'
import type { EdgeResponse } from '../http/message.ts'
import { problem } from '../http/problem.ts'
import { changeRequest, readJson, RequestFault, scopeOf, versionOf } from './config-request.ts'
import { jsonResponse, type AdminRequest, type AdminRoute } from './route.ts'
import { scopeStatus, type ConfigStatus } from './config-status.ts'

/** One scope's settings as they were written, or all scopes together with every default. */
export interface ConfigDocument {
  readonly scope: Scope | 'effective'
  /** Absent where all scopes are shown together. */
  readonly version?: number
  readonly hash?: string
  readonly document: unknown
  readonly current: boolean
  /** How long ago this was surely all that had been agreed, ms; absent: never since this edge keeps it. */
  readonly ageMs?: number | undefined
  readonly because?: string | undefined
  /** Sites that some scope speaks of and none gives host names. */
  readonly withoutHosts?: readonly string[]
  /** A line for each setting in it that no edge acts on yet; of one scope's. */
  readonly notes?: readonly string[]
}

/** A version without its content. */
export type VersionLine = Omit<Version, 'document'>
export interface ConfigHistory { readonly scope: Scope, readonly base: number, readonly versions: readonly VersionLine[] }
export interface ConfigDiff { readonly scope: Scope, readonly from: number, readonly to: number, readonly fields: readonly FieldChange[] }
export interface ConfigConflicts { readonly scope: Scope | 'effective', readonly conflicts: readonly Conflict[] }

export interface ConfigSource {
  readonly agreed: AgreedConfig
  readonly bodyBytesMax: number
  readonly watchMaxMs: number
}

export function configRoutes (source: ConfigSource): AdminRoute[] {
  const config = new ConfigAdmin(source)
  const route = (method: AdminRoute['method'], path: string, run: (request: AdminRequest) => Promise<EdgeResponse>): AdminRoute => ({
    method,
    path,
    run: async (request) => {
      try {
        return await config.honoured(request, run)
      } catch (error) {
        if (error instanceof RequestFault) return problem(error.status, undefined, error.message)
        if (error instanceof ConfigInvalidError) return problem(422, 'Not valid', error.message, { code: error.code, faults: error.faults })
        if (error instanceof ConfigBaseError) return problem(412, undefined, error.message, { code: error.code })
        throw error
      }
    }
  })
  return [
    route('GET', '/v1/config', async (request) => await config.get(request)),
    route('PUT', '/v1/config', async (request) => await config.change(request, (document, base) => ({ kind: 'put', document, ...base }))),
    route('PATCH', '/v1/config', async (request) => await config.change(request, (patch, base) => ({ kind: 'patch', patch, ...base }))),
    route('POST', '/v1/config/rollback', async (request) => await config.change(request, (body, base) => ({ kind: 'rollback', to: versionOf(body, 'to'), ...base }))),
    route('POST', '/v1/config/resolve', async (request) => await config.change(request, (body, base) => ({ ...resolution(body), ...base }))),
    route('POST', '/v1/config/abort', async (request) => await config.abort(request)),
    route('POST', '/v1/config/recover', async (request) => await config.recover(request)),
    route('GET', '/v1/config/status', async ({ request }) => jsonResponse(200, await config.status(request.signal))),
    route('GET', '/v1/config/history', async (request) => await config.history(request)),
    route('GET', '/v1/config/diff', async (request) => await config.diff(request)),
    route('GET', '/v1/config/conflicts', async (request) => await config.conflicts(request)),
    route('GET', '/v1/config/watch', async (request) => await config.watch(request))
  ]
}

class ConfigAdmin {
  readonly #source: ConfigSource

  constructor (source: ConfigSource) { this.#source = source }

  /** Runs what is asked once this edge acts on what the request's token names. */
  async honoured (request: AdminRequest, run: (request: AdminRequest) => Promise<EdgeResponse>): Promise<EdgeResponse> {
    const token = fieldValue(request.request.fields, 'colony-token')
    const instead = token === undefined ? undefined : await honour(this.#source.agreed, token, request.request.signal)
    return instead ?? await run(request)
  }

  async get ({ query, request: { signal } }: AdminRequest): Promise<EdgeResponse> {
    const { agreed } = this.#source
    const { follower } = agreed
    const named = query.get('scope')
    if (named === null || named === 'effective') {
      const ages = await Promise.all((['global', 'regional'] as const).filter((scope) => agreed.group(scope) !== undefined).map(async (scope) => await agreed.refresh(scope, signal)))
      const document: ConfigDocument = {
        scope: 'effective',
        document: follower.effective?.settings ?? {},
        withoutHosts: follower.effective?.withoutHosts ?? [],
        ...together(ages)
      }
      return this.#json(200, document, follower.vector)
    }
    const scope = scopeOf(query)
    const currency = await agreed.refresh(scope, signal)
    const { state } = agreed.machine(scope)
    const asked = query.get('version')
    const number = asked === null ? state.base : /^\d{1,15}$/.test(asked) ? Number(asked) : NaN
    const version = state.version(number)
    if (version === undefined && number !== 0) return problem(404, undefined, `the ${scope} scope keeps no version ${asked}: it has ${state.history()[0]?.number ?? 0} to ${state.head}`)
    const document: ConfigDocument = { scope, version: number, document: version?.document ?? {}, notes: notesOf(version?.document), ...(version !== undefined && { hash: version.hash }), ...currency }
    return this.#json(200, document, state.vector, [['etag', `"${number}"`]])
  }

  async change (request: AdminRequest, changeOf: (body: unknown, base: { base?: number }) => Change): Promise<EdgeResponse> {
    const { agreed, bodyBytesMax } = this.#source
    const { id, base, ...asked } = changeRequest(request)
    const change = changeOf(await readJson(request.request, bodyBytesMax), base === undefined ? {} : { base })
    const given = change.kind === 'put' ? change.document : change.kind === 'patch' ? change.patch : undefined
    return this.#answer(await agreed.change(change, { id, ...asked, signal: request.request.signal }), asked, id, given)
  }

  async abort (request: AdminRequest): Promise<EdgeResponse> {
    const { agreed, bodyBytesMax } = this.#source
    const { id, ...asked } = changeRequest(request)
    const version = versionOf(await readJson(request.request, bodyBytesMax), 'version')
    return this.#answer(await agreed.abort(asked.scope, version, { ...asked, signal: request.request.signal }), asked, id)
  }

  async recover (request: AdminRequest): Promise<EdgeResponse> {
    const { agreed, bodyBytesMax } = this.#source
    const { scope, ...asked } = changeRequest(request)
    if (scope === 'local') throw new RequestFault(400, 'the local scope has no majority that could be lost')
    const body = await readJson(request.request, bodyBytesMax)
    const { gone: given, fromCopy = false } = (isMap(body) ? body : {}) as { gone?: unknown, fromCopy?: unknown }
    if (!Array.isArray(given) || !given.every((peer) => typeof peer === 'string')) throw new RequestFault(400, 'gone is missing: expected {"gone":["PEER",…]}, every voter that is given up')
    if (typeof fromCopy !== 'boolean') throw new RequestFault(400, 'fromCopy is neither true nor false')
    const outcome = await agreed.recover(scope, given, asked, fromCopy)
    switch (outcome.kind) {
      case 'recovered': return jsonResponse(200, { scope, group: outcome.group })
      case 'refused': return problem(409, undefined, outcome.reason, outcome.gone === undefined ? {} : { missing: outcome.gone })
      case 'none': return problem(501, undefined, outcome.reason)
    }
  }

  async status (signal: AbortSignal): Promise<ConfigStatus> {
    const { agreed } = this.#source
    const scopes = await Promise.all((['global', 'regional', 'local'] as const).map(async (scope) => await scopeStatus(agreed, scope, signal)))
    return { mark: agreed.mark, scopes, withoutHosts: agreed.follower.effective?.withoutHosts ?? [] }
  }

  async history ({ query, request }: AdminRequest): Promise<EdgeResponse> {
    const scope = scopeOf(query)
    await this.#source.agreed.refresh(scope, request.signal)
    const { state } = this.#source.agreed.machine(scope)
    const versions = state.history().map(({ document: _left, ...rest }): VersionLine => rest).reverse()
    return this.#json(200, { scope, base: state.base, versions } satisfies ConfigHistory, state.vector)
  }

  async diff ({ query, request }: AdminRequest): Promise<EdgeResponse> {
    const scope = scopeOf(query)
    await this.#source.agreed.refresh(scope, request.signal)
    const { state } = this.#source.agreed.machine(scope)
    const number = (name: string, byDefault: number): number => {
      const text = query.get(name) ?? String(byDefault)
      const found = /^\d{1,15}$/.test(text) ? Number(text) : NaN
      if (found === 0 || state.version(found) !== undefined) return found
      throw new RequestFault(404, `the ${scope} scope keeps no version ${text}: it has ${state.history()[0]?.number ?? 0} to ${state.head}`)
    }
    const to = number('to', state.head)
    const from = number('from', state.version(to)?.base ?? 0)
    const fields = changedFields(state.version(from)?.document ?? {}, state.version(to)?.document ?? {})
    return this.#json(200, { scope, from, to, fields } satisfies ConfigDiff, state.vector)
  }

  async conflicts ({ query }: AdminRequest): Promise<EdgeResponse> {
    const { agreed } = this.#source
    const named = query.get('scope')
    if (named === null || named === 'effective') {
      return this.#json(200, { scope: 'effective', conflicts: agreed.follower.effective?.conflicts ?? [] } satisfies ConfigConflicts, agreed.follower.vector)
    }
    const scope = scopeOf(query)
    const { state } = agreed.machine(scope)
    return this.#json(200, { scope, conflicts: state.conflicts() } satisfies ConfigConflicts, state.vector)
  }

  /** Long poll: answered when something has changed since `after`, and at the end of the wait. */
  async watch ({ query, request: { signal } }: AdminRequest): Promise<EdgeResponse> {
    const { agreed, watchMaxMs } = this.#source
    const wait = query.get('waitMs') ?? '30000'
    if (!/^\d{1,6}$/.test(wait) || Number(wait) > watchMaxMs) throw new RequestFault(400, `waitMs is ${JSON.stringify(wait)}: expected whole milliseconds up to ${watchMaxMs}`)
    await agreed.watched(query.get('after') ?? '', Number(wait), signal)
    return jsonResponse(200, await this.status(signal))
  }

  /** @param given what of the settings the request spoke of */
  #answer (outcome: Outcome, { scope }: Pick<ChangeRequest, 'scope'>, id: string, given?: unknown): EdgeResponse {
    const { agreed } = this.#source
    const again = 'ask again with the same Idempotency-Key'
    switch (outcome.kind) {
      case 'done': return this.#json(outcome.unchanged === true ? 200 : 201, { scope, ...outcome, notes: notesOf(given) }, outcome.token, [['etag', `"${outcome.version}"`]])
      case 'described': {
        const { description: { movedByRegion, ...description }, base, objects } = outcome
        return jsonResponse(200, { scope, base, ...description, movedByRegion: Object.fromEntries(movedByRegion), objects, notes: notesOf(given) })
      }
      case 'lacking': return lackingProblem(agreed, outcome.lacks)
      case 'refused': return problem(statusOf[outcome.why] ?? 409, undefined, outcome.reason, { why: outcome.why })
      case 'too-large': return problem(413, undefined, outcome.reason)
      case 'unavailable': return later(problem(503, undefined, `nothing was changed: ${outcome.reason}; ${again} later`, { outcome: 'none', missing: outcome.missing, idempotencyKey: id }))
      case 'unknown': return later(problem(outcome.missing.length > 0 ? 503 : 504, undefined, `whether it was agreed is not known yet: ${outcome.reason}; ${again}, it is never applied twice`, { outcome: 'unknown', missing: outcome.missing, idempotencyKey: id }))
    }
  }

  #json (status: number, body: object, vector: Vector, more: readonly Field[] = []): EdgeResponse {
    const response = jsonResponse(status, body)
    return { ...response, fields: [...response.fields, ['colony-token', encodeToken(vector)], ...more] }
  }
}

const statusOf: Readonly<Record<string, number>> = { base: 412, malformed: 400, 'too-large': 413, 'same-key': 422 }

function later (response: EdgeResponse): EdgeResponse {
  return { ...response, fields: [...response.fields, retryLater] }
}

function resolution (body: unknown): Extract<Change, { kind: 'resolve' }> {
  const { path, keep = 'winner' } = (isMap(body) ? body : {}) as { path?: unknown, keep?: unknown }
  if (typeof path !== 'string') throw new RequestFault(400, 'path is missing: expected {"path":"sites/shop/ttl/default","keep":"winner"}')
  if (keep !== 'winner' && !Number.isSafeInteger(keep)) throw new RequestFault(400, 'keep is neither "winner" nor the place of a losing value, counted from 0')
  return { kind: 'resolve', path, keep: keep as 'winner' | number }
}

/** The oldest of all. */
function together (ages: readonly Currency[]): Currency {
  const because = ages.flatMap((each) => each.because ?? [])
  return {
    current: ages.every(({ current }) => current),
    ageMs: ages.some(({ ageMs }) => ageMs === undefined) ? undefined : Math.max(0, ...ages.map(({ ageMs }) => ageMs!)),
    ...(because.length > 0 && { because: because.join('; ') })
  }
}
