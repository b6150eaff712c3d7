/** No server finds that an honest one contradicts it (`Verdict` of protocols/raft/ready.ts): a second leader of a term, or other entries where committed ones stand. */
import type { EdgeChecker, Sight } from '../edge-checker.ts'

export function noContradiction ({ fail }: Sight): EdgeChecker {
  const name = 'no-contradiction'
  return {
    name,
    onRaftHeard: (_edge, { kind, from, to, term }, verdict) => {
      if (verdict === 'contradiction' || verdict === 'term-too-far') fail(name, `${to} refuses the ${kind} of ${from} in term ${term}: ${verdict}`)
    }
  }
}
