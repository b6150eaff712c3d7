/** All mutants. One that is not listed here is never looked for. */
import type { Mutant } from '../mutant.ts'
import { boundedLoadMutants } from './bounded-load.ts'
import { cacheMutants } from './cache.ts'
import { directoryMutants } from './directory.ts'
import { membershipMutants } from './membership.ts'
import { raftMutants } from './raft.ts'
import { ringMutants } from './ring.ts'
import { s3FifoMutants } from './s3-fifo.ts'

export const allMutants: readonly Mutant[] = [
  ...membershipMutants, ...ringMutants, ...boundedLoadMutants, ...directoryMutants, ...s3FifoMutants, ...cacheMutants, ...raftMutants
]
