/**
 * Simulated links between real libp2p nodes on loopback, without root: slow, cut as by a pulled cable, or
 * severed as by `kill -9`. Hosts are loopback addresses (127.region.city.n); sockets are bound to them, so
 * both ends know who is at the other. A cut acts where it is received, so each process has `Links` of its
 * own, and whoever makes faults tells all of them.
 *
 * What differs from a real network: a cut one way loses no acknowledgements, so the other way flows on
 * where TCP would stall after a window; and after healing nothing waits for a retransmission timer
 * (RFC 6298). `netsim lab` has both.
 */
import type { MultiaddrConnection } from '@libp2p/interface'
import type { TransportFactory } from '../../daemon/node.ts'
import type { Clock } from '../../protocols/clock.ts'
import { ColonyError } from '../../protocols/errors.ts'
import { hostOf, Link, linkDefaults, type Host, type LinkSettings } from './link.ts'
import { LinkTransport } from './transport.ts'

export interface LinksInit {
  readonly clock: Clock
  /** One way, ms, 0 for none. Asked for each chunk that arrives, so it may change and jitter; order is kept. */
  readonly delayMs?: (from: Host, to: Host) => number
  readonly settings?: Partial<LinkSettings>
}

/** The host at one end of a link is severed: nobody answers there. */
export class HostSeveredError extends ColonyError {
  constructor (host: Host) {
    super('COLONY_HOST_SEVERED', `connection refused: ${host} is severed`)
  }
}

export class Links {
  readonly #clock: Clock
  readonly #delayMs: (from: Host, to: Host) => number
  readonly #settings: LinkSettings
  readonly #links = new Set<Link>()
  readonly #cuts: Array<{ readonly from: ReadonlySet<Host>, readonly to: ReadonlySet<Host> }> = []
  readonly #severed = new Set<Host>()
  /** Dials that wait for the way to be free. */
  readonly #waiting = new Set<() => void>()

  constructor (init: LinksInit) {
    this.#clock = init.clock
    this.#delayMs = init.delayMs ?? (() => 0)
    this.#settings = { ...linkDefaults, ...init.settings }
  }

  /** For the node at `host`: what `createEdge` takes as `transport`. */
  transport (host: Host): (create: TransportFactory) => TransportFactory {
    return (create) => (components) => new LinkTransport(create(components), this, host)
  }

  /**
   * Pulls the cable between two sets of hosts, in both directions unless `oneWay` (then what A sends is
   * lost): nothing is read from connections between them, no end and no reset, and new ones hang until
   * their dial gives up, as a handshake needs both directions. Adds to earlier cuts.
   */
  cut (hostsA: Iterable<Host>, hostsB: Iterable<Host>, options: { readonly oneWay?: boolean } = {}): void {
    const [a, b] = [new Set(hostsA), new Set(hostsB)]
    this.#cuts.push({ from: a, to: b })
    if (options.oneWay !== true) this.#cuts.push({ from: b, to: a })
    this.#apply()
  }

  /** Takes back every cut: what was sent meanwhile arrives, in its order, and dials that wait go on. */
  heal (): void {
    this.#cuts.length = 0
    this.#apply()
  }

  /**
   * The host goes as by `kill -9`: its connections are reset at once, and until `restore` every dial from
   * it and to it is refused. Its listening socket stays until its node is stopped, which nobody hears.
   */
  sever (host: Host): void {
    this.#severed.add(host)
    for (const link of [...this.#links]) if (link.own === host) link.abort(new HostSeveredError(host))
    this.#wake()
  }

  /** Lets a severed host connect again. */
  restore (host: Host): void {
    this.#severed.delete(host)
  }

  /**
   * Resolves when a handshake between the hosts can pass.
   *
   * @throws HostSeveredError, or the signal's reason
   */
  async passage (own: Host, remote: Host, signal: AbortSignal): Promise<void> {
    for (;;) {
      signal.throwIfAborted()
      this.#assertWhole(own, remote)
      if (!this.#isCut(own, remote) && !this.#isCut(remote, own)) return
      await new Promise<void>((resolve) => {
        const go = (): void => {
          this.#waiting.delete(go)
          signal.removeEventListener('abort', go)
          resolve()
        }
        this.#waiting.add(go)
        signal.addEventListener('abort', go)
      })
    }
  }

  /** How long a handshake takes, ms: there and back. */
  roundTripMs (own: Host, remote: Host): number {
    return this.#delayMs(own, remote) + this.#delayMs(remote, own)
  }

  get clock (): Clock { return this.#clock }

  /** @throws HostSeveredError, having reset the connection; or when that has ended already */
  join (own: Host, connection: MultiaddrConnection): Link {
    const remote = hostOf(connection.remoteAddr)
    try {
      this.#assertWhole(own, remote)
      if (connection.status !== 'open') throw new Error(`the connection of ${own} with ${remote} has ended`)
    } catch (error) {
      connection.abort(error as Error)
      throw error
    }
    const link = new Link({
      connection, own, remote,
      clock: this.#clock,
      settings: this.#settings,
      delayMs: () => this.#delayMs(remote, own),
      isCut: this.#isCut(remote, own),
      onClose: this.#forget
    })
    this.#links.add(link)
    return link
  }

  readonly #forget = (link: Link): void => { this.#links.delete(link) }

  #isCut (from: Host, to: Host): boolean {
    return this.#cuts.some((cut) => cut.from.has(from) && cut.to.has(to))
  }

  #assertWhole (...hosts: readonly Host[]): void {
    const severed = hosts.find((host) => this.#severed.has(host))
    if (severed !== undefined) throw new HostSeveredError(severed)
  }

  #apply (): void {
    for (const link of [...this.#links]) link.setCut(this.#isCut(link.remote, link.own))
    this.#wake()
  }

  #wake (): void {
    for (const go of [...this.#waiting]) go()
  }
}
