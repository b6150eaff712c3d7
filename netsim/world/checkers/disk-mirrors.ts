/** An edge's disk has just what its store has: nothing that was evicted stays there, and nothing is kept in memory alone. */
import type { Disk } from '../disk.ts'
import type { Copy } from '../edge/copies.ts'
import type { EdgeChecker, Sight } from './edge-checker.ts'

/** One edge's disk is gone through so often. */
const secondsPerLook = 10
/** Stores larger than this are left out. */
const objectsMax = 10_000

export function diskMirrors ({ edges, fail }: Sight): EdgeChecker {
  const name = 'disk-mirrors'
  const disks: Array<Disk<Copy> | undefined> = edges.map(() => undefined)
  let looks = 0
  return {
    name,
    onRestored: (edge, disk) => { disks[edge] = disk },
    onLook: () => {
      if (++looks % secondsPerLook !== 0) return
      const { index, peer, up, cache: { copies } } = edges[looks / secondsPerLook % edges.length]!
      const disk = disks[index]
      if (!up || disk === undefined || copies.size > objectsMax) return
      for (const object of copies.objects()) if (!disk.has(object)) fail(name, `${peer} has object ${object} in its store and not on its disk`)
      if (disk.size === copies.size) return
      const extra = [...disk.keys()].find((object) => copies.find(object as number) === -1)
      fail(name, `${peer} has ${disk.size} objects on its disk and ${copies.size} in its store; object ${extra} is on the disk only`)
    }
  }
}
