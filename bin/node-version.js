/**
 * What every launcher does first: check the Node that runs it, then load the program. Plain
 * JavaScript that old versions can parse, as a person whose Node is too old must get a sentence, not
 * a syntax error. In a clone the program is the TypeScript beside the launcher, which Node runs as it
 * is; in an installed package it is the JavaScript in `dist`, as Node strips no types under
 * node_modules.
 */
// Not 'node:fs', which the oldest versions do not know.
import { existsSync } from 'fs'
import module from 'module'
import { fileURLToPath } from 'url'

/** libp2p 3 needs Promise.withResolvers (22), type stripping without a flag came in 23.6: the next even one. */
export const nodeMajorMin = 24

/**
 * @param {string} program
 * @param {string} version as in `process.versions.node`
 * @param {string} executable path of the Node that runs
 * @returns {string | undefined} the sentence for a person whose Node is too old
 */
export function complaint (program, version, executable) {
  if (Number(version.split('.')[0]) >= nodeMajorMin) return undefined
  return program + ' needs Node ' + nodeMajorMin + ' or later; this is ' + version + ' (' + executable + '): ' +
    'install one, or run it with npm start or npx in the clone'
}

/** @param {string} program name of the launcher and of the file that it loads */
export function launch (program) {
  const sentence = complaint(program, process.versions.node, process.execPath)
  if (sentence !== undefined) {
    process.stderr.write(sentence + '\n')
    process.exitCode = 1
    return
  }
  keepCompiled()
  const source = new URL('./' + program + '.ts', import.meta.url)
  const built = new URL('../dist/bin/' + program + '.js', import.meta.url)
  import((existsSync(source) ? source : built).href)
}

/**
 * Keeps compiled code beside the packages that it is of, where only their owner writes: the next start takes about half of the time.
 * Where nothing can be written it goes without. Programs that this one starts find it, too.
 *
 * @see https://nodejs.org/api/module.html#module-compile-cache
 */
function keepCompiled () {
  if (process.env.NODE_COMPILE_CACHE === undefined) process.env.NODE_COMPILE_CACHE = fileURLToPath(new URL('../node_modules/.cache/compiled', import.meta.url))
  module.enableCompileCache(process.env.NODE_COMPILE_CACHE)
}
