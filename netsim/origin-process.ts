/**
 * The demo origin as a process of its own, so that what it costs is not taken from the edges' or the
 * demo's own turn. Prints `ready http=URL`; ends when its standard input does, as its parent then is gone.
 */
import { startOrigin } from './demo-origin.ts'

for (const event of ['end', 'close', 'error']) process.stdin.once(event, () => { process.exit(0) })
process.stdin.resume()

const { url } = await startOrigin()
process.stdout.write(`ready http=${url}\n`)
