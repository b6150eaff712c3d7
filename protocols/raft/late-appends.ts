/**
 * Holds back, for a moment, the appends that carry no entry and only say how far is committed: under load the next
 * entries say it as well, and each such message costs a frame, an answer and two wake-ups (half of all frames where one
 * proposal at a time is under way). Raft bears any delay; a follower applies that much later.
 */
import type { Clock } from '../clock.ts'
import type { Message } from './messages.ts'

export class LateAppends {
  readonly #clock: Clock
  readonly #delayMs: number
  readonly #send: (message: Message) => void
  readonly #held = new Map<string, { message: Message, cancel: () => void }>()

  constructor (clock: Clock, delayMs: number, send: (message: Message) => void) {
    this.#clock = clock
    this.#delayMs = delayMs
    this.#send = send
  }

  send (message: Message): void {
    if (message.kind !== 'append') {
      this.#send(message)
      return
    }
    const key = `${message.group} ${message.to}`
    const held = this.#held.get(key)
    if (message.entries.length > 0 || this.#delayMs === 0) {
      // Says at least as much.
      held?.cancel()
      this.#held.delete(key)
      this.#send(message)
    } else if (held !== undefined) held.message = message
    else {
      const late = {
        message,
        cancel: this.#clock.after(this.#delayMs, () => {
          this.#held.delete(key)
          this.#send(late.message)
        })
      }
      this.#held.set(key, late)
    }
  }
}
