#!/usr/bin/env node
/**
 * The daemon's program: flags in, one `ready` line out, signals heard, exit code back. Codes: 0 after
 * a drain, 1 when it could not start, 2 for a bad flag or file, 70 for a fault of our own, 128 plus
 * the signal's number when told twice.
 */
import { constants } from 'node:os'
import { ConfigError, type EdgeConfig, loadConfig } from '../daemon/config.ts'
import { createLog } from '../daemon/log.ts'
import { ColonyError } from '../protocols/errors.ts'

function readConfig (): EdgeConfig {
  try {
    const read = loadConfig(process.argv.slice(2), process.env)
    if (read.kind === 'run') return read.config
    process.stdout.write(read.text)
    process.exit(0)
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    complain(error)
    process.exit(2)
  }
}

async function run (config: EdgeConfig): Promise<void> {
  const log = createLog({ level: config.logLevel, name: config.name })
  const logger = log.scope('process')
  const fault = (error: unknown): never => {
    logger.error({ error }, 'ended by a fault that nobody handled')
    process.exit(70)
  }
  // Rejections that nobody handled come here too: Node raises them as uncaught exceptions.
  process.on('uncaughtException', fault)

  let stopping = false
  let started: Promise<unknown> = Promise.resolve()
  let stopEdge = async (): Promise<void> => {}
  const stop = async (reason: string): Promise<void> => {
    if (stopping) return
    stopping = true
    logger.info({ reason }, 'stopping')
    await started.catch(() => {})
    await stopEdge()
    process.exit(0)
  }
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => {
      if (stopping) process.exit(128 + constants.signals[signal])
      void stop(signal)
    })
  }
  // A demo or a test that is killed cannot stop its edges, but the pipe to their standard input closes.
  if (process.env.COLONY_PARENT_WATCH === '1') {
    for (const event of ['end', 'close', 'error']) process.stdin.once(event, () => { void stop('the parent is gone') })
    process.stdin.resume()
  }

  try {
    // Loaded only now: a wrong flag or --help should not wait for all of libp2p.
    const { createEdge } = await import('../daemon/index.ts')
    const edge = await createEdge(config, { log })
    stopEdge = async () => { await edge.stop() }
    started = edge.start()
    await started
    if (stopping) return
    const { http, admin, peer, listen } = edge.ready
    process.stdout.write(`ready http=${http} admin=${admin} peer=${peer} listen=${listen}\n`)
  } catch (error) {
    if (!(error instanceof ColonyError)) return fault(error)
    complain(error)
    process.exit(1)
  }
}

function complain (error: Error): void {
  process.stderr.write(`colonyd: ${error.message}\n`)
}

await run(readConfig())
