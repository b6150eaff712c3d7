/**
 * Connections to one origin: undici clients of one socket each, the most recently used taken first.
 * undici's own Pool is not used because an exchange has to know its socket: whether it was open
 * before (only then may a request be repeated), how it was lost, and what it read last. There are
 * never more connections than places (places.ts), as an exchange holds one of each.
 */
import { isIP, type Socket } from 'node:net'
import { buildConnector, Client, type Dispatcher } from 'undici'
import type { OriginSettings } from './settings.ts'

/** undici declares its connector as returning nothing; it returns the socket that is connecting. */
type Connect = (...args: Parameters<buildConnector.connector>) => Socket | undefined

export class Connection {
  readonly #client: Client
  readonly #hostname: string
  #connecting: Socket | undefined
  #connectError: Error | undefined
  #socket: Socket | undefined
  #reused = false
  #lastRead: Buffer | undefined

  constructor (url: URL, settings: OriginSettings, connect: Connect) {
    this.#hostname = url.hostname
    this.#client = new Client(url.origin, {
      allowH2: false,
      pipelining: 1,
      // An exchange keeps these two itself, by its clock, and for bodies that nobody reads as well.
      headersTimeout: 0,
      bodyTimeout: 0,
      keepAliveTimeout: settings.keepAliveMs,
      maxHeaderSize: settings.headersBytesMax,
      connect: (options, callback) => {
        this.#reused = false
        // TLS asks for and checks the origin's own name, never one that a client sent as Host.
        const servername = isIP(this.#hostname.replace(/^\[|\]$/g, '')) === 0 ? this.#hostname : ''
        this.#connecting = connect({ ...options, servername }, (...result) => {
          this.#connecting = undefined
          if (result[0] !== null) this.#connectError = result[0]
          callback(...result)
          if (result[0] === null) this.#watch(result[1])
        })
      }
    })
  }

  /** Whether the present exchange's request went out on a socket that had been used before. */
  get reused (): boolean {
    return this.#reused
  }

  /** Whether `error` is the reason why there is no socket. */
  failedToConnect (error: unknown): boolean {
    return this.#connectError !== undefined && this.#connectError === error
  }

  /** Whether the socket was lost (reset, TLS alert) rather than closed in order by either side. */
  get lost (): boolean {
    const error: NodeJS.ErrnoException | null | undefined = this.#socket?.errored
    return error !== null && error !== undefined && error.code !== 'UND_ERR_INFO'
  }

  /**
   * Whether the socket's last read went on after `chunk`, the end of a body. undici cuts a body at
   * its Content-Length and drops the rest; the trace it leaves is that the chunk is a view of the
   * read. Where it is not one (undici had to join reads), the answer is no.
   */
  readPast (chunk: Uint8Array): boolean {
    const read = this.#lastRead
    return read !== undefined && read.buffer === chunk.buffer &&
      read.byteOffset + read.byteLength > chunk.byteOffset + chunk.byteLength
  }

  dispatch (options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): void {
    this.#reused = this.#socket !== undefined && !this.#socket.destroyed
    // Not in undici's types. Without it undici takes the name from Host and reconnects when that changes.
    const named = { ...options, servername: this.#hostname }
    this.#client.dispatch(named, handler)
  }

  /** Lets go of the last exchange's memory while idle. */
  rest (): void {
    this.#lastRead = undefined
  }

  async destroy (): Promise<void> {
    this.#connecting?.destroy()
    await this.#client.destroy()
  }

  #watch (socket: Socket): void {
    this.#socket = socket
    // undici reads by 'readable' and read(), which takes precedence: this only looks on.
    socket.on('data', (chunk: Buffer) => { this.#lastRead = chunk })
  }
}

/** The connections of one origin, those at rest and those at work. */
export class Connections {
  readonly #url: URL
  readonly #settings: OriginSettings
  readonly #connect: Connect
  readonly #all = new Set<Connection>()
  readonly #idle: Connection[] = []

  constructor (url: URL, settings: OriginSettings) {
    this.#url = url
    this.#settings = settings
    // One connector for all, as it keeps the TLS sessions.
    this.#connect = buildConnector({ timeout: settings.connectTimeoutMs, allowH2: false }) as Connect
  }

  /** An idle connection, or else a fresh one. */
  take (): Connection {
    return this.#idle.pop() ?? this.fresh()
  }

  /** A connection that no request used before. */
  fresh (): Connection {
    const connection = new Connection(this.#url, this.#settings, this.#connect)
    this.#all.add(connection)
    return connection
  }

  /** Takes back a connection whose exchange ended well; it may have been closed by the origin since. */
  give (connection: Connection): void {
    if (!this.#all.has(connection)) return
    if (this.#idle.length >= this.#settings.idleConnectionsMax) {
      void this.drop(connection)
      return
    }
    connection.rest()
    this.#idle.push(connection)
  }

  /** Closes a connection whatever is under way on it. */
  async drop (connection: Connection): Promise<void> {
    this.#all.delete(connection)
    await connection.destroy()
  }

  async close (): Promise<void> {
    this.#idle.length = 0
    await Promise.all([...this.#all].map(async connection => { await this.drop(connection) }))
  }
}
