/**
 * What happened in a run, as 64 bits: every event and every note is mixed in, so two runs with the same hash
 * did the same things at the same times. Cheap enough to stay on always (two multiplications a word, the
 * mixer of MurmurHash3, Appleby 2008, in two lanes). With a sink, notes are also told as they come, so that two runs
 * can be compared line by line.
 */
export type Note = (timeMs: number, kind: string, subject: number, value: number) => void

/** A kind of note; from `Trace.kind`. */
export type NoteKind = number

/** Virtual time counts in 1/1024 ms. */
const quantaPerMs = 1_024

export class Trace {
  readonly #sink: Note | undefined
  readonly #names: string[] = []
  #low = 0x9747b28c | 0
  #high = 0x1b873593 | 0
  readonly #double = new Float64Array(1)
  readonly #words = new Int32Array(this.#double.buffer)

  constructor (sink?: Note) {
    this.#sink = sink
  }

  /** Declares a kind of note; the same order of declarations in every run. */
  kind (name: string): NoteKind {
    return this.#names.push(name) - 1
  }

  /** Something worth comparing happened: `subject` is a host or an object, `value` any number. */
  note (timeMs: number, kind: NoteKind, subject: number, value: number): void {
    this.#double[0] = value
    this.#mix(-1 - kind, subject | 0)
    this.#mix(this.#words[0]!, this.#words[1]!)
    this.#mixTime(timeMs)
    if (this.#sink !== undefined) this.#sink(timeMs, this.#names[kind] ?? '?', subject, value)
  }

  /** One event of the engine. */
  event (timeMs: number, kind: number, a: number, b: number): void {
    this.#mixTime(timeMs)
    this.#mix(Math.imul(kind, 0x01000193) ^ (a | 0), b | 0)
  }

  /** 16 hexadecimal digits. */
  hash (): string {
    return hex(finish(this.#high ^ Math.imul(this.#low, 0x85ebca6b))) + hex(finish(this.#low))
  }

  #mixTime (timeMs: number): void {
    const quanta = timeMs * quantaPerMs
    this.#mix(quanta | 0, (quanta / 4_294_967_296) | 0)
  }

  #mix (one: number, other: number): void {
    let low = this.#low ^ Math.imul(one, 0xcc9e2d51)
    low = Math.imul((low << 13) | (low >>> 19), 5) + 0xe6546b64
    let high = this.#high ^ Math.imul(other ^ low, 0x1b873593)
    high = Math.imul((high << 15) | (high >>> 17), 5) + 0x38495ab5
    this.#low = (low ^ high) | 0
    this.#high = high | 0
  }
}

function finish (hash: number): number {
  let mixed = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35)
  return (mixed ^ (mixed >>> 16)) >>> 0
}

function hex (word: number): string {
  return word.toString(16).padStart(8, '0')
}
