#!/usr/bin/env node
/** Colonies on one machine, to look at and to measure. Each command is a file under netsim-commands/. */
import { runCommands } from './command.ts'
import { demo } from './netsim-commands/demo.ts'

await runCommands({
  program: 'netsim',
  summary: 'runs a Colony of many edges on one machine',
  flags: [],
  commands: [demo]
}, process.argv.slice(2))
