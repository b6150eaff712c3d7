#!/usr/bin/env node
/**
 * The operator's program: asks one edge of a colony, through its admin listener, and prints the answer
 * for people or, with --json, for scripts. Each command is a file under colony-commands/.
 */
import { adminFlags } from './admin.ts'
import { config } from './colony-commands/config.ts'
import { deleteContent } from './colony-commands/delete.ts'
import { explain } from './colony-commands/explain.ts'
import { get } from './colony-commands/get.ts'
import { list } from './colony-commands/list.ts'
import { peers } from './colony-commands/peers.ts'
import { purge } from './colony-commands/purge.ts'
import { put } from './colony-commands/put.ts'
import { status } from './colony-commands/status.ts'
import { top } from './colony-commands/top.ts'
import { warm } from './colony-commands/warm.ts'
import { runCommands } from './command.ts'

await runCommands({
  program: 'colony',
  summary: 'shows what a Colony does and holds, fills it beforehand, and publishes in it',
  flags: adminFlags,
  commands: [status, peers, top, explain, warm, purge, put, get, list, deleteContent, config]
}, process.argv.slice(2))
