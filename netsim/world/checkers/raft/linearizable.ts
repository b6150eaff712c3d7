/**
 * What clients set and read of a region's settings could have happened one after the other (Herlihy and Wing 1990); looked at when
 * the run is over, name by name, as a history is linearisable where that of each object is (theorem 1 there). Of a write without an
 * outcome it is enough to look at what was seen of it: one that nobody saw may as well never have been done.
 */
import { nothing } from '../../edge/settings-register.ts'
import { unexplained, type Model, type Operation } from '../../../linearizability.ts'
import type { SettingRequest } from '../../workload/setting-request.ts'
import type { EdgeChecker, Sight } from '../edge-checker.ts'

/** A request as an operation on one value. */
export interface SettingOperation extends Operation, Pick<SettingRequest, 'kind' | 'expected' | 'value' | 'seen'> {}

export const settingModel: Model<string, SettingOperation> = {
  initial: nothing,
  step: (state, { kind, expected, value, seen }) => {
    if (seen !== undefined && seen !== state) return undefined
    return kind === 'set' || (kind === 'swap' && expected === state) ? value : state
  }
}

/** Those that say something, of one name. A write that was seen was done before whoever saw it had its answer. */
export function operationsOf (requests: readonly SettingRequest[]): SettingOperation[] {
  const firstSeenAt = new Map<string, number>()
  for (const { seen, answeredAt } of requests) {
    if (seen !== undefined && !(answeredAt >= (firstSeenAt.get(seen) ?? Infinity))) firstSeenAt.set(seen, answeredAt)
  }
  return requests.flatMap((request) => {
    const { kind, expected, value, seen, askedAt: invokedAt, outcome } = request
    const operation = { kind, expected, value, seen, invokedAt }
    if (outcome === 'done') return [{ ...operation, returnedAt: request.answeredAt }]
    const seenAt = firstSeenAt.get(value)
    // Half a step later: whoever saw it may have been the first to be explained.
    return kind === 'read' || outcome === 'failed' || seenAt === undefined ? [] : [{ ...operation, returnedAt: seenAt + 0.5 }]
  })
}

export function linearizable ({ fail }: Sight): EdgeChecker {
  const name = 'linearizable'
  const requests: SettingRequest[] = []
  return {
    name,
    onSettingAsked: (request) => { requests.push(request) },
    onEnd: () => {
      for (const [, history] of Map.groupBy(requests, ({ region, key }) => `${region} ${key}`)) {
        const wrong = unexplained(settingModel, operationsOf(history))
        if (wrong === undefined) continue
        const { region, edge, key, kind, lease, seen, outcome } = history.find(({ askedAt }) => askedAt === wrong.invokedAt)!
        fail(name, `no order of what clients of ${region} did explains request ${wrong.invokedAt}: at edge ${edge} a ${kind}${lease && kind === 'read' ? ' by lease' : ''} of ${key} that saw ${JSON.stringify(seen)} (${outcome})`)
      }
    }
  }
}
