/** The clients of a workload as a process of its own: calls and reports as in messages.ts, and `ready` when it can be called. */
import { systemClock } from '../../daemon/clock.ts'
import { answerCalls, tellParent } from '../calls.ts'
import { Client } from './client.ts'
import type { OriginCall, Progress, StartCall, UpdateCall } from './messages.ts'

let client: Client | undefined

answerCalls({
  start: (call: StartCall) => {
    client = new Client({ ...call, clock: systemClock, onProgress: (progress: Progress) => { tellParent(progress) } })
  },
  update: ({ targets }: UpdateCall) => { client?.update(targets) },
  origin: ({ down }: OriginCall) => { client?.origin(down) },
  stop: async () => await client?.stop()
})
process.stdout.write(`ready pid=${process.pid}\n`)
