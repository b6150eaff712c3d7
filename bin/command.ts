/**
 * A program of several commands: reads the command line, prints the help, runs the command, and turns
 * what went wrong into one sentence and an exit code: 0 done, 1 it could not be done, 2 the command
 * line is wrong, 70 a fault of our own. A command is one object in a file of its own.
 */
import { parseArgs, styleText } from 'node:util'
import { version } from '../daemon/version.ts'
import { codeOf, ColonyError } from '../protocols/errors.ts'
import { nearest } from '../protocols/text.ts'
import type { TableStyle } from './table.ts'

export interface Flag {
  readonly name: string
  /** Stands for the value in the help; a flag without it takes no value. */
  readonly placeholder?: string
  readonly help: string
  /** May be given several times: the values, a line each. */
  readonly repeats?: true
  /** The default as people read it. */
  readonly byDefault?: string
}

/** The flags that were given: their text, or `true` where they take none. */
export type Given = Readonly<Record<string, string | true>>

export interface Operands {
  /** Stands for them in the help, such as `URL...`. */
  readonly placeholder: string
  readonly help: string
  readonly min: number
  readonly max: number
}

export interface Command {
  readonly name: string
  /** One line, for the list of commands. */
  readonly summary: string
  /** More lines, for the command's own help. */
  readonly description?: string
  readonly flags?: readonly Flag[]
  /** What stands beside the flags; nothing may where it is left out. */
  readonly operands?: Operands
  /** Whole command lines, one a line. */
  readonly example: string
  /** @throws UsageError for a flag's value that is not allowed, ColonyError for what could not be done */
  readonly run: (given: Given, operands: readonly string[]) => Promise<void>
}

export interface Commands {
  readonly program: string
  readonly summary: string
  /** Of every command; may stand before the command's name. */
  readonly flags: readonly Flag[]
  readonly commands: readonly Command[]
}

/** The command line says something that cannot be done; the message is a whole sentence. */
export class UsageError extends ColonyError {
  constructor (message: string) {
    super('COLONY_USAGE', message)
  }
}

/** How tables look on standard output: bold only where a terminal shows it and NO_COLOR does not forbid it. */
export function tableStyle (): TableStyle {
  // 0 where a terminal does not know its own width.
  const { isTTY, columns } = process.stdout
  return { width: isTTY && columns > 0 ? columns : undefined, bold: (text) => styleText('bold', text) }
}

/** Runs what `argv` asks for; sets the process's exit code. Never rejects. */
export async function runCommands (set: Commands, argv: readonly string[]): Promise<void> {
  process.stdout.on('error', (error) => {
    // A reader that has seen enough (`| head`) or a closed terminal: no reason to complain.
    if (['EPIPE', 'EIO'].includes(codeOf(error) ?? '')) return
    process.exitCode = 1
    process.stderr.write(`${set.program}: cannot print: ${error.message}\n`)
  })
  process.stderr.on('error', () => {})
  try {
    const read = readCommandLine(set, argv)
    if (read.kind === 'text') process.stdout.write(read.text)
    else await read.command.run(read.given, read.operands)
  } catch (error) {
    process.exitCode = error instanceof UsageError ? 2 : error instanceof ColonyError ? 1 : 70
    const what = error instanceof ColonyError || !(error instanceof Error) ? messageLine(error) : error.stack ?? error.message
    process.stderr.write(`${set.program}: ${what}\n`)
  }
}

type CommandLine =
  | { readonly kind: 'text', readonly text: string }
  | { readonly kind: 'run', readonly command: Command, readonly given: Given, readonly operands: readonly string[] }

const ownFlags: readonly Flag[] = [
  { name: 'help', help: 'this text; after a command, the command\'s' },
  { name: 'version', help: 'the version' }
]

/** @throws UsageError */
function readCommandLine (set: Commands, argv: readonly string[]): CommandLine {
  const every = [...ownFlags, ...set.flags, ...set.commands.flatMap(({ flags = [] }) => flags)]
  const { tokens } = parseArgs({
    args: [...argv],
    strict: false,
    tokens: true,
    options: Object.fromEntries(every.map(({ name, placeholder }) => [
      name, { type: placeholder === undefined ? 'boolean' : 'string', ...(name === 'help' ? { short: 'h' } : name === 'version' ? { short: 'v' } : {}) }
    ] as const))
  })
  const [named, ...rest] = tokens.filter((token) => token.kind === 'positional')
  const command = set.commands.find(({ name }) => name === named?.value)
  const title = command === undefined ? set.program : `${set.program} ${command.name}`
  const flags = [...ownFlags, ...set.flags, ...command?.flags ?? []]
  const given: Record<string, string | true> = {}
  // Flags first: the value of a mistyped one would be taken for a command.
  for (const token of tokens) {
    if (token.kind !== 'option') continue
    const flag = flags.find(({ name }) => name === token.name)
    if (flag === undefined) throw new UsageError(`${token.rawName} is not a flag of ${title}: ${suggestion(token.name, flags.map(({ name }) => name), '--')}`)
    const value = valueOf(flag, token)
    const before = given[flag.name]
    given[flag.name] = flag.repeats === true && typeof before === 'string' ? `${before}\n${String(value)}` : value
  }
  if (named !== undefined && command === undefined) {
    throw new UsageError(`${JSON.stringify(named.value)} is not a command of ${set.program}: ${suggestion(named.value, set.commands.map(({ name }) => name), '')}`)
  }
  if (given.help === true) return { kind: 'text', text: command === undefined ? helpText(set) : commandHelpText(set, command) }
  if (given.version === true) return { kind: 'text', text: `${set.program} ${version}\n` }
  if (command === undefined) throw new UsageError(`no command was given: expected one of ${set.commands.map(({ name }) => name).join(', ')} (see ${set.program} --help)`)
  const operands = rest.map(({ value }) => value)
  checkOperands(title, command.operands, operands)
  return { kind: 'run', command, given, operands }
}

function checkOperands (title: string, wanted: Operands | undefined, operands: readonly string[]): void {
  const { placeholder, min, max } = wanted ?? { placeholder: '', min: 0, max: 0 }
  if (operands.length < min) throw new UsageError(`${title} needs ${placeholder} (see ${title} --help)`)
  const surplus = operands[max]
  if (surplus !== undefined) throw new UsageError(`${JSON.stringify(surplus)} is too much: ${title} takes ${max === 0 ? 'flags only' : placeholder} (see ${title} --help)`)
}

function valueOf (flag: Flag, token: { readonly rawName: string, readonly value: string | undefined, readonly inlineValue: boolean | undefined }): string | true {
  const { rawName, value, inlineValue } = token
  if (flag.placeholder === undefined) {
    if (value !== undefined) throw new UsageError(`${rawName} is ${JSON.stringify(value)}: expected no value`)
    return true
  }
  // A flag in the value's place means that the value was forgotten; no value of ours begins with a dash.
  if (value === undefined || value === '' || (inlineValue !== true && value.startsWith('-'))) {
    throw new UsageError(`${rawName} has no value: expected ${rawName} ${flag.placeholder}`)
  }
  return value
}

/** @throws UsageError when the value is not a whole number from `min` to `max` */
export function wholeNumber (given: Given, flag: string, { min, max, byDefault }: { min: number, max: number, byDefault: number }): number {
  const text = given[flag]
  if (text === undefined) return byDefault
  const value = typeof text === 'string' && /^\d{1,9}$/.test(text) ? Number(text) : NaN
  if (value >= min && value <= max) return value
  throw new UsageError(`--${flag} is ${JSON.stringify(text)}: expected a whole number from ${min} to ${max}`)
}

function suggestion (word: string, known: readonly string[], prefix: string): string {
  const best = nearest(word, known)
  return best === undefined ? `expected one of ${known.map((each) => prefix + each).join(', ')}` : `did you mean ${prefix}${best}?`
}

function helpText (set: Commands): string {
  const { program, summary, flags, commands } = set
  const nameWidth = Math.max(...commands.map(({ name }) => name.length))
  return [
    `${program}: ${summary}`,
    '',
    `usage: ${usage(set, '<command>')}`,
    '',
    'commands:',
    ...commands.map((command) => `  ${command.name.padEnd(nameWidth)}  ${command.summary}`),
    '',
    ...flagLines('flags', [...flags, ...ownFlags]),
    '',
    commands.length === 1 ? 'example:' : 'examples:',
    ...commands.flatMap(({ example }) => exampleLines(example)),
    ''
  ].join('\n')
}

function commandHelpText (set: Commands, command: Command): string {
  const { name, summary, description, flags = [], operands, example } = command
  return [
    `${set.program} ${name}: ${summary}`,
    ...(description === undefined ? [] : ['', description]),
    '',
    `usage: ${usage(set, name)}${flags.length > 0 ? ' [FLAG [VALUE]]...' : ''}${operands === undefined ? '' : ` ${operands.placeholder}`}`,
    '',
    ...(operands === undefined ? [] : [`${operands.placeholder}:`, `        ${operands.help}`, '']),
    ...flagLines('flags', [...flags, ...set.flags, ...ownFlags]),
    '',
    example.includes('\n') ? 'examples:' : 'example:',
    ...exampleLines(example),
    ''
  ].join('\n')
}

function exampleLines (example: string): string[] {
  return example.split('\n').map((line) => `  ${line}`)
}

function usage ({ program, flags }: Commands, command: string): string {
  return [program, ...flags.map((flag) => `[${flagText(flag)}]`), command].join(' ')
}

function flagLines (title: string, flags: readonly Flag[]): string[] {
  return [`${title}:`, ...flags.flatMap((flag) => [
    `  ${flagText(flag)}`,
    `        ${flag.help}${flag.byDefault === undefined ? '' : ` (default: ${flag.byDefault})`}`
  ])]
}

function flagText ({ name, placeholder }: Flag): string {
  return `--${name}${placeholder === undefined ? '' : ` ${placeholder}`}`
}

function messageLine (error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
