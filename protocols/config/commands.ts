/**
 * The entries of a configuration group's log, as bytes. A `put` brings a whole document (a patch, a return to an older
 * version and the end of a conflict are all turned into one before they are proposed), `absorb` what another group had
 * agreed on while both were cut off; `step`, `finish` and `abort` move a roll-out on. What an entry means must never
 * depend on the schema of the edge that applies it, so everything that is decided by it is decided before proposing.
 */
import { z } from 'zod'
import { ColonyError } from '../errors.ts'
import { commandBytesMax } from '../raft/commands.ts'
import { decodeHead, encodeHead } from '../wire.ts'
import { ConfigInvalidError, isMap, plainJson, type JsonMap } from './canonical.ts'
import { healthSchema } from './health.ts'
import { layerEntries, layerSchema } from './merge.ts'
import { boundsSchema, stepSchema } from './rollout.ts'
import { isVector, type Vector } from './token.ts'

/** Raised when an entry could be understood otherwise than before: an edge that reads a higher one stops applying. */
export const commandFormat = 1

/** An entry of a later format: the edge must be upgraded before it goes on, as guessing would part it from the others. */
export class ConfigFormatError extends ColonyError {
  constructor (format: number) {
    super('COLONY_CONFIG_FORMAT', `an entry has format ${format}, and this edge reads up to ${commandFormat}; upgrade it`)
  }
}

const sentence = z.string().max(1_000)
const version = z.int().min(0).max(2 ** 48)
const targets = z.array(z.string().min(1).max(128)).max(10_000).readonly()

/** What every edit carries. */
const edit = {
  /** Idempotency key: the same one gets the same answer. */
  id: z.string().min(1).max(128),
  /** Of what the author asked for, without the time: tells a repeated request from another one under the same key. */
  digest: z.string().max(64),
  author: z.string().max(128),
  /** The proposer's wall clock, ms. */
  wallMs: z.number(),
  reason: sentence,
  /** 0 to 100, against other scopes and groups. */
  priority: z.int().min(0).max(100),
  /** What the author had seen of other groups. */
  seen: z.custom<Vector>((value) => isVector(value)),
  /** How it is rolled out; without steps it is everywhere at once. */
  steps: z.array(stepSchema).max(64).readonly(),
  /** Whether host names, key rules or ring weights change. */
  regionWide: z.boolean(),
  bounds: boundsSchema,
  moved: z.number().min(0).max(1)
}

const commandSchema = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('put'),
    ...edit,
    /** The version that the author started from: what else it became meanwhile is not overwritten. */
    base: version,
    document: z.custom<JsonMap>(isMap).transform((value) => plainJson(value) as JsonMap),
    /** An older version of the same content, where this returns to it. */
    restores: version.optional(),
    /** Paths whose conflict this ends. */
    settles: z.array(z.string().max(2_048)).max(1_000).readonly().optional()
  }),
  z.object({ kind: z.literal('absorb'), ...edit, base: version, layer: layerSchema }),
  z.object({
    kind: z.literal('step'),
    version,
    step: z.int().min(0).max(63),
    edges: targets,
    regions: targets,
    /** How the step's edges did before it, for a leader that comes later. */
    before: healthSchema.optional(),
    note: sentence.optional(),
    wallMs: z.number()
  }),
  z.object({ kind: z.literal('finish'), version, step: z.int().min(0).max(63), note: sentence.optional(), wallMs: z.number() }),
  z.object({ kind: z.literal('abort'), version, reason: sentence, author: z.string().max(128), wallMs: z.number() })
])

export type Command = z.output<typeof commandSchema>
export type CommandOf<Kind extends Command['kind']> = Extract<Command, { kind: Kind }>

/**
 * Same command, same bytes.
 *
 * @throws ConfigInvalidError for one that no log takes
 */
export function encodeCommand (command: Command): Uint8Array {
  const body = command.kind === 'absorb' ? { ...command, layer: layerEntries(command.layer) } : command
  const bytes = encodeHead({ ...body, format: commandFormat })
  if (bytes.byteLength > commandBytesMax) throw new ConfigInvalidError([`the change: ${bytes.byteLength} bytes as an entry of the log, which takes ${commandBytesMax} at most; change less at once`])
  return bytes
}

/**
 * @returns undefined for bytes that are no command: everywhere alike, so that such an entry changes nothing anywhere
 * @throws ConfigFormatError for an entry that only newer edges understand
 */
export function decodeCommand (bytes: Uint8Array): Command | undefined {
  if (bytes.byteLength > commandBytesMax) return undefined
  try {
    const { format, ...body } = decodeHead(bytes)
    if (typeof format === 'number' && format > commandFormat) throw new ConfigFormatError(format)
    return commandSchema.safeParse(body).data
  } catch (error) {
    if (error instanceof ConfigFormatError) throw error
    return undefined
  }
}
