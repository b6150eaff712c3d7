/**
 * When an edge can be dialled. libp2p listens while its parts start, and an edge that announces itself before has no address to tell:
 * whoever hears of it takes it for one that does not answer, and its second announcement costs the colony as much as its first.
 */
import type { MembershipComponents } from './ports.ts'

/** Resolves once the node listens; at once where it listens already, or nowhere. */
export async function listening ({ addressManager, events }: Pick<MembershipComponents, 'addressManager' | 'events'>): Promise<void> {
  if (addressManager.getListenAddrs().length === 0 || addressManager.getAddresses().length > 0) return
  await new Promise<void>((resolve) => { events.addEventListener('transport:listening', () => { resolve() }, { once: true }) })
}
