/**
 * One end of a simulated link: stands between a node and its TCP connection and decides when what came in
 * is handed on. Only the reading side is touched, so the two ends need not be in one process: what is read
 * is held back for the delay, in its order; across a cut nothing is read, neither data nor the end of the
 * connection, as with a pulled cable. What is not read stays in the kernel's buffers and the sender's, which
 * is TCP's own back-pressure (RFC 9293 section 3.8.6).
 */
import type { AbortOptions, MultiaddrConnection, StreamCloseEvent, StreamMessageEvent } from '@libp2p/interface'
import { AbstractMultiaddrConnection, getNetConfig } from '@libp2p/utils'
import type { Multiaddr } from '@multiformats/multiaddr'
import type { Uint8ArrayList } from 'uint8arraylist'
import type { Clock } from '../../protocols/clock.ts'

/** An IP address, as 127.1.2.3. */
export type Host = string

export const linkDefaults = Object.freeze({
  /**
   * Bytes under way to one end of a connection. Like a TCP window it bounds the rate to `heldBytesMax` per
   * delay, 40 MB/s at 100 ms: higher is faster over slow links, and costs that memory for each busy one.
   */
  heldBytesMax: 4 * 1024 * 1024
})
export type LinkSettings = { readonly [K in keyof typeof linkDefaults]: number }

export interface LinkInit {
  readonly connection: MultiaddrConnection
  readonly clock: Clock
  readonly settings: LinkSettings
  readonly own: Host
  readonly remote: Host
  /** From the other end to this one, ms. Asked for each chunk, so it may change and jitter; order is kept. */
  readonly delayMs: () => number
  readonly isCut: boolean
  /** It has ended, for the node, too. */
  readonly onClose: (link: Link) => void
}

export class Link extends AbstractMultiaddrConnection {
  readonly own: Host
  readonly remote: Host
  readonly #init: LinkInit
  readonly #connection: MultiaddrConnection
  readonly #held: Array<{ readonly data: Uint8Array | Uint8ArrayList, readonly dueMs: number }> = []
  #heldBytes = 0
  /** The connection has ended; the node learns of it when it is due. */
  #end: { readonly error: Error | undefined, readonly dueMs: number } | undefined
  #isCut: boolean
  #isReading = true
  #isResuming = false
  #isReleasing = false
  #cancelTimer: (() => void) | undefined

  constructor (init: LinkInit) {
    const { connection } = init
    super({
      remoteAddr: connection.remoteAddr,
      direction: connection.direction,
      inactivityTimeout: connection.inactivityTimeout,
      maxReadBufferLength: connection.maxReadBufferLength,
      log: connection.log
    })
    this.own = init.own
    this.remote = init.remote
    this.#init = init
    this.#connection = connection
    this.#isCut = init.isCut
    this.#keepReading()
    this.addEventListener('close', () => {
      this.#forget()
      init.onClose(this)
    })
    connection.addEventListener('drain', () => { this.safeDispatchEvent('drain') })
    connection.addEventListener('close', (event) => { this.#onEnd(event) })
    // Last, as it lets flow what came before.
    connection.addEventListener('message', (event) => { this.#onMessage(event) })
  }

  /** Whether what the other end sends is lost on its way, until this is called again. */
  setCut (isCut: boolean): void {
    if (isCut === this.#isCut) return
    this.#isCut = isCut
    this.#release()
  }

  /** What is written after the connection has ended is lost, as it is until the news arrives. */
  override sendData (data: Uint8ArrayList): { sentBytes: number, canSendMore: boolean } {
    const sentBytes = data.byteLength
    return { sentBytes, canSendMore: this.#connection.status === 'open' && this.#connection.send(data) }
  }

  override sendReset (error: Error): void { this.#connection.abort(error) }

  override async sendClose (options?: AbortOptions): Promise<void> { await this.#connection.close(options) }

  override sendPause (): void { this.#keepReading() }

  override sendResume (): void { this.#release() }

  #onMessage ({ data }: StreamMessageEvent): void {
    const delayMs = this.#init.delayMs()
    if (delayMs === 0 && this.#held.length === 0 && this.#passes) {
      this.onData(data)
      return
    }
    this.#held.push({ data, dueMs: this.#due(delayMs) })
    this.#heldBytes += data.byteLength
    this.#release()
  }

  #onEnd ({ error }: StreamCloseEvent): void {
    // No news that came over the link: this end has closed it, or its socket has lost patience.
    if (this.status !== 'open' || error?.name === 'TimeoutError') {
      if (error === undefined) this.onTransportClosed()
      else this.abort(error)
      return
    }
    this.#end = { error, dueMs: this.#due(this.#init.delayMs()) }
    this.#release()
  }

  /** Nothing overtakes what went before. */
  #due (delayMs: number): number {
    return Math.max(this.#init.clock.nowMs() + delayMs, this.#held.at(-1)?.dueMs ?? 0)
  }

  get #passes (): boolean { return !this.#isCut && this.readStatus !== 'paused' }

  /** Hands on what is due. Whoever gets it may pause, resume or close from within. */
  #release (): void {
    if (this.#isReleasing) return
    this.#isReleasing = true
    // Asked once: what becomes due meanwhile would be neither handed on nor waited for.
    const nowMs = this.#init.clock.nowMs()
    for (let next = this.#held[0]; next !== undefined && this.#passes && next.dueMs <= nowMs; next = this.#held[0]) {
      this.#held.shift()
      this.#heldBytes -= next.data.byteLength
      this.onData(next.data)
    }
    this.#isReleasing = false
    this.#keepReading()
    this.#endWhenDue(nowMs)
    this.#wakeWhenDue(nowMs)
  }

  /** Reads the socket as long as there is a use for it. */
  #keepReading (): void {
    const isWanted = this.#passes && this.#heldBytes < this.#init.settings.heldBytesMax
    if (isWanted === this.#isReading || this.#isResuming) return
    // Of a connection that has ended there may be a rest to read, and nothing to pause.
    if (this.#end !== undefined && (this.#end.error !== undefined || !isWanted)) return
    this.#isReading = isWanted
    if (!isWanted) {
      this.#connection.pause()
      return
    }
    // What was buffered comes from within resume(), which then lets the socket flow: a pause must wait for that.
    this.#isResuming = true
    this.#connection.resume()
    this.#isResuming = false
    this.#keepReading()
  }

  /** A reset discards what was not read yet; an ordinary end comes after it. */
  #endWhenDue (nowMs: number): void {
    if (this.#end === undefined || this.#isCut || this.status !== 'open' || this.#end.dueMs > nowMs) return
    if (this.#end.error !== undefined) this.abort(this.#end.error)
    else if (this.#held.length === 0 && this.#connection.readBufferLength === 0) this.onTransportClosed()
  }

  #wakeWhenDue (nowMs: number): void {
    if (this.#cancelTimer !== undefined || this.#isCut || this.status !== 'open') return
    const next = this.#passes ? this.#held[0] ?? this.#end : this.#end
    if (next === undefined || next.dueMs <= nowMs) return
    this.#cancelTimer = this.#init.clock.after(Math.max(0, next.dueMs - this.#init.clock.nowMs()), () => {
      this.#cancelTimer = undefined
      this.#release()
    })
  }

  #forget (): void {
    this.#cancelTimer?.()
    this.#cancelTimer = undefined
    this.#held.length = 0
    this.#heldBytes = 0
  }
}

export function hostOf (address: Multiaddr): Host {
  return getNetConfig(address).host
}
