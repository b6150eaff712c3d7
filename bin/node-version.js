/**
 * What every launcher does first: check the Node that runs it, then load the program. Plain
 * JavaScript that old versions can parse, as a person whose Node is too old must get a sentence, not
 * a syntax error. In a clone the program is the TypeScript beside the launcher, which Node runs as it
 * is; in an installed package it is the JavaScript in `dist`, as Node strips no types under
 * node_modules.
 */
// Not 'node:fs', which the oldest versions do not know.
import { existsSync, statSync } from 'fs'
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
 * Keeps compiled code beside the packages that it is of: the next start takes a little over half of the time. Programs that this one starts
 * find it, too.
 *
 * @see https://nodejs.org/api/module.html#module-compile-cache
 */
function keepCompiled () {
  const folder = process.env.NODE_COMPILE_CACHE || compiledFolder(fileURLToPath(new URL('../node_modules', import.meta.url)))
  if (folder === undefined) return
  process.env.NODE_COMPILE_CACHE = folder
  module.enableCompileCache(folder)
}

/**
 * @param {string} modules the folder of the packages
 * @param {number | undefined} user who runs the program
 * @returns {string | undefined} where compiled code is kept; nowhere for anybody but the packages' owner, or a `sudo` would leave
 *   files there that the owner's next `npm ci` cannot remove
 */
export function compiledFolder (modules, user = process.getuid && process.getuid()) {
  try {
    return user === undefined || statSync(modules).uid === user ? modules + '/.cache/compiled' : undefined
  } catch {
    return undefined
  }
}
