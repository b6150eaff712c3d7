/** A group's state with a log in front of it: what is proposed is committed at once. */
import { encodeCommand, type Command } from '../../../protocols/config/commands.ts'
import { prepareChange, type Change, type ChangeInit } from '../../../protocols/config/prepare.ts'
import { ConfigState, type Entry } from '../../../protocols/config/state.ts'
import type { Answer } from '../../../protocols/config/versions.ts'

export const shop = { hosts: ['shop.example.org'], origins: ['https://origin.example.org/'] }

export class Group {
  readonly state: ConfigState
  readonly log: Entry[] = []
  #requests = 0

  constructor (name = 'global', state = new ConfigState(name)) {
    this.state = state
  }

  commit (command: Command | Uint8Array, term = 1): Answer {
    const bytes = command instanceof Uint8Array ? command : encodeCommand(command)
    const entry = { index: this.state.index + 1, term: Math.max(term, this.state.term), bytes }
    this.log.push(entry)
    return this.state.apply(entry)!
  }

  /** With a key of its own, everywhere at once, unless said otherwise. */
  change (change: Change, init: Partial<ChangeInit> = {}): Answer {
    return this.commit(this.prepare(change, init))
  }

  prepare (change: Change, init: Partial<ChangeInit> = {}): Command {
    return prepareChange(this.state, change, {
      scope: this.state.group === 'global' ? 'global' : 'regional', id: `request ${++this.#requests}`, author: 'ann', reason: 'because', wallMs: this.#requests, plan: 'now', ...init
    })
  }

  put (document: unknown, init: Partial<ChangeInit> = {}): Answer {
    return this.change({ kind: 'put', document }, init)
  }
}
