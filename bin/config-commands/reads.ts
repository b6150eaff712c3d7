/** `colony config get`, `diff`, `history`, `conflicts` and `watch`: what asks and changes nothing. */
import { stringify } from 'yaml'
import type { ConfigConflicts, ConfigDiff, ConfigDocument, ConfigHistory } from '../../daemon/admin/config.ts'
import type { ConfigStatus, ScopeStatus } from '../../daemon/admin/config-status.ts'
import type { FieldChange } from '../../protocols/config/diff.ts'
import type { Write } from '../../protocols/config/merge.ts'
import { printable } from '../../protocols/text.ts'
import { AdminError, readDocument } from '../admin.ts'
import { type Given, tableStyle, UsageError } from '../command.ts'
import { formatTable } from '../table.ts'
import { ageNote, documentOf, pathOf, queryOf, scopeOf, shownPath, shownValue } from './ask.ts'

export async function get (given: Given, [path]: readonly string[]): Promise<void> {
  const answer = await readDocument(given, `/v1/config${queryOf({ scope: scopeOf(given, undefined) })}`, isDocument)
  const names = path === undefined ? [] : pathOf(path)
  let value = answer.document as unknown
  for (const name of names) {
    const map = typeof value === 'object' && value !== null ? value as Record<string, unknown> : {}
    if (!Object.hasOwn(map, name)) throw new AdminError(`${JSON.stringify(path)} is not set${answer.scope === 'effective' ? '' : ` in the ${answer.scope} scope`}: there is ${Object.keys(map).join(', ') || 'nothing'}`)
    value = map[name]
  }
  const note = ageNote(answer)
  if (note !== undefined) process.stderr.write(`colony: ${printable(note)}\n`)
  if (given.json === true) process.stdout.write(`${JSON.stringify(names.length === 0 ? answer : value)}\n`)
  else process.stdout.write(`${names.length > 0 ? '' : heading(answer)}${safe(stringify(value))}`)
}

function heading ({ scope, version, hash }: ConfigDocument): string {
  return version === undefined ? '' : `# ${scope}, version ${version}${hash === undefined ? '' : `, ${hash}`}\n`
}

/** Lines stay, control characters do not. */
function safe (text: string): string {
  return text.split('\n').map(printable).join('\n')
}

export async function history (given: Given): Promise<void> {
  const answer = await documentOf<ConfigHistory>(given, { method: 'GET', path: `/v1/config/history${queryOf({ scope: scopeOf(given, 'global') })}` })
  if (given.json === true) {
    process.stdout.write(`${JSON.stringify(answer)}\n`)
    return
  }
  const { base, versions } = answer
  process.stdout.write(versions.length === 0
    ? 'nothing was agreed yet\n'
    : formatTable<ConfigHistory['versions'][number]>([
      { heading: 'VERSION', value: ({ number }) => `${number}${number === base ? ' *' : ''}` },
      { heading: 'WHEN', value: ({ wallMs }) => new Date(wallMs).toISOString().slice(0, 19).replace('T', ' ') },
      { heading: 'AUTHOR', value: ({ author }) => author, cuttable: true },
      { heading: 'OUTCOME', value: ({ outcome }) => outcome },
      { heading: 'RESTORES', value: ({ restores }) => restores === undefined ? undefined : String(restores), optional: true },
      { heading: 'REASON', value: ({ reason }) => reason || undefined, cuttable: true },
      { heading: 'NOTES', value: ({ notes }) => notes.length === 0 ? undefined : notes.join('; '), cuttable: true, optional: true }
    ], [{ rows: versions }], tableStyle()))
}

export async function diff (given: Given, [one, other]: readonly string[]): Promise<void> {
  for (const each of [one, other]) if (each !== undefined && !/^\d{1,15}$/.test(each)) throw new UsageError(`${JSON.stringify(each)} is no version: expected a number, such as 7`)
  const range = other === undefined ? { to: one } : { from: one, to: other }
  const answer = await documentOf<ConfigDiff>(given, { method: 'GET', path: `/v1/config/diff${queryOf({ scope: scopeOf(given, 'global'), ...range })}` })
  process.stdout.write(given.json === true
    ? `${JSON.stringify(answer)}\n`
    : answer.fields.length === 0 ? `versions ${answer.from} and ${answer.to} say the same\n` : fieldsTable(answer.fields, answer.from, answer.to))
}

export function fieldsTable (fields: readonly FieldChange[], from: number, to: number | string): string {
  return formatTable<FieldChange>([
    { heading: 'FIELD', value: ({ path }) => shownPath(path) },
    { heading: `VERSION ${from}`, value: ({ was }) => shownValue(was), cuttable: true },
    { heading: typeof to === 'number' ? `VERSION ${to}` : to, value: ({ is }) => shownValue(is), cuttable: true },
    { heading: 'AT ONCE IN A REGION', value: ({ regionWide }) => regionWide ? 'yes' : undefined, optional: true }
  ], [{ rows: fields }], tableStyle())
}

interface ConflictRow { readonly path: string, readonly keep: string, readonly write: Write }

export async function conflicts (given: Given): Promise<void> {
  const answer = await documentOf<ConfigConflicts>(given, { method: 'GET', path: `/v1/config/conflicts${queryOf({ scope: scopeOf(given, undefined) })}` })
  if (given.json === true) {
    process.stdout.write(`${JSON.stringify(answer)}\n`)
    return
  }
  const rows = answer.conflicts.flatMap(({ path, winner, losers }): ConflictRow[] => [
    { path, keep: 'winner', write: winner }, ...losers.map((write, at) => ({ path, keep: String(at), write }))
  ])
  process.stdout.write(rows.length === 0
    ? 'no values are in conflict\n'
    : formatTable<ConflictRow>([
      { heading: 'FIELD', value: ({ path, keep }) => keep === 'winner' ? shownPath(path) : '' },
      { heading: 'KEEP', value: ({ keep }) => keep },
      { heading: 'VALUE', value: ({ write }) => shownValue(write.value), cuttable: true },
      { heading: 'FROM', value: ({ write }) => write.source, cuttable: true },
      { heading: 'AUTHOR', value: ({ write }) => write.author, cuttable: true },
      { heading: 'PRIORITY', value: ({ write }) => String(write.priority), align: 'right' }
    ], [{ rows }], tableStyle()))
}

export async function watch (given: Given): Promise<void> {
  let said = ''
  for (let mark = ''; ;) {
    const status = await nextStatus(given, mark)
    mark = status.mark
    const text = given.json === true ? JSON.stringify(status.scopes) : status.scopes.filter(({ standing }) => standing !== 'none').map(scopeLine).join('\n')
    if (text !== said) process.stdout.write(given.json === true ? `${JSON.stringify(status)}\n` : `${text}\n`)
    said = text
  }
}

/** How it stands after `mark`, or after a while; at once without a mark. */
export async function nextStatus (given: Given, mark: string, waitMs = 30_000): Promise<ConfigStatus> {
  return await documentOf<ConfigStatus>(given, { method: 'GET', path: `/v1/config/watch${queryOf({ after: mark, waitMs: String(waitMs) })}` })
}

/** `regional fra: version 7 of 7, runs 7, edge-1 leads; rolls out …`. */
export function scopeLine ({ scope, group, agreed, runs, refused, leader, missing, conflicts: inConflict, rollout }: ScopeStatus): string {
  return printable([
    `${scope}${scope === 'regional' ? ` ${group}` : ''}: version ${agreed} is agreed, version ${runs.version} runs here`,
    refused === undefined ? '' : `cannot run version ${refused.version} (${refused.reason})`,
    leader === undefined && scope !== 'local' ? 'no leader' : '',
    missing.length > 0 ? `missing ${missing.map(({ name, peer }) => name ?? peer).join(', ')}` : '',
    inConflict > 0 ? `${inConflict} ${inConflict === 1 ? 'value' : 'values'} in conflict` : '',
    rollout === undefined ? '' : rolloutLine(rollout)
  ].filter((part) => part !== '').join('; '))
}

/** `version 8, step 2 of 3 (one region): fine so far; 40 s to go; 3 of 12 edges run it`. */
export function rolloutLine ({ version, at, steps, view }: NonNullable<ScopeStatus['rollout']>): string {
  const step = steps[at]
  const { count = 1, names } = step ?? {}
  const some = step === undefined || step.reach === 'all' ? 'all' : names?.join(', ') ?? (count === 1 ? `one ${step.reach.slice(0, -1)}` : `${count} ${step.reach}`)
  const reach = step === undefined ? 'not begun' : step.act === 'switch' ? `switching ${some}` : some
  const running = view === undefined ? '' : `; ${view.edges.filter((edge) => edge.version === version).length} of ${view.edges.length} edges run it`
  const verdict = view?.verdict?.kind === 'wait' ? `: ${view.verdict.reason}` : ''
  return `rolls out version ${version}, step ${at + 1} of ${steps.length} (${reach})${verdict}${running}`
}

function isDocument (document: unknown): document is ConfigDocument {
  const { scope, current } = (document ?? {}) as Partial<ConfigDocument>
  return typeof scope === 'string' && typeof current === 'boolean'
}
