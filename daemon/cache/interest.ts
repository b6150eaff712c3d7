/**
 * Counts who still wants a flight's outcome or a fill's bytes. The last one to leave ends what
 * nobody wants; anyone who holds an interest may still read.
 */
export class Interest {
  #count = 0
  #listener: () => void = () => {}

  get count (): number { return this.#count }

  /** @returns gives the interest up; may be called twice */
  join (): () => void {
    this.#count++
    let held = true
    return () => {
      if (!held) return
      held = false
      this.#count--
      this.#listener()
    }
  }

  /** One listener: the flight's, then its fill's. */
  onChange (listener: () => void): void { this.#listener = listener }
}
