/**
 * A link of a set length: a TCP proxy that hands on each chunk half a round trip after it came, in each
 * direction, in order and as fast as it likes. It delays what is sent, not the connection's own
 * handshake, as links between edges are long-lived.
 */
import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'

/** Timers are only good to a millisecond: the last stretch is waited for turn by turn of the event loop. */
const timerSlackMs = 1.5

export class Link {
  readonly #server: Server
  readonly #halfMs: number
  readonly #sockets = new Set<Socket>()
  #targetPort = 0

  /** @param roundTripMs both directions together */
  constructor (roundTripMs: number) {
    this.#halfMs = roundTripMs / 2
    this.#server = createServer({ noDelay: true, allowHalfOpen: true }, (near) => { this.#join(near) })
  }

  get port (): number { return (this.#server.address() as AddressInfo).port }

  async start (): Promise<this> {
    this.#server.listen(0, '127.0.0.1')
    await once(this.#server, 'listening')
    return this
  }

  /** Where it leads; known only once the edge behind it listens. */
  lead (targetPort: number): void { this.#targetPort = targetPort }

  async close (): Promise<void> {
    const closed = once(this.#server, 'close')
    this.#server.close()
    for (const socket of this.#sockets) socket.destroy()
    await closed
  }

  #join (near: Socket): void {
    const far = connect({ host: '127.0.0.1', port: this.#targetPort, noDelay: true, allowHalfOpen: true })
    for (const [from, to] of [[near, far], [far, near]] as const) {
      this.#sockets.add(from)
      const later = new DelayLine(this.#halfMs)
      from.on('data', (chunk) => { later.push(() => { if (!to.destroyed) to.write(chunk) }) })
      from.on('end', () => { later.push(() => { to.end() }) })
      from.on('error', () => {})
      from.on('close', () => {
        this.#sockets.delete(from)
        later.push(() => { to.destroySoon() })
      })
    }
  }
}

/** Runs each action a fixed time after it was pushed, in order. */
class DelayLine {
  readonly #delayMs: number
  readonly #queue: Array<{ readonly dueMs: number, readonly run: () => void }> = []
  #waiting = false

  constructor (delayMs: number) { this.#delayMs = delayMs }

  push (run: () => void): void {
    this.#queue.push({ dueMs: performance.now() + this.#delayMs, run })
    if (!this.#waiting) this.#wait()
  }

  #wait (): void {
    const next = this.#queue[0]
    this.#waiting = next !== undefined
    if (next === undefined) return
    const leftMs = next.dueMs - performance.now()
    if (leftMs > timerSlackMs) setTimeout(() => { this.#flush() }, leftMs - timerSlackMs)
    else setImmediate(() => { this.#flush() })
  }

  #flush (): void {
    const nowMs = performance.now()
    while (this.#queue[0] !== undefined && this.#queue[0].dueMs <= nowMs) this.#queue.shift()?.run()
    this.#wait()
  }
}

/** A port that nobody listens on now. */
export async function freePort (): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}
