/**
 * Judges one answer to a GET of a workload's object: its status, its validator, its length and each of
 * its bytes, as they come. Holds none of them. Stands between the HTTP client and the tally.
 *
 * Wrong is only what a client would take for right: an answer whose framing says that it is whole, and
 * whose bytes are not those that the origin gives for the URL and the version named by the answer's own
 * ETag. A byte that differs, is missing or too much counts as one wrong byte, whatever came before it.
 * An answer that ends before its framing says is cut: an error that every client sees, and what came of
 * it is judged all the same.
 */
import { contentRange } from '../../daemon/http/range.ts'
import { type Content, versionOf } from './content.ts'

/** Where the bytes came from, as the edge that was asked says (RFC 9211). */
export const AnswerSource = {
  /** Its own store. */
  Hit: 'hit',
  Peer: 'peer',
  Origin: 'origin',
  /** Its own store, not fresh, as no origin could be reached. */
  Stale: 'stale',
  /** It does not say. */
  Unknown: 'unknown'
} as const
export type AnswerSource = typeof AnswerSource[keyof typeof AnswerSource]

export type Verdict =
  | { readonly kind: 'right', readonly source: AnswerSource }
  /** Another status than was asked for. */
  | { readonly kind: 'refused' }
  | { readonly kind: 'wrong', readonly what: string, readonly wrongBytes: number }

/** A part of an object; `end` is exclusive. */
export interface Part {
  readonly start: number
  readonly end: number
}

/** As undici gives them: names in lower case. */
export type AnswerFields = Readonly<Record<string, string | string[] | undefined>>

export class Verifier {
  readonly #content: Content
  readonly #object: number
  readonly #part: Part | undefined
  /** 0 before there is a head. */
  status = 0
  /** Of the body. */
  bytes = 0
  #source: AnswerSource = AnswerSource.Unknown
  #version: number | undefined
  #wrongBytes = 0
  #what: string | undefined
  /** Where in the object the next byte stands, and where the last one is due. */
  #at = 0
  #end = 0

  /** @param part what was asked for; undefined for the whole */
  constructor (content: Content, object: number, part?: Part) {
    this.#content = content
    this.#object = object
    this.#part = part
  }

  head (status: number, fields: AnswerFields): void {
    this.status = status
    if (!this.#expected) return
    this.#source = sourceOf(text(fields['cache-status']))
    const etag = text(fields.etag)
    this.#version = versionOf(this.#object, etag)
    if (this.#version === undefined) this.#wrong(`etag is ${etag ?? 'missing'}`)
    const length = this.#content.sizes.of(this.#object)
    // A server may answer a range with the whole (RFC 9110 section 14.2).
    const { start, end } = status === 206 && this.#part !== undefined ? this.#part : { start: 0, end: length }
    this.#at = start
    this.#end = end
    const range = text(fields['content-range'])
    if (status === 206 && range !== contentRange({ start, end }, length)) this.#wrong(`content-range is ${range ?? 'missing'}`)
  }

  body (chunk: Buffer): void {
    this.bytes += chunk.length
    if (!this.#expected) return
    const due = Math.max(0, Math.min(chunk.length, this.#end - this.#at))
    const wrong = chunk.length - due + (this.#version === undefined ? due : this.#content.wrongBytes(this.#object, this.#version, this.#at, chunk.subarray(0, due)))
    if (wrong > 0) this.#wrong(`${wrong} of the ${chunk.length} bytes at ${this.#at}`)
    this.#wrongBytes += wrong
    this.#at += chunk.length
  }

  /** The body ended as its framing says. */
  end (): Verdict {
    if (!this.#expected) return { kind: 'refused' }
    if (this.#at < this.#end) {
      this.#wrong(`the last ${this.#end - this.#at} bytes are missing`)
      this.#wrongBytes += this.#end - this.#at
    }
    return this.#what === undefined ? { kind: 'right', source: this.#source } : { kind: 'wrong', what: this.#what, wrongBytes: this.#wrongBytes }
  }

  /** The body ended before that; @returns how many of the bytes that did come are wrong */
  cut (): number {
    return this.#wrongBytes
  }

  get #expected (): boolean {
    return this.status === 200 || (this.status === 206 && this.#part !== undefined)
  }

  /** The first fault is the one to be told of. */
  #wrong (what: string): void {
    this.#what ??= what
  }
}

/** By the last member of Cache-Status, which is the nearest to the client. */
export function sourceOf (cacheStatus: string | undefined): AnswerSource {
  const own = cacheStatus?.slice(cacheStatus.lastIndexOf(',') + 1) ?? ''
  if (/;\s*hit(;|$)/.test(own)) return AnswerSource.Hit
  const detail = /;\s*detail=([a-z-]+)(;|$)/.exec(own)?.[1]
  if (detail === 'peer' || detail === 'origin') return detail
  return detail === 'origin-unreachable' ? AnswerSource.Stale : AnswerSource.Unknown
}

function text (value: string | string[] | undefined): string | undefined {
  return typeof value === 'object' ? value.join(', ') : value
}
