/**
 * The two Raft groups of an edge, its region's and the global one, over one disk: made together, as they differ only in their
 * reach, and started and stopped together. An edge serves without its logs, too: its groups say what is wrong with them.
 */
import { join } from 'node:path'
import type { Databases } from '../database.ts'
import type { Log } from '../log.ts'
import { RaftDisk } from '../raft/disk.ts'
import type { Founding } from '../state.ts'
import { createAgreement, type Agreement, type AgreementInit } from './agreement.ts'
import { globalReach, regionReach } from './reach.ts'
import type { Region } from '../../protocols/ids.ts'

export interface GroupsInit extends Pick<AgreementInit, 'clock' | 'raft' | 'membership' | 'joins' | 'settings'> {
  readonly region: Region
  readonly dataDir: string
  readonly databases: Databases | undefined
  readonly founding: Readonly<Record<'region' | 'global', Founding>>
  readonly log: Log
  readonly raftSettings: Readonly<Record<'regional' | 'global', AgreementInit['raftSettings']>>
  readonly machines: Readonly<Record<'regional' | 'global', AgreementInit['machine']>>
  /** Whether this edge knows of a global group. */
  readonly knowsGlobal: () => boolean
}

export interface Groups {
  readonly regional: Agreement
  readonly global: Agreement
  start: () => Promise<void>
  stop: () => Promise<void>
}

export function createGroups ({ region, dataDir, databases, founding, log, raftSettings, machines, knowsGlobal, ...shared }: GroupsInit): Groups {
  const folder = join(dataDir, 'raft')
  const disk = new RaftDisk({ folder, databases, logger: log.scope('raft') })
  const common = { ...shared, disk, logger: log.scope('agreement') }
  const regional = createAgreement({
    ...common,
    reach: regionReach(region),
    state: founding.region,
    raftSettings: raftSettings.regional,
    dissolvedFolder: join(folder, 'dissolved'),
    machine: machines.regional
  })
  const global = createAgreement({
    ...common,
    reach: globalReach,
    state: founding.global,
    raftSettings: raftSettings.global,
    dissolvedFolder: join(folder, 'dissolved-global'),
    machine: machines.global,
    isKnown: knowsGlobal
  })
  return {
    regional, global,
    start: async () => {
      await disk.open().catch(() => {})
      for (const each of [regional, global]) await each.start()
    },
    stop: async () => {
      await Promise.all([regional, global].map(async (each) => { await each.stop() }))
      await disk.close()
    }
  }
}
