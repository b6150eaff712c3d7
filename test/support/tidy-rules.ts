/**
 * The rules of the repository, each a function from sources to findings, so that each can be tried on
 * a bad example as well as on the sources themselves. Which rule and why: the design's layout.
 */
import { posix } from 'node:path'
import { type Finding, importsOf, lineAt, type Source, viewsOf } from './source-text.ts'

export type Rule = (sources: readonly Source[]) => Finding[]

/** Each layer may import itself and what stands before it. */
const layers = ['protocols', 'daemon', 'netsim', 'bin', 'test']

const layerOf = (path: string): string => path.split('/')[0] ?? ''

const isProgram = ({ path }: Source): boolean => layers.includes(layerOf(path)) && layerOf(path) !== 'test'

export const importsGoOneWay: Rule = (sources) => overImports(sources, (source, specifier) => {
  if (!specifier.startsWith('.')) return undefined
  const target = layerOf(posix.join(posix.dirname(source.path), specifier))
  const from = layers.indexOf(layerOf(source.path))
  const to = layers.indexOf(target)
  return from !== -1 && to > from ? `imports ${specifier}: ${layers[from]} may not know ${target}` : undefined
})

/** Of libp2p's packages, those that hold types, helpers and identities: no transport, no service. */
const libp2pForAll = ['@libp2p/interface', '@libp2p/utils', '@libp2p/crypto', '@libp2p/peer-id']

export const libp2pStandsInNode: Rule = (sources) => overImports(sources.filter(isProgram), ({ path }, specifier) => {
  const name = specifier.split('/').slice(0, specifier.startsWith('@') ? 2 : 1).join('/')
  const concrete = name === 'libp2p' || /^@(libp2p|chainsafe)\//.test(name)
  if (!concrete || libp2pForAll.includes(name) || path === 'daemon/node.ts') return undefined
  return `imports ${name}, which only daemon/node.ts may name`
})

/** The machine's clock, and the simulator's. */
const clocks = ['daemon/clock.ts', 'netsim/clock.ts']
const clockReads = /(?<![\w.])(?:globalThis\s*\.\s*)?(?:Date\s*\.\s*now|performance\s*\.\s*(?:now|timeOrigin)|Math\s*\.\s*random|set(?:Timeout|Interval)|AbortSignal\s*\.\s*timeout|process\s*\.\s*hrtime|new\s+Date(?!\w)(?!\s*\(\s*[^\s)]))(?![\w])/g

export const clockIsAParameter: Rule = (sources) => {
  const judged = sources.filter((source) => isProgram(source) && !clocks.includes(source.path))
  const timers = overImports(judged, (_source, specifier) =>
    /^(node:)?timers(\/promises)?$/.test(specifier) ? `imports ${specifier}: take a Clock` : undefined)
  return [...overCode(judged, clockReads, (found) => `uses ${found}: take a Clock`), ...timers]
}

export const protocolsAreStrangers: Rule = (sources) => overImports(sources, ({ path }, specifier) => {
  if (layerOf(path) !== 'protocols' || !specifier.startsWith('.')) return undefined
  const folder = posix.dirname(path)
  const target = posix.join(folder, specifier)
  return posix.basename(target) === 'service.ts' && posix.dirname(target) !== folder
    ? `imports ${specifier}: no protocol knows another's service`
    : undefined
})

const linesMax = 400

export const filesAreShort: Rule = (sources) => sources.flatMap(({ path, text }) => {
  const lines = text.trimEnd().split('\n').length
  return lines > linesMax ? [{ path, line: linesMax + 1, what: `has ${lines} lines, more than ${linesMax}` }] : []
})

export const filesIntroduceThemselves: Rule = (sources) => sources
  .filter((source) => isProgram(source) && !/^(#!.*\n)?\/\*\*/.test(source.text))
  .map(({ path }) => ({ path, line: 1, what: 'does not open with a doc comment that says what it is' }))

export const everyTestRuns: Rule = (sources) => overCode(
  sources.filter(({ path }) => layerOf(path) === 'test'),
  /(?<![\w.])(?:it|test|describe|suite|bench)(?:\.\w+)*\.(?:skip|only|todo)\b|(?<![\w.])x(?:it|describe)\b/g,
  (found) => `has ${found}: a test runs or is not there`
)

const kebab = /^[a-z0-9]+(-[a-z0-9]+)*$/

/** Paths of all kinds of files; a name's endings (`.test.ts`) and upper-case documents are no part of the rule. */
export const namesAreKebabCase: Rule = (sources) => sources.flatMap(({ path }) => {
  const parts = path.split('/')
  const file = parts.pop() ?? ''
  const words = [...parts.filter((part) => !part.startsWith('.')), ...(/\.[cm]?[jt]s$/.test(file) ? [file.split('.')[0]!] : [])]
  const bad = words.find((word) => !kebab.test(word))
  return bad === undefined ? [] : [{ path, line: 1, what: `is named ${bad}: names are kebab-case` }]
})

/** Where the machines that build this keep their own things; spelled so that this file does not name it. */
const beside = ['..', 'shared'].join('/')

export const nothingBesideTheCheckout: Rule = (sources) => sources.flatMap(({ path, text }) => {
  const index = text.indexOf(beside)
  return path !== '.ci/run' && index !== -1
    ? [{ path, line: lineAt(text, index), what: `names ${beside}, which only .ci/run may` }]
    : []
})

/** libp2p's packages break in minors, so package.json names each of them exactly. */
export const libp2pIsPinned: Rule = (sources) => sources.filter(({ path }) => path === 'package.json').flatMap(({ path, text }) => {
  const { dependencies = {}, devDependencies = {} } = JSON.parse(text) as Record<string, Record<string, string> | undefined>
  return Object.entries({ ...dependencies, ...devDependencies })
    .filter(([name, range]) => /^(libp2p$|@libp2p\/|@chainsafe\/)/.test(name) && !/^(npm:@libp2p\/[a-z-]+@)?\d+\.\d+\.\d+$/.test(range))
    .map(([name, range]) => ({ path, line: lineAt(text, text.indexOf(`"${name}"`)), what: `asks for ${name} ${range}: libp2p's packages are named by exact version` }))
})

const topLevel = [
  '.ci', '.gitignore', '.npmrc', 'CHANGELOG.md', 'LICENSE', 'README.md', 'bin', 'daemon', 'netsim', 'package-lock.json',
  'package.json', 'protocols', 'test', 'tsconfig.json'
]

export const topLevelIsFixed: Rule = (sources) => sources
  .filter(({ path }) => !topLevel.includes(layerOf(path)))
  .map(({ path }) => ({ path, line: 1, what: `is not of the fixed top level (${topLevel.join(' ')})` }))

function overImports (sources: readonly Source[], judge: (source: Source, specifier: string) => string | undefined): Finding[] {
  return sources.filter(isCode).flatMap((source) => importsOf(source).flatMap(({ specifier, line }) => {
    const what = judge(source, specifier)
    return what === undefined ? [] : [{ path: source.path, line, what }]
  }))
}

function overCode (sources: readonly Source[], pattern: RegExp, tell: (found: string) => string): Finding[] {
  return sources.filter(isCode).flatMap(({ path, text }) =>
    [...viewsOf(text).code.matchAll(pattern)].map((match) => ({ path, line: lineAt(text, match.index), what: tell(match[0]) })))
}

export function isCode ({ path }: Source): boolean {
  return /\.[cm]?[jt]s$/.test(path)
}
