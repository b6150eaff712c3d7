#!/usr/bin/env node
/** Colonies on one machine, to look at and to measure. Each command is a file under netsim-commands/. */
import { runCommands } from './command.ts'
import { analyse } from './netsim-commands/analyse.ts'
import { chaos } from './netsim-commands/chaos.ts'
import { demo } from './netsim-commands/demo.ts'
import { lab } from './netsim-commands/lab.ts'
import { layers } from './netsim-commands/layers.ts'
import { swarm } from './netsim-commands/swarm.ts'
import { world } from './netsim-commands/world.ts'

await runCommands({
  program: 'netsim',
  summary: 'runs Colonies of many edges on one machine, to look at and to measure',
  flags: [],
  commands: [demo, swarm, layers, chaos, analyse, world, lab]
}, process.argv.slice(2))
