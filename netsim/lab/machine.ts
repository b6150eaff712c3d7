/**
 * What a lab asks of the machine: to run `ip`, `tc` and `nft`, to list and remove namespaces with all that
 * runs in them, and whether all of that is possible here at all. Whatever is missing is said in one
 * sentence; nothing is passed over in silence.
 */
import { execFile, spawn } from 'node:child_process'
import { accessSync, constants } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { promisify } from 'node:util'
import { codeOf, ColonyError } from '../../protocols/errors.ts'
import type { Script } from './network.ts'

/** A program of the machine refused. */
export class MachineError extends ColonyError {
  constructor (message: string, options?: { cause?: unknown }) {
    super('COLONY_LAB_MACHINE', message, options)
  }
}

/** The machine cannot have a lab; the message says all that is missing, and what to do. */
export class MissingError extends ColonyError {
  constructor (message: string) {
    super('COLONY_LAB_MISSING', message)
  }
}

/** What `sysexits.h` calls EX_UNAVAILABLE. */
export const missingExitCode = 69

/** Where `ip netns` keeps them (ip-netns(8)); `ip netns list` itself fails now and then while another process makes one. */
const namespaceFolder = '/run/netns'

/** Where distributions keep `ip`, `tc` and `nft`, and shells of people do not always look. */
const administration = ['/usr/local/sbin', '/usr/sbin', '/sbin', '/usr/local/bin', '/usr/bin', '/bin']

/** The environment of everything that runs in a lab; settings of Colony's own are not inherited. */
export function labEnvironment (env: NodeJS.ProcessEnv = process.env): NodeJS.ProcessEnv {
  const kept = Object.entries(env).filter(([name]) => !name.startsWith('COLONY_'))
  return { ...Object.fromEntries(kept), PATH: [...new Set([...(env.PATH ?? '').split(delimiter), ...administration])].filter((each) => each !== '').join(delimiter) }
}

/** The words to put before a command so that it runs in a namespace. */
export function within (namespace: string): string[] {
  return ['ip', 'netns', 'exec', namespace]
}

/** @throws MachineError with the program's own last words */
export async function runScript ({ program, namespace, lines }: Script): Promise<void> {
  if (lines.length === 0) return
  const own = namespace !== undefined && program !== 'nft' ? ['-netns', namespace] : []
  const command = [
    ...(namespace !== undefined && program === 'nft' ? within(namespace) : []),
    program, ...own, ...(program === 'nft' ? ['-f', '-'] : ['-batch', '-'])
  ]
  await runCommand(command, `${lines.join('\n')}\n`)
}

/** @returns what it printed; @throws MachineError */
export async function runCommand (command: readonly string[], input = ''): Promise<string> {
  const [program, ...args] = command
  const child = spawn(program!, args, { env: labEnvironment(), stdio: ['pipe', 'pipe', 'pipe'] })
  let out = ''
  let err = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => { out += text })
  child.stderr.setEncoding('utf8').on('data', (text: string) => { err += text })
  child.stdin.on('error', () => {})
  child.stdin.end(input)
  const end = await new Promise<string | undefined>((resolve) => {
    child.once('error', (error) => { resolve(error.message) })
    child.once('close', (code, signal) => { resolve(code === 0 ? undefined : signal === null ? `exit code ${code}` : signal) })
  })
  if (end !== undefined) throw new MachineError(`${command.join(' ')} failed (${end}): ${err.trim().split('\n').slice(0, 3).join('; ')}`)
  return out
}

/** @returns undefined when it failed, for whatever reason */
export async function tryCommand (command: readonly string[]): Promise<string | undefined> {
  const [program, ...args] = command
  return await promisify(execFile)(program!, args, { env: labEnvironment() }).then(({ stdout }) => stdout, () => undefined)
}

/** Names of all namespaces of the machine that have one; those that are just being made are among them. */
export async function namespaces (): Promise<string[]> {
  try {
    return await readdir(namespaceFolder)
  } catch (error) {
    // No namespace has had a name since the machine started.
    if (codeOf(error) === 'ENOENT') return []
    throw error
  }
}

/** Ids of the processes in a namespace. */
export async function processesIn (namespace: string): Promise<number[]> {
  return (await tryCommand(['ip', 'netns', 'pids', namespace]) ?? '').split('\n').filter((line) => line !== '').map(Number)
}

export async function removeNamespace (namespace: string): Promise<void> {
  await runCommand(['ip', 'netns', 'delete', namespace])
}

export interface Wanted {
  /** Links with delays, losses and rates: needs netem. */
  readonly delay: boolean
}

/**
 * What of a lab's needs the machine does not meet, as words of a sentence; `kernel` when it is only that
 * netem is not in the kernel.
 */
export async function whatIsMissing ({ delay }: Wanted): Promise<{ readonly words: readonly string[], readonly onlyNetem: boolean }> {
  const words: string[] = []
  const root = process.getuid?.() === 0
  if (!root) words.push('root')
  const packages = { ip: 'iproute2', tc: 'iproute2', nft: 'nftables', ping: 'iputils-ping', unshare: 'util-linux' }
  for (const [program, name] of Object.entries(packages)) if (!isProgram(program)) words.push(`${program} (package ${name})`)
  // Only root may try, and only with the programs.
  if (words.length > 0) return { words, onlyNetem: false }
  const probe = async (...command: readonly string[]): Promise<boolean> => await tryCommand(['unshare', '--net', ...command]) !== undefined
  if (!await probe('true')) return { words: ['a system that lets root make network namespaces'], onlyNetem: false }
  if (!await probe('nft', 'add table bridge probe')) words.push('a kernel with nftables for bridges')
  const netem = !delay || await probe('tc', 'qdisc', 'add', 'dev', 'lo', 'root', 'netem', 'delay', '1ms')
  if (!netem) words.push('a kernel with sch_netem')
  return { words, onlyNetem: !netem && words.length === 1 }
}

/** The sentence of what is missing and what can be done. */
export function missingSentence (words: readonly string[], onlyNetem: boolean): string {
  const list = words.length === 1 ? words[0]! : `${words.slice(0, -1).join(', ')} and ${words.at(-1)!}`
  return `a lab needs ${list}, which ${words.length === 1 ? 'is' : 'are'} missing here` +
    (onlyNetem ? ': give --no-delay for a lab without delays and losses, or set NETEM_RUNNER to a command that runs another where netem works' : '')
}

function isProgram (name: string): boolean {
  return labEnvironment().PATH!.split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, name), constants.X_OK)
      return true
    } catch {
      return false
    }
  })
}
