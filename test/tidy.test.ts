/**
 * The design's rules, held by reading the sources. Each rule is tried on small examples first, as a
 * rule that finds nothing anywhere would pass for ever.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { join, relative, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { importsOf, type Source, viewsOf } from './support/source-text.ts'
import * as rules from './support/tidy-rules.ts'

const root = fileURLToPath(new URL('..', import.meta.url))

/** What .gitignore leaves out, and git's own folder. */
const ignored = /^(\.git|node_modules|dist|colony-data)$|\.(tgz|log)$/

function read (folder: string): Source[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name)
    if (ignored.test(entry.name)) return []
    if (entry.isDirectory()) return read(path)
    return [{ path: relative(root, path).split(sep).join('/'), text: readFileSync(path, 'utf8') }]
  })
}

const all = read(root)
const code = all.filter(rules.isCode)

const introduced = '/** Says what it is. */\n'

interface Example {
  readonly rule: rules.Rule
  readonly sources: readonly Source[]
  /** Sources that the rule must find at fault, and in which line. */
  readonly bad: ReadonlyArray<readonly [path: string, text: string, line: number]>
  /** Sources that look alike and must pass. */
  readonly good: ReadonlyArray<readonly [path: string, text: string]>
}

const libp2pPackage = (range: string): string => `{\n"dependencies": {\n"@libp2p/tcp": "${range}"\n}\n}`
const aliased = (range: string): string => `{\n"dependencies": {\n"@chainsafe/libp2p-gossipsub": "npm:@libp2p/gossipsub@${range}"\n}\n}`

const examples: Record<string, Example> = {
  'imports go one way: bin, netsim, daemon, protocols': {
    rule: rules.importsGoOneWay,
    sources: code,
    bad: [
      ['protocols/fetch/a.ts', '\nimport { b } from \'../../daemon/b.ts\'', 2],
      ['protocols/a.ts', 'import type {\n  b\n} from \'../test/support/b.ts\'', 3],
      ['daemon/a.ts', 'export * from \'../bin/b.ts\'', 1],
      ['daemon/http/a.ts', 'const b = await import(\'../../netsim/b.ts\')', 1],
      ['netsim/a.ts', 'import \'../bin/b.ts\'', 1]
    ],
    good: [
      ['test/a.ts', 'import { b } from \'../bin/b.ts\''],
      ['bin/a.ts', 'import { b } from \'../protocols/b.ts\''],
      ['protocols/a.ts', '// import { b } from \'../daemon/b.ts\'\nconst text = "import \'../daemon/b.ts\'"'],
      ['protocols/fetch/a.ts', 'import { b } from \'../b.ts\'']
    ]
  },
  'concrete libp2p packages are named in daemon/node.ts alone': {
    rule: rules.libp2pStandsInNode,
    sources: code,
    bad: [
      ['daemon/index.ts', 'import { createLibp2p } from \'libp2p\'', 1],
      ['protocols/membership/service.ts', 'import type { KadDHT } from \'@libp2p/kad-dht\'', 1],
      ['protocols/membership/service.ts', 'import { gossipsub } from \'@chainsafe/libp2p-gossipsub\'', 1],
      ['netsim/a.ts', 'import { tcp } from \'@libp2p/tcp/x\'', 1]
    ],
    good: [
      ['daemon/node.ts', 'import { createLibp2p } from \'libp2p\''],
      ['protocols/fetch/service.ts', 'import { lpStream } from \'@libp2p/utils\'\nimport type { Stream } from \'@libp2p/interface\''],
      ['test/unit/a.test.ts', 'import { tcp } from \'@libp2p/tcp\'']
    ]
  },
  'clock and chance are parameters': {
    rule: rules.clockIsAParameter,
    sources: code,
    bad: [
      ['protocols/a.ts', 'const at = Date.now()', 1],
      ['daemon/a.ts', '\n\nconst at = performance.now()', 3],
      ['daemon/a.ts', 'setTimeout(() => {}, 1)', 1],
      ['daemon/a.ts', 'const timer = globalThis.setInterval(() => {}, 1)', 1],
      ['daemon/a.ts', 'const wait = { setTimeout }', 1],
      ['netsim/a.ts', 'const text = `${Math.random()}`', 1],
      ['bin/a.ts', 'import * as timers from \'node:timers/promises\'', 1],
      ['daemon/a.ts', 'const signal = AbortSignal.timeout(1)', 1],
      ['daemon/a.ts', 'const at = new Date()', 1],
      ['daemon/a.ts', 'const at = process.hrtime.bigint()', 1]
    ],
    good: [
      ['daemon/clock.ts', 'const at = Date.now()'],
      ['netsim/clock.ts', 'const at = Date.now()'],
      ['test/a.ts', 'const at = Date.now()'],
      ['daemon/a.ts', '// Date.now() is not used\n/* nor\nMath.random() */\nconst text = \'Date.now()\' + `Math.random()`'],
      ['daemon/a.ts', 'const at = new Date(clock.wallMs()); socket.setTimeout(1); const dateNow = clock.now']
    ]
  },
  'no protocol imports another\'s service': {
    rule: rules.protocolsAreStrangers,
    sources: code,
    bad: [['protocols/fetch/a.ts', 'import type { Members } from \'../membership/service.ts\'', 1]],
    good: [
      ['protocols/fetch/a.ts', 'import { b } from \'./service.ts\''],
      ['protocols/fetch/a.ts', 'import { b } from \'../membership/member.ts\''],
      ['daemon/index.ts', 'import { b } from \'../protocols/fetch/service.ts\'']
    ]
  },
  'files have at most 400 lines': {
    rule: rules.filesAreShort,
    sources: code,
    bad: [['daemon/a.ts', 'a\n'.repeat(401), 401]],
    good: [['daemon/a.ts', 'a\n'.repeat(400)]]
  },
  'files open with a doc comment': {
    rule: rules.filesIntroduceThemselves,
    sources: code.filter(({ path }) => path.endsWith('.ts')),
    bad: [['protocols/a.ts', 'import \'b\'\n/** Late. */', 1], ['bin/a.ts', '#!/usr/bin/env node\n// A remark.', 1]],
    good: [['netsim/a.ts', introduced], ['bin/a.ts', `#!/usr/bin/env node\n${introduced}`], ['test/a.ts', 'import \'b\'']]
  },
  'every test runs': {
    rule: rules.everyTestRuns,
    sources: code,
    bad: [
      ['test/a.test.ts', '\nit.skip(\'a\', () => {})', 2],
      ['test/a.test.ts', 'describe.only(\'a\', () => {})', 1],
      ['test/a.test.ts', 'it.todo(\'a\')', 1],
      ['test/a.test.ts', 'it.concurrent.skip(\'a\', () => {})', 1],
      ['test/a.test.ts', 'xit(\'a\', () => {})', 1]
    ],
    good: [['test/a.test.ts', 'it(\'never uses it.skip\', () => { reader.skip(1); list.only() })']]
  },
  'names are kebab-case': {
    rule: rules.namesAreKebabCase,
    sources: all,
    bad: [['daemon/SingleFlight.ts', '', 1], ['daemon/single_flight.ts', '', 1], ['daemon/peerHttp/a.ts', '', 1]],
    good: [['daemon/single-flight.ts', ''], ['test/unit/a-b.test.ts', ''], ['daemon/README.md', ''], ['.ci/run', '']]
  },
  'libp2p packages are asked for by exact version': {
    rule: rules.libp2pIsPinned,
    sources: all,
    bad: [['package.json', libp2pPackage('^11.0.28'), 3], ['package.json', libp2pPackage('11'), 3], ['package.json', aliased('^17'), 3]],
    good: [['package.json', libp2pPackage('11.0.28')], ['package.json', aliased('17.1.1')], ['package.json', '{ "dependencies": { "zod": "^4" } }']]
  },
  'only .ci/run knows what lies beside the checkout': {
    rule: rules.nothingBesideTheCheckout,
    sources: all,
    bad: [['README.md', `see\n${['..', 'shared', 'x'].join('/')}`, 2]],
    good: [['.ci/run', ['..', 'shared'].join('/')], ['daemon/a.ts', 'const shared = 1']]
  },
  'the top level is fixed': {
    rule: rules.topLevelIsFixed,
    sources: all,
    bad: [['src/a.ts', '', 1], ['NOTES.md', '', 1]],
    good: [['daemon/a.ts', ''], ['README.md', '']]
  }
}

describe.each(Object.entries(examples))('%s', (_title, { rule, sources, bad, good }) => {
  it.each(bad)('finds the fault in %s: %j', (path, text, line) => {
    expect(rule([{ path, text }])).toEqual([{ path, line, what: expect.any(String) }])
  })

  it.each(good)('passes %s: %j', (path, text) => {
    expect(rule([{ path, text }])).toEqual([])
  })

  it('holds in this repository', () => {
    expect(sources.length).toBeGreaterThan(0)
    const findings = rule(sources).map(({ path, line, what }) => `${path}:${line} ${what}`)
    expect(findings, findings.join('\n')).toEqual([])
  })
})

describe('syntax that Node cannot strip', () => {
  it('is refused by the compiler', () => {
    const { text } = all.find(({ path }) => path === 'tsconfig.json')!
    expect(JSON.parse(text)).toMatchObject({ compilerOptions: { erasableSyntaxOnly: true, verbatimModuleSyntax: true, strict: true } })
  })
})

describe('the reader of sources', () => {
  it.each([
    ['a comment mark in a string', 'const a = \'*/*\'; b()', 'const a =      ; b()'],
    ['a comment mark in a regular expression', 'a.replace(/[/*]/g, b) // c', 'a.replace(      g, b)     '],
    ['a division', 'a / b / c', 'a / b / c'],
    ['a template in a template', '`a${b(`c${d}`)}e` + f', '    b(    d  )    + f'],
    ['a brace in a template\'s code', '`${{ a: 1 }.a}` + b', '   { a: 1 }.a   + b'],
    ['an escaped quote', '\'a\\\'b\' + c', '       + c'],
    ['a quote in a comment', '// don\'t\na', '        \na']
  ])('is not misled by %s', (_what, text, blanked) => {
    expect(viewsOf(text).code).toBe(blanked)
  })

  it('finds every kind of import and its line', () => {
    const text = 'import a from \'a\'\nimport {\n  b\n} from "b"\nimport \'c\'\nexport { d } from \'d\'\nawait import(\'e\')\nArray.from(\'abc\')\n// import \'f\'\nconst g = "from \'g\'"\ntype H = import(\'h\').H'
    expect(importsOf({ path: 'x.ts', text })).toEqual([
      { specifier: 'a', line: 1 }, { specifier: 'b', line: 4 }, { specifier: 'c', line: 5 },
      { specifier: 'd', line: 6 }, { specifier: 'e', line: 7 }, { specifier: 'h', line: 11 }
    ])
  })
})
