/**
 * The kinds of value that a configuration holds, as zod schemas that each carry one phrase of what is
 * allowed. The phrase ends the sentence that an operator reads: `--http is "8080x": expected
 * HOST:PORT, such as 127.0.0.1:8080`. The same schemas read flags, environment and file, so numbers
 * may come as text.
 */
import { isIP } from 'node:net'
import { multiaddr } from '@multiformats/multiaddr'
import { z } from 'zod'
import { nearest } from '../protocols/text.ts'
import type { PartDefaults, SettingsOf } from './settings.ts'

export interface HostPort {
  /** A name or an address; IPv6 without brackets. */
  readonly host: string
  readonly port: number
}

/** One schema whose every failure, a missing value too, is the one phrase `expected`. */
export function expecting<Output> (expected: string, schema: z.ZodType<Output>): z.ZodType<Output> {
  return z.unknown().transform((value, context) => {
    const result = schema.safeParse(value)
    if (result.success) return result.data
    context.addIssue({ code: 'custom', message: `expected ${expected}` })
    return z.NEVER
  })
}

/** A map in which an unknown key is refused with the known one that is nearest to it. */
export function strictMap<Shape extends z.core.$ZodLooseShape> (
  shape: Shape,
  /** What people may write for a key that has another name here. */
  aliases: Readonly<Record<string, string>> = {}
): z.ZodObject<Shape, z.core.$strict> {
  const known = Object.keys(shape)
  return z.strictObject(shape, {
    error: (issue) => {
      if (issue.code !== 'unrecognized_keys') return `expected a map with the keys ${known.join(', ')}`
      const key = String(issue.keys[0])
      const suggestion = aliases[key] ?? nearest(key, known)
      return suggestion === undefined
        ? `expected one of ${known.join(', ')}`
        : `did you mean ${suggestion}?`
    }
  })
}

/** Text, or a number or boolean written in a flag or variable. */
const numeric = z.preprocess(
  (value) => typeof value === 'string' && value.trim() !== '' ? Number(value) : value,
  z.number()
)

/** Names travel in announcements, topics and labels: a short closed alphabet without separators. */
export const nameValue = expecting(
  'a name of up to 63 letters, digits, ".", "_" or "-", such as fra-1',
  z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/)
)

/** `global` is the name of the group of all regions, and stands beside regions' names in tokens. */
export const regionValue = nameValue.refine((name) => name !== 'global', { error: 'expected another name, as the group of all regions is called so' })

export const pathValue = expecting('the path of a file or folder', z.string().regex(/^[^\0]+$/))

export const weightValue = expecting('a number above 0 and up to 16, such as 2', numeric.pipe(z.number().gt(0).lte(16)))

export const workersValue = expecting(
  '0, as worker threads are not available yet',
  numeric.pipe(z.literal(0))
)

export const logLevelValue = expecting(
  'debug, info, warn, error or silent',
  z.enum(['debug', 'info', 'warn', 'error', 'silent'])
)

const hostPort = z.string().transform((text, context) => parseHostPort(text) ?? fail(context))

export const hostPortValue: z.ZodType<HostPort> = expecting('HOST:PORT, such as 127.0.0.1:8080', hostPort)

/** Any text that the multiaddr library takes and that names at least one protocol. */
const address = z.string().refine((text) => protocolsOf(text).length > 0)

export const multiaddrValue = expecting('a multiaddr, such as /ip4/127.0.0.1/tcp/4001', address)

/** TCP is the mesh's only transport, so an edge cannot listen on anything else. */
export const listenValue = expecting(
  'a TCP multiaddr, such as /ip4/127.0.0.1/tcp/4001',
  address.refine((text) => protocolsOf(text).some(({ name }) => name === 'tcp'))
)

/** An origin, normalised, so that edges which mean the same one write (and hash) it alike. */
export const originValue = expecting(
  'an http or https URL without credentials, query or fragment, such as http://127.0.0.1:8000',
  z.string().transform((text, context) => {
    const url = URL.canParse(text) ? new URL(text) : undefined
    const plain = url !== undefined && /^https?:$/.test(url.protocol) && !/[?#]/.test(text) &&
      url.username === '' && url.password === ''
    return plain ? url.href : fail(context)
  })
)

/** A host name as a site answers for it: without a port, in lower case; `*` is every host. */
export const siteHostValue = expecting(
  'a host name without a port, such as cdn.example.org, or "*"',
  z.string().toLowerCase().regex(/^(\*|[a-z0-9]([a-z0-9._-]*[a-z0-9])?\.?|\[[0-9a-f:.]+\])$/)
)

export const ttlValue = expecting('whole milliseconds from 0, such as 60000', z.int().min(0))

export const hostHeaderValue = expecting('origin or preserve', z.enum(['origin', 'preserve']))

export const purgeMethodValue = expecting('off or loopback', z.enum(['off', 'loopback']))

/**
 * The `settings:` map: a strict map a part, every value optional, finite, not negative, and whole
 * where the default is whole. What is left out has its default.
 */
export function settingsValue<D extends PartDefaults> (defaults: D): z.ZodType<SettingsOf<D>> {
  const parts = Object.entries(defaults).map(([part, values]) => {
    const shape = Object.fromEntries(Object.entries(values).map(([name, value]) => [name, settingValue(value)]))
    return [part, strictMap(shape).prefault({})]
  })
  return strictMap(Object.fromEntries(parts)) as unknown as z.ZodType<SettingsOf<D>>
}

function settingValue (byDefault: number): z.ZodType {
  return Number.isInteger(byDefault)
    ? expecting('a whole number from 0', z.int().min(0)).default(byDefault)
    : expecting('a number from 0', z.number().min(0)).default(byDefault)
}

/** Whether only this machine can reach `host`: 127.0.0.0/8, ::1 or localhost. */
export function isLoopbackHost (host: string): boolean {
  return host === '::1' || host.toLowerCase() === 'localhost' || (isIP(host) === 4 && host.startsWith('127.'))
}

/** The same for the first part of a multiaddr. */
export function isLoopbackMultiaddr (text: string): boolean {
  const first = protocolsOf(text)[0]
  return first?.value !== undefined && /^(ip[46]|dns[46]?)$/.test(first.name) && isLoopbackHost(first.value)
}

/**
 * `http://` in front is taken off: COLONY_ADMIN is also where the `colony` command finds the admin
 * listener, as a URL, and both may be set in one shell.
 */
function parseHostPort (text: string): HostPort | undefined {
  const match = /^(?:http:\/\/)?(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9._-]+)):([0-9]{1,5})\/?$/.exec(text)
  if (match === null) return undefined
  const [, bracketed, plain, digits] = match
  const host = bracketed ?? plain ?? ''
  const port = Number(digits)
  if (port > 65_535) return undefined
  if (bracketed !== undefined && isIP(bracketed) !== 6) return undefined
  // Digits and dots only are an address that someone mistyped, never a name.
  if (/^[0-9.]+$/.test(host) && isIP(host) !== 4) return undefined
  return { host, port }
}

function protocolsOf (text: string): readonly { name: string, value?: string }[] {
  try {
    return multiaddr(text).getComponents()
  } catch {
    return []
  }
}

function fail (context: z.RefinementCtx): never {
  context.addIssue({ code: 'custom' })
  return z.NEVER
}
