/**
 * What a simulated group agrees on: named values, as configuration has them. Every command tells what stood there before, so that a
 * history of commands and reads says much about their order.
 */
import type { StateMachine } from '../../../protocols/raft/ports.ts'

/** Sets `key` to `value`; with `expected` only where that stands there. */
export interface SetCommand {
  readonly key: string
  readonly value: string
  readonly expected?: string | undefined
}

/** Where nothing was set yet. */
export const nothing = ''

export class SettingsRegister implements StateMachine {
  readonly values = new Map<string, string>()

  /** @returns what stood there before */
  apply (command: Uint8Array): string {
    const { key, value, expected } = JSON.parse(Buffer.from(command).toString()) as SetCommand
    const before = this.value(key)
    if (expected === undefined || expected === before) this.values.set(key, value)
    return before
  }

  value (key: string): string { return this.values.get(key) ?? nothing }

  snapshot (): Uint8Array {
    return Buffer.from(JSON.stringify([...this.values].sort(([one], [other]) => one < other ? -1 : 1)))
  }

  restore (snapshot: Uint8Array | undefined): void {
    this.values.clear()
    if (snapshot === undefined) return
    for (const [key, value] of JSON.parse(Buffer.from(snapshot).toString()) as Array<[string, string]>) this.values.set(key, value)
  }
}

export function encodeSet (command: SetCommand): Uint8Array {
  return Buffer.from(JSON.stringify(command))
}
