#!/usr/bin/env node
/** Launcher of netsim: checks the version of Node, then loads the program. */
import { launch } from './node-version.js'

launch('netsim')
