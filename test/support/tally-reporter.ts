/**
 * Prints `N passed, N failed` as the run's last line, for people and for CI. A test file that could
 * not even be imported counts as a failure: it holds tests that did not run.
 */
import type { Reporter, TestModule } from 'vitest/node'

export default class TallyReporter implements Reporter {
  onTestRunEnd (modules: readonly TestModule[]): void {
    let passed = 0
    let failed = 0
    for (const module of modules) {
      let ran = 0
      const failedBefore = failed
      for (const test of module.children.allTests()) {
        ran++
        const { state } = test.result()
        if (state === 'passed') passed++
        if (state === 'failed' || state === 'pending') failed++
      }
      // A hook that threw, or a file that could not be read, is no test's failure and must still count.
      if (ran === 0 || (!module.ok() && failed === failedBefore)) failed++
    }
    process.on('exit', () => { console.log(`${passed} passed, ${failed} failed`) })
  }
}
