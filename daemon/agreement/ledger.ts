/**
 * The least that a group can agree on: how many commands there were, and a hash over all of them in order. It stands in for the
 * configuration until that is wired, so that a region's group is there, and can be tested, before it.
 */
import { createHash } from 'node:crypto'
import type { StateMachine } from '../../protocols/raft/group.ts'

const hashBytes = 32

export class Ledger implements StateMachine {
  count = 0
  #hash: Uint8Array = new Uint8Array(hashBytes)

  /** @returns how many there are now */
  apply (command: Uint8Array): number {
    this.#hash = createHash('sha256').update(this.#hash).update(command).digest()
    return ++this.count
  }

  snapshot (): Uint8Array {
    const bytes = Buffer.alloc(8 + hashBytes)
    bytes.writeDoubleBE(this.count)
    bytes.set(this.#hash, 8)
    return bytes
  }

  restore (snapshot: Uint8Array | undefined): void {
    this.count = snapshot === undefined ? 0 : Buffer.from(snapshot).readDoubleBE()
    this.#hash = snapshot?.slice(8) ?? new Uint8Array(hashBytes)
  }
}
