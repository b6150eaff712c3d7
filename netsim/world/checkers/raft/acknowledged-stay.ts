/**
 * No write that was acknowledged is lost: its entry is the one that is applied at its place, and when all has been well for a while each
 * group has one leader, and each of its members has applied all.
 */
import { decodeCommand } from '../../../../protocols/raft/commands.ts'
import type { Entry } from '../../../../protocols/raft/messages.ts'
import type { SetCommand } from '../../edge/settings-register.ts'
import type { SettingRequest } from '../../workload/setting-request.ts'
import type { EdgeChecker, Sight } from '../edge-checker.ts'

export function acknowledgedStay ({ edges, fail }: Sight): EdgeChecker {
  const name = 'acknowledged-stay'
  const applied = edges.map(() => new Map<number, Entry>())
  const acknowledged: SettingRequest[] = []
  return {
    name,
    onRaftApplied: (edge, entry) => { applied[edge]!.set(entry.index, entry) },
    onSettingAnswered: (request) => { if (request.outcome === 'done' && request.kind !== 'read') acknowledged.push(request) },
    onEnd: () => {
      for (const [group, fellows] of Map.groupBy(edges, (edge) => edge.agreement!.group)) {
        const cores = fellows.map((edge) => edge.agreement!.core).filter((core) => core !== undefined)
        const leader = cores.filter(({ role }) => role === 'leader').sort((one, other) => other.term - one.term)[0]
        if (leader === undefined) return fail(name, `the ${group} has no leader, and nothing is broken any more`)
        const { voters, learners } = leader.status().configuration
        for (const { peer, agreement } of fellows) {
          const { core } = agreement!
          if (![...voters, ...learners].includes(peer)) continue
          if (core?.applied !== leader.commit || core.leader !== leader.leader) fail(name, `${peer} has applied ${core?.applied} of ${leader.commit} places and follows ${core?.leader}; ${leader.leader} leads the ${group}`)
        }
        for (const { region, edge, value, index } of acknowledged) {
          if (edges[edge]!.agreement!.group !== group) continue
          const entry = fellows.map(({ index: fellow }) => applied[fellow]!.get(index)).find((each) => each !== undefined)
          const found = entry === undefined ? undefined : (JSON.parse(Buffer.from(decodeCommand(entry.data).command).toString()) as SetCommand).value
          if (index > leader.commit || found !== value) fail(name, `${value} was acknowledged in ${region} at place ${index}, where ${found ?? 'nothing'} stands`)
        }
      }
    }
  }
}
