#!/usr/bin/env node
/**
 * The operator's program: asks one edge of a colony, through its admin listener, and prints the answer
 * for people or, with --json, for scripts. Each command is a file under colony-commands/.
 */
import { adminFlags } from './admin.ts'
import { explain } from './colony-commands/explain.ts'
import { peers } from './colony-commands/peers.ts'
import { status } from './colony-commands/status.ts'
import { top } from './colony-commands/top.ts'
import { warm } from './colony-commands/warm.ts'
import { runCommands } from './command.ts'

await runCommands({
  program: 'colony',
  summary: 'asks an edge of a Colony what it does and whom it knows',
  flags: adminFlags,
  commands: [status, peers, explain, top, warm]
}, process.argv.slice(2))
