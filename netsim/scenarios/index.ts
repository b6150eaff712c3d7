/** The scenarios by their names. A new one is a file here and a line below. */
import { agreement } from './agreement.ts'
import { churn } from './churn.ts'
import { flashCrowd } from './flash-crowd.ts'
import { minorityCut } from './minority-cut.ts'
import { random } from './random.ts'
import { regionLoss } from './region-loss.ts'
import { rollingRestart } from './rolling-restart.ts'
import { slowOrigin } from './slow-origin.ts'
import { splitAndHeal } from './split-and-heal.ts'
import { steady } from './steady.ts'
import { thunderingHerd } from './thundering-herd.ts'
import type { Scenario } from '../world/scenario.ts'

export const scenarios: readonly Scenario[] = [
  steady, flashCrowd, regionLoss, rollingRestart, splitAndHeal, churn, slowOrigin, thunderingHerd, random, agreement, minorityCut
]

export function scenarioOf (name: string): Scenario | undefined {
  return scenarios.find((scenario) => scenario.name === name)
}
