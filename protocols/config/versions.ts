/**
 * The versions of one scope's settings, newest last, and the answers that their authors were given. Both are bounded:
 * old versions leave, and with them the way back to them; old answers leave, and a command that is repeated after that
 * meets the check of its base version instead. The bounds are constants, as every edge of a group must forget alike.
 */
import { z } from 'zod'
import { isMap, plainJson, type JsonMap } from './canonical.ts'
import { isVector, type Vector } from './token.ts'

export const versionLimits = Object.freeze({
  /** Versions kept, the newest ones. */
  versionsMax: 100,
  /** Their documents' canonical text together, bytes; the last good version and the one under way always stay. */
  versionsBytesMax: 4 * 1024 * 1024,
  /** Answers kept for repeated commands, about 300 bytes each. */
  answersMax: 1_000
})

export type Outcome = 'rolling-out' | 'good' | 'aborted'

export interface Version {
  /** 1, 2, 3, … within the group; never given twice. */
  readonly number: number
  /** Of the canonical document: equal settings, equal hashes. */
  readonly hash: string
  readonly bytes: number
  readonly document: JsonMap
  readonly author: string
  readonly wallMs: number
  readonly reason: string
  /** The version that it started from. */
  readonly base: number
  /** The older version whose content it brings back. */
  readonly restores?: number | undefined
  /** Where it stands in the log. */
  readonly index: number
  readonly term: number
  readonly outcome: Outcome
  /** Why it was aborted, and what was let pass. */
  readonly notes: readonly string[]
}

export type Refusal = 'malformed' | 'too-large' | 'base' | 'busy' | 'same-key' | 'stale'

export type Answer =
  /** `unchanged`: it says what is agreed already, so there is no new version. */
  | { readonly kind: 'done', readonly version: number, readonly hash: string, readonly token: Vector, readonly unchanged?: true | undefined }
  /** Nothing changed. `reason` is a sentence that says what to do. */
  | { readonly kind: 'refused', readonly why: Refusal, readonly reason: string }

export const versionSchema: z.ZodType<Version> = z.object({
  number: z.int().min(1),
  hash: z.string(),
  bytes: z.int().min(0),
  document: z.custom<JsonMap>(isMap).transform((value) => plainJson(value) as JsonMap),
  author: z.string(),
  wallMs: z.number(),
  reason: z.string(),
  base: z.int().min(0),
  restores: z.int().optional(),
  index: z.int().min(0),
  term: z.int().min(0),
  outcome: z.enum(['rolling-out', 'good', 'aborted']),
  notes: z.array(z.string())
})

export const answerSchema: z.ZodType<Answer> = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('done'), version: z.int(), hash: z.string(), token: z.custom<Vector>((value) => isVector(value)), unchanged: z.literal(true).optional() }),
  z.object({ kind: z.literal('refused'), why: z.enum(['malformed', 'too-large', 'base', 'busy', 'same-key', 'stale']), reason: z.string() })
])

/** By number. */
export class Versions {
  readonly #versions = new Map<number, Version>()
  #bytes = 0

  add (version: Version): void {
    this.#bytes += version.bytes - (this.#versions.get(version.number)?.bytes ?? 0)
    this.#versions.set(version.number, version)
  }

  get (number: number): Version | undefined {
    return this.#versions.get(number)
  }

  /** Oldest first. */
  all (): Version[] {
    return [...this.#versions.values()].sort((a, b) => a.number - b.number)
  }

  /** Forgets the oldest beyond the bounds, never one of `kept`. */
  trim (kept: ReadonlySet<number>): void {
    for (const { number, bytes } of this.all()) {
      if (this.#versions.size <= versionLimits.versionsMax && this.#bytes <= versionLimits.versionsBytesMax) return
      if (kept.has(number)) continue
      this.#versions.delete(number)
      this.#bytes -= bytes
    }
  }
}

/** What was answered, by idempotency key. */
export class Answers {
  /** In the order of the log. `digest` tells a repeated command from another one under the same key. */
  readonly #answers = new Map<string, { readonly digest: string, readonly answer: Answer }>()

  /** @returns the answer to give again, a refusal where the key was used for something else, undefined for a new key */
  find (id: string, digest: string): Answer | undefined {
    const known = this.#answers.get(id)
    if (known === undefined || known.digest === digest) return known?.answer
    return { kind: 'refused', why: 'same-key', reason: `the idempotency key ${JSON.stringify(id)} was used for another change; use a new one` }
  }

  add (id: string, digest: string, answer: Answer): void {
    this.#answers.set(id, { digest, answer })
    if (this.#answers.size > versionLimits.answersMax) this.#answers.delete(this.#answers.keys().next().value!)
  }

  entries (): (readonly [id: string, digest: string, answer: Answer])[] {
    return [...this.#answers].map(([id, { digest, answer }]) => [id, digest, answer])
  }
}
