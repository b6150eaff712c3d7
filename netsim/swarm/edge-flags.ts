/** The command line that an edge of a swarm has, whether it runs in a worker or as a `colonyd` of its own. Pure. */
import { join } from 'node:path'
import type { EdgeBase } from './host.ts'
import type { EdgePlan } from './plan.ts'

/** @param configFile holds the settings that all edges are given */
export function edgeFlags ({ name, region, city, host }: EdgePlan, base: EdgeBase, joining: readonly string[], configFile: string): string[] {
  const { ports, origin, folder } = base
  return [
    '--config', configFile,
    '--name', name,
    '--region', region,
    '--zone', `city-${city}`,
    '--http', `${host}:${ports.http}`,
    '--admin', `${host}:${ports.admin}`,
    '--listen', `/ip4/${host}/tcp/${ports.mesh}`,
    '--data', join(folder, name),
    '--origin', origin,
    '--log-level', 'error',
    ...joining.flatMap((address) => ['--join', address])
  ]
}

/** The file's text: YAML knows JSON. */
export function configText ({ settings }: EdgeBase): string {
  return JSON.stringify({ settings })
}
