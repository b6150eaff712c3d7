/**
 * The edge's log: JSON lines on standard error, one stream for Colony's parts and for libp2p's
 * components. Ours say `scope: 'fetch'`; libp2p's keep their name (`libp2p:tcp`) and stay at debug,
 * errors too, as it reports ordinary events that way ("closed after reading 0/1 bytes").
 */
import type { ComponentLogger, Logger as ComponentLog } from '@libp2p/interface'
import { destination as openDestination, type DestinationStream, type Logger as PinoLogger, pino, stdTimeFunctions } from 'pino'
import { ColonyError } from '../protocols/errors.ts'
import type { LogLevel } from './config.ts'
import { formatLine } from './log-format.ts'

/** One part's log. `fields` are facts with names (key, peer, phase, traceId); `message` is the same text each time. */
export interface Logger {
  debug: (fields: object, message: string) => void
  info: (fields: object, message: string) => void
  warn: (fields: object, message: string) => void
  error: (fields: object, message: string) => void
}

export interface Log {
  scope: (part: string) => Logger
  /** For libp2p and for the protocols, whose components are named `colony:<part>`. */
  readonly components: ComponentLogger
}

export interface LogInit {
  readonly level: LogLevel
  /** The edge's name, in every line. */
  readonly name: string
  /** Takes each line, newline included. Default: standard error. */
  readonly destination?: DestinationStream
}

export function createLog (init: LogInit): Log {
  // Written at once: a daemon's last line is the one that says why it ended.
  const destination = init.destination ?? openDestination({ dest: 2, sync: true })
  const root = pino({
    level: init.level,
    base: { name: init.name },
    timestamp: stdTimeFunctions.isoTime,
    formatters: { level: (level) => ({ level }) },
    serializers: { error: describeError }
  }, destination)
  return {
    scope: (part) => scopeLogger(root.child({ scope: part })),
    components: { forComponent: (component) => componentLog(root, component) }
  }
}

function scopeLogger (child: PinoLogger): Logger {
  return {
    debug: (fields, message) => { child.debug(fields, message) },
    info: (fields, message) => { child.info(fields, message) },
    warn: (fields, message) => { child.warn(fields, message) },
    error: (fields, message) => { child.error(fields, message) }
  }
}

const ownPrefix = 'colony:'

function componentLog (root: PinoLogger, component: string): ComponentLog {
  const own = component.startsWith(ownPrefix)
  const child = root.child({ scope: own ? component.slice(ownPrefix.length) : component })
  // Formatting costs more than the line; libp2p logs many times a message, so ask for the level first.
  const at = (level: 'debug' | 'info' | 'warn' | 'trace') => (template: unknown, ...values: unknown[]): void => {
    if (child.isLevelEnabled(level)) child[level](formatLine(template, values))
  }
  const plain = own ? 'info' : 'debug'
  return Object.assign(at(plain), {
    error: at(own ? 'warn' : 'debug'),
    trace: at('trace'),
    enabled: child.isLevelEnabled(plain),
    newScope: (name: string) => componentLog(root, `${component}:${name}`)
  })
}

/** A failure that Colony foresaw is told by its code and message; any other needs its stack. */
function describeError (error: unknown): unknown {
  if (!(error instanceof Error)) return error
  const { name, message, stack, cause } = error
  const code = (error as { code?: unknown }).code
  return {
    name,
    message,
    ...(code === undefined ? {} : { code }),
    ...(error instanceof ColonyError ? {} : { stack }),
    ...(cause === undefined ? {} : { cause: cause instanceof Error ? cause.message : cause })
  }
}
