/**
 * Links to edges that fell silent. Such a link carries nothing and looks open for minutes, as TCP tries on: while it is there
 * nobody dials, and that a cut has healed goes unnoticed. So it is given up, once for each silence: what the edge
 * itself then opens is a sign of life, and stays.
 */
import { knownId } from './choice.ts'
import type { MembershipComponents } from './ports.ts'
import type { PeerName } from '../ids.ts'

export class Silences {
  readonly #connectionManager: Pick<MembershipComponents['connectionManager'], 'getConnections'>
  #missed: ReadonlySet<PeerName> = new Set()

  constructor (connectionManager: Pick<MembershipComponents['connectionManager'], 'getConnections'>) {
    this.#connectionManager = connectionManager
  }

  has (peer: PeerName): boolean { return this.#missed.has(peer) }

  /** @param missed all edges that fell silent, lately or before */
  update (missed: readonly PeerName[]): void {
    for (const peer of missed) {
      if (this.#missed.has(peer)) continue
      for (const connection of this.#connectionManager.getConnections(knownId(peer))) connection.abort(new Error('it fell silent'))
    }
    this.#missed = new Set(missed)
  }
}
