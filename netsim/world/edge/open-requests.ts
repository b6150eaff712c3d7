/**
 * Clients' requests under way at one edge, in the order of their beginnings: a list through the requests themselves, as they
 * come and go too often for a `Map` (see pair-table.ts).
 */
export class OpenRequest {
  readonly object: number
  /** True time, ms. */
  readonly sinceMs: number
  before: OpenRequest | undefined
  after: OpenRequest | undefined
  waits = false

  constructor (object: number, sinceMs: number) {
    this.object = object
    this.sinceMs = sinceMs
  }
}

export class OpenRequests {
  #first: OpenRequest | undefined
  #last: OpenRequest | undefined

  add (request: OpenRequest): void {
    request.waits = true
    request.before = this.#last
    if (this.#last === undefined) this.#first = request
    else this.#last.after = request
    this.#last = request
  }

  /** @returns whether it was still waiting */
  delete (request: OpenRequest): boolean {
    if (!request.waits) return false
    const { before, after } = request
    if (before === undefined) this.#first = after
    else before.after = after
    if (after === undefined) this.#last = before
    else after.before = before
    request.waits = false
    request.before = request.after = undefined
    return true
  }

  /** @returns what waited */
  clear (): OpenRequest[] {
    const waiting = [...this.values()]
    for (const request of waiting) this.delete(request)
    return waiting
  }

  /** The oldest first. */
  * values (): Generator<OpenRequest, undefined> {
    for (let request = this.#first; request !== undefined; request = request.after) yield request
  }
}
