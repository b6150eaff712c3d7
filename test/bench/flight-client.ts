/**
 * A crowd of clients in a process of its own: takes its orders from `flight.ts`, asks for all at once
 * when told to, hashes each body as it comes and holds none.
 */
import { Agent } from 'node:http'
import { read, type Read } from './client.ts'

export interface CrowdOrder {
  /** One request for each, all at once. */
  readonly urls: readonly string[]
}

export type CrowdReport = { readonly kind: 'ready' } | { readonly kind: 'done', readonly reads: readonly Read[] }

function report (message: CrowdReport): void {
  process.send?.(message)
}

process.on('message', (order: CrowdOrder) => {
  // A connection each, as from so many machines.
  const agent = new Agent({ keepAlive: false, maxSockets: Infinity })
  void Promise.all(order.urls.map(async (url) => await read(url, { agent, hash: true })))
    .then((reads) => { report({ kind: 'done', reads }) })
})
process.on('disconnect', () => { process.exit(0) })
report({ kind: 'ready' })
