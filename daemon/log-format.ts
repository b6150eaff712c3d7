/**
 * libp2p's printf dialect: its components log `('dial %a failed - %e', address, error)`, with letters
 * for peer ids, multiaddrs and bytes that node's `util.format` does not know. Written out here so that
 * their lines can join ours in one JSON stream.
 */
import { format, inspect } from 'node:util'
import { base32 } from 'multiformats/bases/base32'
import { base58btc } from 'multiformats/bases/base58'
import { base64 } from 'multiformats/bases/base64'
import { messageOf } from '../protocols/errors.ts'

/** Anything with a text form of its own: a peer id, CID, datastore key or multiaddr. */
const text = (value: unknown): string => String(value)

const formatters: Readonly<Record<string, (value: any) => string>> = {
  a: text,
  b: (bytes: Uint8Array) => base58btc.baseEncode(bytes),
  c: text,
  e: errorText,
  k: text,
  m: (bytes: Uint8Array) => base64.baseEncode(bytes),
  // Shallow: libp2p hands over whole components, private keys among them.
  o: shallow,
  O: shallow,
  p: text,
  t: (bytes: Uint8Array) => base32.baseEncode(bytes)
}

/** The message that `(template, ...values)` stands for. Never throws: a bad log line must not end a dial. */
export function formatLine (template: unknown, values: readonly unknown[]): string {
  if (template instanceof Error) return [errorText(template), ...values.map((value) => format(value))].join(' ')
  if (typeof template !== 'string') return format(template, ...values)
  let at = 0
  const rest: unknown[] = []
  const line = template.replace(/%([a-zA-Z%])/g, (directive, letter: string) => {
    if (letter === '%' || at >= values.length) return directive
    const value = values[at++]
    const formatter = formatters[letter]
    if (formatter !== undefined) return literal(safely(formatter, value))
    rest.push(value)
    return directive
  })
  return format(line, ...rest, ...values.slice(at))
}

/** The messages of an error and of the errors it gathers, without stacks: these are ordinary events. */
function errorText (error: unknown): string {
  if (!(error instanceof AggregateError) || error.errors.length === 0) return messageOf(error)
  return `${error.message} (${error.errors.map(errorText).join('; ')})`
}

function shallow (value: unknown): string {
  return inspect(value, { depth: 1, breakLength: Infinity })
}

function safely (formatter: (value: any) => string, value: unknown): string {
  if (value === undefined || value === null) return String(value)
  try {
    return formatter(value)
  } catch {
    return format(value)
  }
}

/** Text that `util.format` will print as it is. */
function literal (value: string): string {
  return value.replaceAll('%', '%%')
}
