/**
 * Eviction decides as S3-FIFO does: some edges' stores are followed by a second implementation of it (edge/packed-fifo.ts,
 * which shares no line with the daemon's), and both evict the same objects, one by one.
 */
import { PackedFifo } from '../edge/packed-fifo.ts'
import type { EdgeChecker, Sight } from './edge-checker.ts'

/** Of so many edges one is followed: it costs as much again as the store itself. */
const edgesPerTwin = 6

export function evictionTwin ({ edges, settings: { model }, fail }: Sight): EdgeChecker {
  const name = 'eviction-twin'
  for (const { peer, cache: { copies } } of edges) {
    if (edges.findIndex((edge) => edge.peer === peer) % edgesPerTwin !== 0) continue
    const init = { bytesMax: copies.bytesMax, objectShareMax: model.objectShareMax }
    let twin = new PackedFifo(init)
    const agree = (object: number, left: readonly number[] | undefined, own: readonly number[] | undefined): void => {
      // Flat: object, slot.
      const wanted = own?.filter((_, at) => at % 2 === 0)
      if (left?.join() === wanted?.join() && copies.size === twin.size && copies.bytes === twin.bytes) return
      fail(name, `for object ${object} ${peer} evicts ${list(left)} and has ${copies.size} objects then; S3-FIFO evicts ${list(wanted)} and has ${twin.size}`)
    }
    const { put, restore, use, remove, clear } = copies
    copies.use = (object) => {
      twin.use(object)
      return use.call(copies, object)
    }
    copies.put = (object, copy) => {
      const left = put.call(copies, object, copy)
      const fits = twin.fits(copy.bytes)
      agree(object, left, fits ? twin.insert(object, copy.bytes, 0) : undefined)
      return left
    }
    copies.restore = (object, copy) => {
      const left = restore.call(copies, object, copy)
      agree(object, left, twin.fits(copy.bytes) ? twin.restore(object, copy.bytes, 0) : [object, 0])
      return left
    }
    copies.remove = (object) => {
      twin.remove(object)
      remove.call(copies, object)
    }
    copies.clear = () => {
      twin = new PackedFifo(init)
      clear.call(copies)
    }
  }
  return { name }
}

function list (objects: readonly number[] | undefined): string {
  if (objects === undefined) return 'nothing and does not store it'
  return objects.length === 0 ? 'nothing' : objects.join(', ')
}
