/**
 * What an edge keeps of agreed configuration for itself, beside the logs of its groups: which version of each scope it
 * runs, and that version's content. So it starts, and serves, with the last agreed configuration when its group is out of reach, or its
 * log is not to be trusted. Written synced before it counts.
 */
import { z } from 'zod'
import { noActive, upgraded, type ActiveState } from '../../protocols/config/active.ts'
import { layerEntries, layerSchema, type Layer, type Scope } from '../../protocols/config/merge.ts'
import type { Version } from '../../protocols/config/versions.ts'
import type { PeerName } from '../../protocols/ids.ts'
import { decodeHead, encodeHead } from '../../protocols/wire.ts'
import { version as program } from '../version.ts'

/** Small records by name; `put` resolves when it is synced. */
export interface Records {
  get: (name: string) => Promise<Uint8Array | undefined>
  put: (name: string, value: Uint8Array) => Promise<void>
}

export interface Kept {
  readonly active: ActiveState
  /** Entry of the group's log by which that was decided: a state that has not come as far says nothing yet. */
  readonly index: number
  /** Which log; undefined before the first. */
  readonly group: string | undefined
  /** The group then, for who has to found it anew from what is kept: the log's term and highest version, and who voted. */
  readonly term: number
  readonly head: number
  readonly voters: readonly PeerName[]
  /** What the log says of the version that runs; unknown where it ran before this was kept. */
  readonly said?: KeptVersion | undefined
  /** Content of the version that runs, region-wide fields as the region has them. */
  readonly layer: Layer
  /** When the state here was last known to be current, wall clock, ms; 0: never. */
  readonly currentWallMs: number
}

/** A version, its content apart. */
export type KeptVersion = Pick<Version, 'hash' | 'bytes' | 'author' | 'wallMs' | 'reason' | 'index' | 'term'>

export const nothingKept: Kept = Object.freeze({ active: noActive, index: 0, group: undefined, term: 0, head: 0, voters: [], layer: new Map(), currentWallMs: 0 })

const format = 1
const number = z.int().min(0)
const keptSchema = z.object({
  format: z.literal(format),
  /** Release of the program that wrote it: another one may run what this one could not. */
  program: z.string(),
  active: z.object({
    version: number,
    regionWide: number,
    trying: z.object({ version: number, attempts: number }).optional(),
    refused: z.object({ version: number, reason: z.string() }).optional()
  }),
  index: number,
  group: z.string().optional(),
  // Not in records of older releases.
  term: number.default(0),
  head: number.default(0),
  voters: z.array(z.string()).default([]),
  said: z.object({ hash: z.string(), bytes: number, author: z.string(), wallMs: z.number(), reason: z.string(), index: number, term: number }).optional(),
  layer: layerSchema,
  currentWallMs: z.number()
})

export class KeptRecords {
  readonly #records: Records

  constructor (records: Records) { this.#records = records }

  /** @returns nothing kept where nothing is, undefined where it cannot be understood */
  async read (scope: Scope): Promise<Kept | undefined> {
    const bytes = await this.#records.get(`active/${scope}`)
    if (bytes === undefined) return nothingKept
    try {
      const { program: by, format: _format, active, ...rest } = keptSchema.parse(decodeHead(bytes))
      return { active: by === program ? active : upgraded(active), ...rest, group: rest.group }
    } catch {
      return undefined
    }
  }

  async write (scope: Scope, { layer, ...rest }: Kept): Promise<void> {
    await this.#records.put(`active/${scope}`, encodeHead({ format, program, ...rest, layer: layerEntries(layer) }))
  }

  /** The local scope's own state. */
  async local (): Promise<Uint8Array | undefined> { return await this.#records.get('local') }
  async keepLocal (snapshot: Uint8Array): Promise<void> { await this.#records.put('local', snapshot) }
}
