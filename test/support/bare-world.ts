/**
 * Machines and a network without edges: hosts that only write down what reaches them. For the tests of the
 * world's own parts.
 */
import { Engine } from '../../netsim/world/engine.ts'
import { Machine } from '../../netsim/world/machine.ts'
import { Network, networkDefaults, type NetworkSettings } from '../../netsim/world/network.ts'
import { Topology } from '../../netsim/world/topology.ts'
import { Random } from '../../netsim/random.ts'

export interface Received {
  readonly atMs: number
  readonly from: number
  readonly to: number
  readonly message: unknown
}

export interface BareWorld {
  readonly engine: Engine
  readonly topology: Topology
  readonly machines: readonly Machine[]
  readonly network: Network
  readonly received: Received[]
  readonly refused: Received[]
}

/** Nothing is lost, late or bounded. */
export const quiet: NetworkSettings = {
  ...networkDefaults, jitterMs: 0, jitterShare: 0, loss: 0, duplicate: 0, reorder: 0, uplinkBytesPerSecond: 1e15, originBytesPerSecond: 1e15, lineBytesPerSecond: 1e15
}

export function bareWorld ({ seed = 1, edges = 4, cities = 2, settings = {} }: { seed?: number, edges?: number, cities?: number, settings?: Partial<NetworkSettings> } = {}): BareWorld {
  const random = new Random(seed)
  const engine = new Engine()
  const topology = new Topology({ edges, cities, random })
  const machines = Array.from({ length: topology.hosts }, (_, index) => new Machine({ index, name: topology.name(index), engine, random: random.fork(index), skewMs: 0, driftPpm: 0 }))
  const network = new Network({ engine, machines, topology, random: random.fork('network'), settings: { ...quiet, ...settings } })
  const received: Received[] = []
  const refused: Received[] = []
  for (const machine of machines) {
    const to = machine.index
    machine.host = {
      start: () => {},
      crash: () => {},
      receive: (from, message) => { received.push({ atMs: engine.nowMs, from, to, message }) },
      refused: (by, message) => { refused.push({ atMs: engine.nowMs, from: to, to: by, message }) }
    }
    machine.boot()
  }
  return { engine, topology, machines, network, received, refused }
}
