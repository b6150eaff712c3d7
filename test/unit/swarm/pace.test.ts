import { describe, expect, it } from 'vitest'
import { loadConfig } from '../../../daemon/config.ts'
import { settingsDefaults } from '../../../daemon/settings.ts'
import { edgesPerCore, pacedSettings, paceOf } from '../../../netsim/swarm/pace.ts'

describe('the pace of a swarm', () => {
  it('is the daemon\'s own until the cores have enough, then slows with the edges', () => {
    expect([1, 2 * edgesPerCore, 2 * edgesPerCore + 1, 6 * edgesPerCore, 20 * edgesPerCore].map((peers) => paceOf(peers, 2))).toEqual([1, 1, 2, 3, 10])
    expect(pacedSettings(1)).toEqual({})
  })

  it('makes each interval longer by it and each rate smaller, all of them settings that the daemon takes', () => {
    const { config } = loadConfig(['--config', 'paced', '--origin', 'http://127.0.0.1:1'], {}, () => JSON.stringify({ settings: pacedSettings(3) })) as { config: { settings: unknown } }
    const paced = config.settings as Record<string, Record<string, number>>
    for (const [part, settings] of Object.entries(pacedSettings(3))) {
      for (const [name, value] of Object.entries(settings)) {
        const own = (settingsDefaults as unknown as Record<string, Record<string, number>>)[part]![name]!
        expect(paced[part]![name], `${part}.${name}`).toBe(value)
        expect(value, `${part}.${name}`).toBe(name.endsWith('Max') ? Math.ceil(own / 3) : own * 3)
      }
    }
  })
})
