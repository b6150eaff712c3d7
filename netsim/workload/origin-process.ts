/**
 * The origin of a workload as a process of its own. Prints `ready http=URL`; ends when its standard input
 * does, as its parent then is gone. By hand, for edges on other machines:
 *
 *     node netsim/workload/origin-process.ts --seed 7 --workload objects=100000,size=16KiB --host 0.0.0.0 --port 8000
 */
import { parseArgs } from 'node:util'
import { systemClock } from '../../daemon/clock.ts'
import { Origin } from './origin.ts'
import { parseShape } from './shape.ts'

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' },
    /** Objects and sizes of it count here. */
    workload: { type: 'string', default: '' },
    /** The same as JSON, as one program tells another. */
    shape: { type: 'string' },
    host: { type: 'string' },
    port: { type: 'string', default: '0' },
    'cache-control': { type: 'string' }
  }
})

for (const event of ['end', 'close', 'error']) process.stdin.once(event, () => { process.exit(0) })
process.stdin.resume()

const origin = new Origin({
  seed: values.seed,
  shape: values.shape === undefined ? parseShape(values.workload) : JSON.parse(values.shape),
  clock: systemClock,
  port: Number(values.port),
  ...(values.host === undefined ? {} : { host: values.host }),
  ...(values['cache-control'] === undefined ? {} : { cacheControl: values['cache-control'] })
})
process.stdout.write(`ready http=${await origin.listen()}\n`)
