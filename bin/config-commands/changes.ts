/** `colony config set`, `apply`, `rollback`, `abort`, `recover` and the end of a conflict: what changes something. */
import { readFileSync } from 'node:fs'
import { parse as parseYaml } from 'yaml'
import type { ScopeStatus } from '../../daemon/admin/config-status.ts'
import type { ConfigHistory } from '../../daemon/admin/config.ts'
import type { Scope } from '../../protocols/config/merge.ts'
import type { FieldChange, SiteChange } from '../../protocols/config/diff.ts'
import { codeOf, messageOf } from '../../protocols/errors.ts'
import { printable } from '../../protocols/text.ts'
import { AdminError } from '../admin.ts'
import { type Given, UsageError } from '../command.ts'
import { StatusLine } from '../status-line.ts'
import { formatCount, formatShare } from '../units.ts'
import { documentOf, pathOf, queryOf, sendChange, type ChangeCall } from './ask.ts'
import { fieldsTable, nextStatus, rolloutLine } from './reads.ts'

interface Done { readonly scope: Scope, readonly kind: 'done', readonly version: number, readonly unchanged?: true, readonly notes?: readonly string[] }
interface Described {
  readonly scope: Scope
  readonly base: number
  readonly fields: readonly FieldChange[]
  readonly sites: readonly SiteChange[]
  readonly regionWide: boolean
  readonly movedByRegion: Readonly<Record<string, number>>
  readonly objects: Readonly<Record<string, number>>
  /** Absent from an edge of an older release, as are `notes`. */
  readonly shutOut?: ReadonlyArray<{ readonly peer: string, readonly name?: string, readonly region: string }>
  readonly notes?: readonly string[]
}

export async function set (given: Given, [path = '', text = '']: readonly string[]): Promise<void> {
  const value = text === '' ? null : parsed(text, 'the value')
  const patch = pathOf(path).reduceRight<unknown>((inner, name) => ({ [name]: inner }), value)
  await change(given, { method: 'PATCH', path: '/v1/config', body: patch }, `${path} ${value === null ? 'is taken away' : 'is set'}`)
}

export async function apply (given: Given, [file = '']: readonly string[]): Promise<void> {
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (error) {
    throw new UsageError(`${JSON.stringify(file)} cannot be read (${codeOf(error) === 'ENOENT' ? 'there is no such file' : messageOf(error)}): expected a YAML or JSON file`)
  }
  await change(given, { method: 'PUT', path: '/v1/config', body: parsed(text, file) ?? {} }, `${file} is agreed`)
}

export async function rollback (given: Given, [number = '']: readonly string[]): Promise<void> {
  await change(given, { method: 'POST', path: '/v1/config/rollback', body: { to: versionOf(number) } }, `version ${number} is back`)
}

export async function resolve (given: Given, [path = '', keep]: readonly string[]): Promise<void> {
  if (keep === undefined || !/^(winner|\d{1,4})$/.test(keep)) throw new UsageError(`colony config conflicts ${path} needs what to keep: expected winner, or the number of a losing value`)
  await change(given, { method: 'POST', path: '/v1/config/resolve', body: { path: pathOf(path).join('/'), keep: keep === 'winner' ? keep : Number(keep) } }, `${path} is in conflict no more`)
}

export async function abort (given: Given, [number = '']: readonly string[]): Promise<void> {
  const done = await sendChange<Done>(given, { method: 'POST', path: '/v1/config/abort', body: { version: versionOf(number) } })
  process.stdout.write(given.json === true ? `${JSON.stringify(done)}\n` : `version ${number} is aborted: everybody returns to the last good one\n`)
}

export async function recover (given: Given, gone: readonly string[]): Promise<void> {
  const fromCopy = given['from-copy'] === true
  const answer = await sendChange<{ group: string }>(given, { method: 'POST', path: '/v1/config/recover', body: { gone, ...(fromCopy && { fromCopy }) } })
  process.stdout.write(given.json === true ? `${JSON.stringify(answer)}\n` : `the group is founded anew as ${printable(String(answer.group))}; should a voter that was given up come back, it joins this one, and what only it had is listed by colony config conflicts\n`)
}

async function change (given: Given, call: ChangeCall, what: string): Promise<void> {
  const answer = await sendChange<Done | Described>(given, call)
  if (!('kind' in answer)) {
    process.stdout.write(given.json === true ? `${JSON.stringify(answer)}\n` : described(answer))
    return
  }
  const { scope, version, unchanged, notes } = answer
  if (given.json === true) process.stdout.write(`${JSON.stringify(answer)}\n`)
  else process.stdout.write(unchanged === true ? `nothing changes: version ${version} says the same\n` : `${scope} version ${version}: ${printable(what)}\n`)
  if (given.json !== true) process.stdout.write(noted(notes))
  if (unchanged !== true && given['no-wait'] !== true) await followed(given, scope, version)
}

/** Stays until the version is rolled out. @throws AdminError when it was aborted */
async function followed (given: Given, scope: Scope, version: number): Promise<void> {
  const line = new StatusLine(process.stderr)
  let said = ''
  try {
    for (let mark = ''; ;) {
      const status = await nextStatus(given, mark, 2_000)
      mark = status.mark
      const found: ScopeStatus | undefined = status.scopes.find((each) => each.scope === scope)
      const rollout = found?.rollout
      if (rollout?.version !== version) break
      const text = printable(rolloutLine(rollout))
      line.show(text)
      // Where nobody looks at a terminal each step is a line.
      const step = `${rollout.at}`
      if (!line.visible && given.json !== true && step !== said) process.stderr.write(`${text}\n`)
      said = step
    }
  } finally {
    line.clear()
  }
  const { versions } = await documentOf<ConfigHistory>(given, { method: 'GET', path: `/v1/config/history${queryOf({ scope })}` })
  const ended = versions.find(({ number }) => number === version)
  if (ended?.outcome === 'aborted') throw new AdminError(`version ${version} was aborted, and everybody returned to the last good one: ${printable(ended.notes.at(-1) ?? 'no reason was given')}`)
  if (said !== '' && given.json !== true) process.stdout.write(`version ${version} runs everywhere${ended !== undefined && ended.notes.length > 0 ? `; ${printable(ended.notes.join('; '))}` : ''}\n`)
}

/** `placement.copiesMin: kept, but no edge acts on it yet`. */
function noted (notes: readonly string[] = []): string {
  return notes.map((each) => `${printable(each)}\n`).join('')
}

function described ({ base, fields, sites, regionWide, movedByRegion, objects, shutOut = [], notes = [] }: Described): string {
  if (fields.length === 0) return `nothing would change: version ${base} says the same\n${noted(notes)}`
  const lines = [
    ...sites.map(({ site, kind, rekeyed }) => {
      const held = formatCount(objects[site] ?? 0)
      return `site ${site} would be ${kind}: this edge holds ${held} objects of it${rekeyed ? ', which would all be fetched anew under other keys' : ''}`
    }),
    ...Object.entries(movedByRegion).map(([region, share]) => `${formatShare(share)} of all keys would get another owner in ${region}`),
    ...shutOut.map(({ peer, name, region }) => `${name === undefined ? '' : `${name} (${region}), `}peer ${peer}, would be shut out`),
    ...notes,
    ...(regionWide ? ['each region would switch as a whole'] : []),
    'nothing was changed'
  ]
  return `${fieldsTable(fields, base, 'WOULD BE')}\n${lines.map((each) => `${printable(each)}\n`).join('')}`
}

function versionOf (text: string): number {
  if (!/^[1-9]\d{0,14}$/.test(text)) throw new UsageError(`${JSON.stringify(text)} is no version: expected a number, such as 7`)
  return Number(text)
}

/** @throws UsageError with the parser's first line */
function parsed (text: string, what: string): unknown {
  try {
    return parseYaml(text)
  } catch (error) {
    throw new UsageError(`${what} is no YAML: ${messageOf(error).split('\n')[0]}`)
  }
}
