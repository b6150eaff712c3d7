/**
 * What was synced survives a crash: a start finds every write that a finished sync covers, and of the later ones some. Nothing
 * else: no write comes back that a durable one had replaced.
 */
import type { Copy } from '../edge/copies.ts'
import type { EdgeChecker, Sight } from './edge-checker.ts'

interface Writes {
  /** What is promised; undefined: deleted. */
  readonly durable: Map<number, Copy | undefined>
  /** Not promised yet, in their order. */
  tail: Array<readonly [object: number, copy: Copy | undefined]>
  /** For each sync under way, how much of the tail it covers. */
  syncs: number[]
}

export function durableWrites ({ edges, fail }: Sight): EdgeChecker {
  const name = 'durable-writes'
  const all: Writes[] = edges.map(() => ({ durable: new Map(), tail: [], syncs: [] }))
  return {
    name,
    onWritten: (edge, object, copy) => { all[edge]!.tail.push([object, copy]) },
    onSync: (edge, phase) => {
      const writes = all[edge]!
      if (phase === 'begins') {
        writes.syncs.push(writes.tail.length)
        return
      }
      const covered = writes.syncs.shift() ?? 0
      for (const [object, copy] of writes.tail.splice(0, covered)) writes.durable.set(object, copy)
      writes.syncs = writes.syncs.map((length) => length - covered)
    },
    onRestored: (edge, disk) => {
      const writes = all[edge]!
      const later = new Map<number, Array<Copy | undefined>>()
      for (const [object, copy] of writes.tail) later.set(object, [...later.get(object) ?? [], copy])
      for (const object of new Set([...writes.durable.keys(), ...later.keys()])) {
        const found = disk.get(object)
        if (found === writes.durable.get(object) || later.get(object)?.includes(found) === true) continue
        fail(name, `${edges[edge]!.peer} started ${found === undefined ? 'without' : `with version ${found.version} of`} object ${object}, which it had synced as ${writes.durable.get(object)?.version ?? 'deleted'}`)
      }
      writes.durable.clear()
      for (const [object, copy] of disk.entries()) writes.durable.set(object as number, copy)
      writes.tail = []
      writes.syncs = []
    }
  }
}
