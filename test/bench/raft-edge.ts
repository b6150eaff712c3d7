/**
 * One edge of `raft.ts` in a process of its own: Raft on real streams and a real disk behind the HTTP front that the admin listener
 * has. It is told by its parent who the others are, and ends with it.
 *
 *     POST /propose?key=K   JSON { value: base64 }, answered once it is committed and applied here
 *     GET  /status
 */
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { privateKeyFromProtobuf, privateKeyToProtobuf } from '@libp2p/crypto/keys'
import type { Ed25519PrivateKey } from '@libp2p/interface'
import { createAdminHandler } from '../../daemon/admin/routes.ts'
import { jsonResponse } from '../../daemon/admin/route.ts'
import { systemClock } from '../../daemon/clock.ts'
import { HttpServer, httpServerDefaults, httpUrl } from '../../daemon/http/server.ts'
import { problem } from '../../daemon/http/problem.ts'
import { codeOf, messageOf } from '../../protocols/errors.ts'
import { Links } from '../../netsim/links/links.ts'
import { startRaftNode, Tally } from '../support/raft-node.ts'

export interface RaftEdgeOrder {
  readonly folder: string
  /** Of an earlier life. */
  readonly listen?: string
  /** Loopback address of its own, so that links know who is at their ends. */
  readonly host: string
  /** What a message needs to each other edge, ms. */
  readonly delayMs: number
}

export interface RaftEdgeReady { readonly peer: string, readonly address: string, readonly http: string }

export interface RaftEdgeNews {
  readonly members: readonly string[]
  readonly addresses: readonly string[]
  /** To found the group with all members as voters. */
  readonly group?: string
}

export interface RaftEdgeStatus {
  readonly leader: string | undefined
  readonly leads: boolean
  readonly term: number
  readonly applied: number
  readonly count: number
}

const order = JSON.parse(process.argv[2] ?? '{}') as RaftEdgeOrder
const keyFile = join(order.folder, 'key')
const key = await readFile(keyFile).then((bytes) => privateKeyFromProtobuf(bytes) as Ed25519PrivateKey, () => undefined)
let members: readonly string[] = []

const links = new Links({ clock: systemClock, delayMs: () => order.delayMs })
const node = await startRaftNode({
  folder: join(order.folder, 'raft'),
  machine: new Tally(),
  members: () => members,
  listen: order.listen ?? `/ip4/${order.host}/tcp/0`,
  ...(order.delayMs > 0 && { transport: links.transport(order.host) }),
  ...(key !== undefined && { key })
})
await writeFile(keyFile, privateKeyToProtobuf(node.key))

const handler = createAdminHandler([
  {
    method: 'POST',
    path: '/propose',
    run: async ({ request, query }) => {
      const chunks: Uint8Array[] = []
      for await (const chunk of request.body ?? []) chunks.push(chunk)
      const { value } = JSON.parse(Buffer.concat(chunks).toString()) as { value: string }
      try {
        const idempotency = query.get('key')
        const { index, term } = await node.group.propose(Buffer.from(value, 'base64'), { ...(idempotency !== null && { idempotency }) })
        return jsonResponse(200, { index, term })
      } catch (error) {
        return problem(503, undefined, `${codeOf(error) ?? ''} ${messageOf(error)}`)
      }
    }
  },
  {
    method: 'GET',
    path: '/status',
    run: () => {
      const { raft } = node.group.status()
      const status: RaftEdgeStatus = { leader: node.group.leader, leads: node.group.leads() !== undefined, term: raft?.term ?? 0, applied: raft?.applied ?? 0, count: node.machine.count }
      return jsonResponse(200, status)
    }
  }
])
const complain = (_fields: object, message: string): void => { process.stderr.write(`${message}\n`) }
const front = new HttpServer({ host: '127.0.0.1', port: 0, settings: httpServerDefaults, clock: systemClock, handler, logger: { warn: complain, error: complain } })
const http = httpUrl(await front.start())

process.on('message', (news: RaftEdgeNews) => {
  members = news.members
  void (async () => {
    for (const address of news.addresses) if (address !== node.address) await node.meet(address)
    if (news.group !== undefined && node.group.status().standing === 'empty') await node.group.found(news.group, { voters: [...members], learners: [] })
  })()
})
process.on('disconnect', () => { process.exit(0) })
process.send?.({ peer: node.peer, address: node.address, http } satisfies RaftEdgeReady)
