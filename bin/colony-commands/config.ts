/**
 * `colony config`: what the colony agreed on, and how it is changed. One command with actions, as all of them speak of one
 * scope's versions; each action is a function in a file under config-commands/.
 */
import { type Command, type Given, UsageError } from '../command.ts'
import { nearest } from '../../protocols/text.ts'
import { abort, apply, recover, resolve, rollback, set } from '../config-commands/changes.ts'
import { conflicts, diff, get, history, watch } from '../config-commands/reads.ts'

export interface Action {
  /** What follows its name; in brackets where it may be left out. */
  readonly operands: string
  readonly min: number
  readonly max: number
  readonly help: string
  readonly example: string
  readonly run: (given: Given, operands: readonly string[]) => Promise<void>
}

const actions: Readonly<Record<string, Action>> = {
  get: { operands: '[PATH]', min: 0, max: 1, help: 'what is agreed, as YAML; of a --scope as it was written, else all scopes together as this edge runs them', example: 'colony config get sites.shop.ttl', run: get },
  set: { operands: 'PATH VALUE', min: 2, max: 2, help: 'changes one field; VALUE is YAML, and nothing ("") takes the field away', example: 'colony config set --scope regional --reason "sale" sites.shop.ttl.default 60s', run: set },
  apply: { operands: 'FILE', min: 1, max: 1, help: 'puts a YAML or JSON file in place of all that the scope says, and shows the roll-out', example: 'colony config apply --scope global --dry-run colony.yaml', run: apply },
  diff: { operands: '[N [M]]', min: 0, max: 2, help: 'what version M changed against N; of N, or the newest, against the one before', example: 'colony config diff --scope regional 6 7', run: diff },
  history: { operands: '', min: 0, max: 0, help: 'the versions, who made them, and what became of them', example: 'colony config history --scope regional', run: history },
  rollback: { operands: 'N', min: 1, max: 1, help: 'brings version N back, everywhere at once unless --plan says otherwise', example: 'colony config rollback --scope regional --reason "errors in fra" 6', run: rollback },
  abort: { operands: 'N', min: 1, max: 1, help: 'ends the roll-out of version N: everybody returns to the last good one', example: 'colony config abort --scope regional --reason "wrong file" 7', run: abort },
  watch: { operands: '', min: 0, max: 0, help: 'a line for each change of what is agreed, rolled out or run, until it is interrupted', example: 'colony config watch', run: watch },
  conflicts: { operands: '[PATH KEEP]', min: 0, max: 2, help: 'values that lost against another scope or a cut-off edit; with PATH and KEEP (winner, or a number from 0) ends one', example: 'colony config conflicts', run: async (given, operands) => { await (operands.length === 0 ? conflicts(given) : resolve(given, operands)) } },
  recover: { operands: '[PEER...]', min: 0, max: 64, help: 'founds the group anew from what the asked edge has, when its majority is gone for ever; PEER... are all the voters that are given up, without them it says who that is; --from-copy where every log of it is lost', example: 'colony config recover --scope regional --reason "two machines burnt" 12D3KooW… 12D3KooW…', run: recover }
}

export const config: Command = {
  name: 'config',
  summary: 'what the colony agreed on: show, change, compare, roll back',
  description: [
    'ACTION:',
    ...Object.entries(actions).flatMap(([name, { operands, help }]) => [`  ${`${name} ${operands}`.trimEnd()}`, `        ${help}`]),
    '',
    'Scopes: local is the asked edge alone, regional its region, global all regions. The nearer scope says what differs from the wider one.',
    'A change that got no answer in time may be repeated with its --key: it is never applied twice.'
  ].join('\n'),
  flags: [
    { name: 'scope', placeholder: 'SCOPE', help: 'local, regional or global', byDefault: 'global for changes, all together for get' },
    { name: 'reason', placeholder: 'TEXT', help: 'why, for the history' },
    { name: 'author', placeholder: 'NAME', help: 'who, for the history', byDefault: 'USER@HOST' },
    { name: 'dry-run', help: 'only says what would change' },
    { name: 'plan', placeholder: 'STAGES', help: 'how it is rolled out, such as edge,region,all or edges:3,all or now', byDefault: 'edge,region,all; of a region edge,all; of one edge now' },
    { name: 'priority', placeholder: 'N', help: '0 to 100: which scope counts where both say something', byDefault: 'local 30, regional 20, global 10' },
    { name: 'base', placeholder: 'N', help: 'the version that was looked at: the change is refused when another was agreed meanwhile' },
    { name: 'key', placeholder: 'KEY', help: 'names this change: give the same again to repeat it safely', byDefault: 'a new one' },
    { name: 'from-copy', help: 'recover founds the group from the last version that the asked edge has, as no edge has its log' },
    { name: 'no-wait', help: 'does not stay until the roll-out has ended' }
  ],
  operands: { placeholder: 'ACTION...', help: 'one of the actions above, with what belongs to it', min: 1, max: 65 },
  example: Object.values(actions).map(({ example }) => example).join('\n'),
  run
}

async function run (given: Given, [name = '', ...operands]: readonly string[]): Promise<void> {
  const action = Object.hasOwn(actions, name) ? actions[name]! : undefined
  if (action === undefined) {
    const meant = nearest(name, Object.keys(actions))
    throw new UsageError(`${JSON.stringify(name)} is not an action of colony config: ${meant === undefined ? `expected one of ${Object.keys(actions).join(', ')}` : `did you mean ${meant}?`}`)
  }
  const wanted = action.operands === '' ? 'flags only' : action.operands
  if (operands.length < action.min) throw new UsageError(`colony config ${name} needs ${wanted} (see colony config --help)`)
  const surplus = operands[action.max]
  if (surplus !== undefined) throw new UsageError(`${JSON.stringify(surplus)} is too much: colony config ${name} takes ${wanted} (see colony config --help)`)
  await action.run(given, operands)
}
