/** The bytes of a published body from a peer, by the fetch protocol's `have` for that very hash. */
import { PublishError, PublishFault } from '../../protocols/publish/errors.ts'
import type { Pull } from '../../protocols/publish/ports.ts'
import { blockBytesCeiling, Verb } from '../../protocols/fetch/messages.ts'
import type { Fetch } from '../../protocols/fetch/service.ts'

export function pullOver (fetch: Pick<Fetch, 'ask'>): Pull {
  return async function * (peer, { key, site, target, host, hash, length }, { signal, offset = 0 }) {
    const answer = await fetch.ask(peer, {
      verb: Verb.Have,
      key, site, target, host, offset,
      fields: [],
      path: [],
      silent: [],
      version: { hash, length },
      staleOk: true,
      headOnly: false,
      turnedAway: false,
      last: true,
      credit: 1_000,
      blockBytes: blockBytesCeiling,
      traceparent: ''
    }, { signal })
    if (answer.kind === 'silent') throw answer.error
    if (answer.kind !== 'hit') throw new PublishError(PublishFault.Bytes, `peer ${peer} does not have the bytes (${answer.kind})`)
    try {
      if (answer.head.hash !== hash) throw new PublishError(PublishFault.Bytes, `peer ${peer} offers other bytes than were asked for`)
      yield * answer.body
    } finally {
      answer.cancel()
    }
  }
}
