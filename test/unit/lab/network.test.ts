import { describe, expect, it } from 'vitest'
import { cutsBetween, cutScript, healScript, hostsNamed, labOf, namespaceOf, namespacePrefix, networkScripts, readCarried, readCuts } from '../../../netsim/lab/network.ts'
import { type LabHost, topologyOf } from '../../../netsim/lab/topology.ts'

const topology = topologyOf({ regions: { europe: { hosts: 2 }, asia: { hosts: 1 } } })

function named (text: string, besides: readonly LabHost[] = []): LabHost[] {
  const found = hostsNamed(topology, text, besides)
  if (typeof found === 'string') throw new Error(found)
  return found
}

const names = (hosts: readonly LabHost[]): string[] => hosts.map(({ name }) => name)

describe('the network of a lab', () => {
  const scripts = networkScripts('one', topology)

  it('stands in namespaces alone, each of which is made first', () => {
    const [first, ...rest] = scripts
    const made = new Set<string>()
    for (const line of first!.lines) {
      const [, added] = /^netns add (\S+)$/.exec(line) ?? []
      if (added !== undefined) made.add(added)
      else for (const [, used] of line.matchAll(/netns (\S+)/g)) expect(made).toContain(used)
    }
    expect([...made].sort()).toEqual(['asia-1', 'europe-1', 'europe-2', 'origin', 'switch'].map((host) => `colony.one.${host}`))
    for (const { namespace } of rest) expect(made).toContain(namespace)
  })

  it('gives every host its address', () => {
    const addresses = scripts.flatMap(({ namespace, lines }) => lines.flatMap((line) => /^address add (\S+)/.exec(line)?.[1] ?? []).map((address) => [namespace, address]))
    expect(addresses).toEqual([
      ['colony.one.europe-1', '10.77.1.1/16'], ['colony.one.europe-2', '10.77.1.2/16'], ['colony.one.asia-1', '10.77.2.1/16'], ['colony.one.origin', '10.77.1.250/16']
    ])
  })

  it('is found again by its name, and by no other that begins alike', () => {
    expect(labOf(namespaceOf('one', 'asia-1'))).toBe('one')
    expect(namespaceOf('one-more', 'asia-1').startsWith(namespacePrefix('one'))).toBe(false)
    expect(labOf('cni-1234')).toBeUndefined()
  })

  it('counts as sent what comes in at the switch', () => {
    const json = JSON.stringify([{ ifname: 'bridge' }, { ifname: 'port3', stats64: { rx: { bytes: 5 }, tx: { bytes: 7 } } }])
    expect(readCarried(json, topology).get('asia-1')).toEqual({ sentBytes: 5, receivedBytes: 7 })
  })
})

describe('groups of hosts', () => {
  it('are hosts, regions with the origin if it stands there, and lists of those, each host once', () => {
    expect(names(named('asia,europe-1,europe'))).toEqual(['asia-1', 'europe-1', 'europe-2', 'origin'])
    expect(names(named('origin'))).toEqual(['origin'])
  })

  it('are all others', () => {
    expect(names(named('others', named('asia,europe-2')))).toEqual(['europe-1', 'origin'])
  })

  it('say what there is when a name is unknown', () => {
    expect(hostsNamed(topology, 'europe,africa')).toBe('"africa" is no host and no region of the lab: expected europe, asia, europe-1, europe-2, asia-1, origin, others')
  })
})

describe('a cut', () => {
  it('is every pair in both directions, or in one, and never a host and itself', () => {
    expect(cutsBetween(named('asia'), named('europe-2,asia,origin'), true)).toEqual([{ from: 'asia-1', to: 'europe-2' }, { from: 'asia-1', to: 'origin' }])
    expect(cutsBetween(named('asia'), named('europe-1'), false)).toEqual([{ from: 'asia-1', to: 'europe-1' }, { from: 'europe-1', to: 'asia-1' }])
  })

  it('is pairs of source and destination on the bridge, each once', () => {
    const cuts = cutsBetween(named('europe-1,europe-2'), named('europe-1,europe-2'), false)
    expect(cutScript('one', topology, cuts)).toEqual({
      program: 'nft', namespace: 'colony.one.switch', lines: ['add element bridge lab cut { 10.77.1.1 . 10.77.1.2, 10.77.1.2 . 10.77.1.1 }']
    })
  })

  it('is healed without complaint whether it was there or not', () => {
    const [add, remove] = healScript('one', topology, [{ from: 'asia-1', to: 'origin' }]).lines
    expect([add, remove]).toEqual(['add element bridge lab cut { 10.77.2.1 . 10.77.1.250 }', 'delete element bridge lab cut { 10.77.2.1 . 10.77.1.250 }'])
    expect(healScript('one', topology, 'all').lines).toEqual(['flush set bridge lab cut'])
  })

  it('is read back from what nft prints', () => {
    const printed = { nftables: [{ metainfo: {} }, { set: { name: 'cut', elem: [{ concat: ['10.77.2.1', '10.77.1.250'] }] } }] }
    expect(readCuts(JSON.stringify(printed), topology)).toEqual([{ from: 'asia-1', to: 'origin' }])
    expect(readCuts(JSON.stringify({ nftables: [{ set: { name: 'cut' } }] }), topology)).toEqual([])
  })
})
