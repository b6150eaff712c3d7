#!/usr/bin/env node
/**
 * The operator's program: asks one edge of a colony, through its admin listener, and prints the answer
 * for people or, with --json, for scripts. Each command is a file under colony-commands/.
 */
import { adminFlags } from './admin.ts'
import { peers } from './colony-commands/peers.ts'
import { status } from './colony-commands/status.ts'
import { runCommands } from './command.ts'

await runCommands({
  program: 'colony',
  summary: 'asks an edge of a Colony what it does and whom it knows',
  flags: adminFlags,
  commands: [status, peers]
}, process.argv.slice(2))
