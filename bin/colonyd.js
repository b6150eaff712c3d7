#!/usr/bin/env node
/** Launcher of colonyd: checks the version of Node, then loads the program. */
import { launch } from './node-version.js'

launch('colonyd')
