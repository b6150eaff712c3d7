/**
 * Orders that were given to this edge, and what is known of each: an id, a place in the log, and a receipt that fills as edges answer. Under
 * an idempotency key an order is taken once, over a restart, too; what its receipt said before is then gathered anew, as every edge
 * says again that it has applied it. Any edge that holds a purge can tell of it.
 */
import type { Clock } from '../clock.ts'
import type { PeerName, Region } from '../ids.ts'
import { PurgeKeyError } from './errors.ts'
import type { View } from './fences.ts'
import type { Flight } from './flights.ts'
import type { Intake } from './intake.ts'
import { isSameOrder, type PurgeLog } from './log.ts'
import type { Purge, PurgeId, PurgeVector, Selector } from './purge.ts'
import { isOutvoted, isSettled, receiptOf, ReceiptState, Wait, type Receipt } from './receipt.ts'
import { purgeIdText } from './selector.ts'
import type { SpreadSettings } from './settings.ts'
import { signPurge, type Sign, type SignedPurge } from './signed.ts'
import { has } from './vector.ts'

export interface WaitFor {
  /** Whom the receipt waits for, at most so long, ms. */
  readonly wait: Wait
  readonly timeoutMs: number
}

export interface PurgeOrder extends WaitFor {
  readonly selectors: readonly Selector[]
  readonly soft: boolean
  /** The same order under the same key is one order, and has one receipt. */
  readonly idempotencyKey?: string
}

export interface OrdersInit {
  readonly self: PeerName
  readonly region: Region
  readonly network: string
  readonly clock: Clock
  readonly settings: SpreadSettings
  readonly log: PurgeLog
  readonly intake: Intake
  readonly sign: Sign
  readonly fences: boolean
  readonly isCurrent: () => boolean
  /** It has heard of nobody, and should have. */
  readonly isAlone: () => boolean
  readonly hasLeft: (peer: PeerName) => boolean
  /** Whom a purge concerns that is ordered now. */
  readonly view: () => View
  /** Hands it on. */
  readonly launch: (signed: SignedPurge) => Flight
}

/** From a change to a look at the receipt, so that many answers are one look, ms. */
const lookMs = 5
/** Without news a receipt changes when this edge itself is fenced, or not any more, ms. */
const lookAgainMs = 250
/** Between two times that a purge is handed on for who has not answered, ms. */
const relaunchMs = 1_000

interface Held {
  readonly purge: Purge
  readonly beganMs: number
  readonly view: View
  readonly applied: Map<PeerName, number>
  readonly refused: Map<PeerName, string>
  readonly waiting: Set<() => void>
  flight: Flight
  launchedMs: number
  outvotedAtMs: number | undefined
  isLooking: boolean
}

export class Orders {
  readonly #init: OrdersInit
  readonly #held = new Map<string, Held>()
  #taking: Promise<unknown> = Promise.resolve()

  constructor (init: OrdersInit) { this.#init = init }

  /**
   * Takes an order: it is applied here and written down before anything is told to anyone.
   *
   * @throws PurgeKeyError, PurgeTooLargeError, PurgeStoreError, or the signal's reason
   */
  async order (order: PurgeOrder, signal?: AbortSignal): Promise<Receipt> {
    // One after the other, as each takes the number after the last one's; writes of several still go together.
    const admitted = this.#taking.then(async () => await this.#admit(order))
    this.#taking = admitted.catch(() => {})
    const { signed, written } = await admitted
    await written
    return await this.#settled(this.#hold(signed), order, signal)
  }

  /** @returns undefined for a purge that this edge does not hold, or not any more */
  async status (id: PurgeId, waitFor: WaitFor = { wait: Wait.None, timeoutMs: 0 }, signal?: AbortSignal): Promise<Receipt | undefined> {
    const { log, intake, clock } = this.#init
    const known = this.#held.get(purgeIdText(id))
    const entry = log.entry(id)
    if (known === undefined && entry === undefined) return undefined
    await intake.written(id)
    const held = known ?? this.#hold(entry!.signed)
    // Whoever was out of reach then may be there now.
    if (held.flight.isOver && !this.#isApplied(held) && entry !== undefined && clock.nowMs() - held.launchedMs > relaunchMs) this.#launch(held, entry.signed)
    return await this.#settled(held, waitFor, signal)
  }

  /** An edge has taken in all of this. */
  stated (peer: PeerName, vector: PurgeVector): void {
    for (const held of this.#held.values()) {
      if (held.applied.has(peer) || !has(vector, held.purge.id)) continue
      this.#note(held, peer)
    }
  }

  async #admit (order: PurgeOrder): Promise<{ signed: SignedPurge, written: Promise<void> }> {
    const { log, intake, clock, settings, network, sign } = this.#init
    const known = order.idempotencyKey === undefined ? undefined : log.ordered(order.idempotencyKey)
    if (known !== undefined) {
      if (!isSameOrder(known.signed.purge, order)) throw new PurgeKeyError(order.idempotencyKey!)
      return { signed: known.signed, written: intake.written(known.signed.purge.id) }
    }
    const { selectors, soft } = order
    const wallMs = clock.wallMs()
    const signed = await signPurge({ id: log.nextId(wallMs), selectors, soft, atMs: Math.trunc(wallMs) }, network, settings.purgeBytesMax, sign)
    const written = intake.takeOwn(signed, order.idempotencyKey)
    written.catch(() => {})
    return { signed, written }
  }

  #hold (signed: SignedPurge): Held {
    const { self, clock, settings, view } = this.#init
    const text = purgeIdText(signed.purge.id)
    const known = this.#held.get(text)
    if (known !== undefined) return known
    const nowMs = clock.nowMs()
    // Taken a while ago, as after a restart: times are since then.
    const beganMs = nowMs - Math.max(0, Math.trunc(clock.wallMs()) - signed.purge.atMs)
    const held: Held = {
      purge: signed.purge, beganMs, view: view(), applied: new Map(), refused: new Map(), waiting: new Set(),
      flight: undefined as never, launchedMs: nowMs, outvotedAtMs: undefined, isLooking: false
    }
    this.#held.set(text, held)
    for (const oldest of this.#held.keys()) {
      if (this.#held.size <= settings.receiptsMax) break
      this.#held.delete(oldest)
    }
    this.#note(held, self)
    this.#launch(held, signed)
    return held
  }

  #launch (held: Held, signed: SignedPurge): void {
    held.flight = this.#init.launch(signed)
    held.launchedMs = this.#init.clock.nowMs()
    const take = (): void => {
      for (const peer of held.flight.applied.keys()) this.#note(held, peer)
      for (const [peer, why] of held.flight.refused) held.refused.set(peer, why)
    }
    held.flight.onChange = take
    take()
  }

  #note (held: Held, peer: PeerName): void {
    if (held.applied.has(peer)) return
    held.applied.set(peer, this.#init.clock.nowMs() - held.beganMs)
    held.refused.delete(peer)
    if (held.isLooking) return
    held.isLooking = true
    this.#init.clock.after(lookMs, () => {
      held.isLooking = false
      this.#judge(held)
      for (const wake of [...held.waiting]) wake()
    })
  }

  #judge (held: Held): void {
    if (this.#init.fences && held.outvotedAtMs === undefined && isOutvoted(held)) held.outvotedAtMs = this.#init.clock.nowMs()
  }

  #isApplied (held: Held): boolean { return this.#receipt(held).state === ReceiptState.Applied }

  #receipt (held: Held): Receipt {
    const { clock, settings, isCurrent, isAlone, hasLeft } = this.#init
    const view = new Map([...held.view].map(([region, members]): [Region, ReadonlySet<PeerName>] => [region, new Set([...members].filter((peer) => held.applied.has(peer) || !hasLeft(peer)))]).filter(([, members]) => members.size > 0))
    return receiptOf({ ...held, view }, { nowMs: clock.nowMs(), wallMs: clock.wallMs(), isCurrent: isCurrent(), isAlone: isAlone() }, settings)
  }

  async #settled (held: Held, { wait, timeoutMs }: WaitFor, signal: AbortSignal | undefined): Promise<Receipt> {
    const { clock, region, settings } = this.#init
    const beganMs = clock.nowMs()
    const endMs = beganMs + timeoutMs
    for (;;) {
      signal?.throwIfAborted()
      this.#judge(held)
      const receipt = this.#receipt(held)
      const nowMs = clock.nowMs()
      const isEarly = receipt.state === ReceiptState.HereOnly && wait !== Wait.None && nowMs < beganMs + settings.hereOnlyWaitMs
      if ((isSettled(receipt, wait, region) && !isEarly) || nowMs >= endMs) return receipt
      // Without news the receipt changes by time alone: when the rest is fenced, or this edge is.
      const nextMs = receipt.fencedByMs === undefined ? lookAgainMs : Math.max(1, receipt.fencedByMs - clock.wallMs())
      await this.#news(held, Math.min(endMs - nowMs, nextMs), signal)
    }
  }

  async #news (held: Held, forMs: number, signal: AbortSignal | undefined): Promise<void> {
    await new Promise<void>((resolve) => {
      const wake = (): void => {
        cancel()
        held.waiting.delete(wake)
        signal?.removeEventListener('abort', wake)
        resolve()
      }
      const cancel = this.#init.clock.after(forMs, wake)
      held.waiting.add(wake)
      signal?.addEventListener('abort', wake, { once: true })
    })
  }
}
