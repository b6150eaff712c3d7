/** No read, by lease or by asking a majority, is older than the latest write that was acknowledged before it began (Ongaro's thesis, section 6.4). */
import type { Region } from '../../../../protocols/ids.ts'
import type { SettingRequest } from '../../workload/setting-request.ts'
import type { EdgeChecker, Sight } from '../edge-checker.ts'

export function readsCurrent ({ fail }: Sight): EdgeChecker {
  const name = 'reads-current'
  /** Place of the latest write that was acknowledged. */
  const latest = new Map<Region, number>()
  const atLeast = new Map<SettingRequest, number>()
  return {
    name,
    onSettingAsked: (request) => { if (request.kind === 'read') atLeast.set(request, latest.get(request.region) ?? 0) },
    onSettingAnswered: (request) => {
      const { region, edge, key, kind, lease, outcome, index } = request
      const least = atLeast.get(request)
      atLeast.delete(request)
      if (outcome !== 'done') return
      if (kind !== 'read') latest.set(region, Math.max(latest.get(region) ?? 0, index))
      else if (index < least!) fail(name, `edge ${edge} of ${region} reads ${key}${lease ? ' by lease' : ''} as of place ${index}; a write at ${least} was acknowledged before`)
    }
  }
}
