/**
 * Calls between a program and the process that started it, over Node's channel between them: a name and an
 * argument there, a value or a sentence back, and things that the program tells unasked. Both are ours and of
 * one version, so the messages are trusted.
 */
import type { ChildProcess } from 'node:child_process'
import { ColonyError, messageOf } from '../protocols/errors.ts'

type Request = { readonly id: number, readonly name: string, readonly argument: unknown }
type Reply = { readonly id: number, readonly value?: unknown, readonly failed?: string }
type Message = Reply | { readonly told: unknown }

/** What was called failed in the other process; the message is its sentence. */
export class CallError extends ColonyError {
  constructor (message: string) {
    super('COLONY_CALL', message)
  }
}

/** The parent's side. */
export class Caller {
  readonly #child: Pick<ChildProcess, 'send'>
  readonly #waiting = new Map<number, PromiseWithResolvers<unknown>>()
  #count = 0
  #ended: Error | undefined

  constructor (child: Pick<ChildProcess, 'send' | 'on'>, onTold: (message: unknown) => void) {
    this.#child = child
    child.on('message', (message) => {
      const said = message as Message
      if ('told' in said) return onTold(said.told)
      const waiting = this.#waiting.get(said.id)
      this.#waiting.delete(said.id)
      if (said.failed === undefined) waiting?.resolve(said.value)
      else waiting?.reject(new CallError(said.failed))
    })
  }

  /** @throws CallError, or what `end` was given */
  async call (name: string, argument: unknown): Promise<unknown> {
    if (this.#ended !== undefined) throw this.#ended
    const id = ++this.#count
    const waiting = Promise.withResolvers<unknown>()
    this.#waiting.set(id, waiting)
    this.#child.send({ id, name, argument } satisfies Request, (error) => {
      if (error !== null && this.#waiting.delete(id)) waiting.reject(this.#ended ?? error)
    })
    return await waiting.promise
  }

  /** No answer comes any more. */
  end (error: Error): void {
    this.#ended = error
    for (const { reject } of this.#waiting.values()) reject(error)
    this.#waiting.clear()
  }
}

/** The program's side: runs what the parent calls. Ends the program when the parent is gone. */
export function answerCalls (calls: Readonly<Record<string, (argument: any) => unknown>>): void {
  process.on('message', (message) => {
    const { id, name, argument } = message as Request
    void reply(id, async () => await calls[name]!(argument))
  })
  process.on('disconnect', () => { process.exit(0) })
}

/** Tells the parent something that it did not ask. */
export function tellParent (message: unknown): void {
  process.send?.({ told: message } satisfies Message)
}

async function reply (id: number, run: () => Promise<unknown>): Promise<void> {
  let answer: Reply
  try {
    answer = { id, value: await run() }
  } catch (error) {
    answer = { id, failed: error instanceof ColonyError ? error.message : (error as Error).stack ?? messageOf(error) }
  }
  if (process.connected) process.send?.(answer)
}
