import { describe, expect, it } from 'vitest'
import { faultOf, readPing } from '../../../netsim/lab/calibration.ts'
import { duplicatingLines, expectedRoundTrip, shapingLines, shapingScripts } from '../../../netsim/lab/shaping.ts'
import { topologyOf } from '../../../netsim/lab/topology.ts'

const topology = topologyOf({
  regions: { europe: { hosts: 1 }, america: { hosts: 1 }, asia: { hosts: 1 } },
  links: [
    { from: '*', to: '*', delayMs: 0 },
    { from: 'europe', to: 'asia', delayMs: 100, jitterMs: 5, lossPercent: 1.5, duplicatePercent: 0.1, reorderPercent: 2, rateMbit: 20, oneWay: true }
  ]
})

describe('shaping', () => {
  it('leads a region\'s network to its own class and queue, and everything else past them', () => {
    expect(shapingLines(topology, topology.hosts[0]!)).toEqual([
      'qdisc add dev eth0 root handle 1: htb default 1',
      'class add dev eth0 parent 1: classid 1:1 htb rate 40000mbit quantum 60000',
      'class add dev eth0 parent 1: classid 1:4 htb rate 20mbit quantum 60000',
      'qdisc add dev eth0 parent 1:4 handle 14: netem limit 50000 delay 100ms 5ms loss 1.5% reorder 2%',
      'filter add dev eth0 parent 1: protocol ip prio 1 u32 match ip dst 10.77.3.0/24 flowid 1:4'
    ])
  })

  it('doubles at the other end, on the switch\'s port, what comes from where it was set', () => {
    expect(duplicatingLines(topology, topology.hosts[2]!)).toEqual([
      'qdisc add dev port3 root handle 1: htb default 1',
      'class add dev port3 parent 1: classid 1:1 htb rate 40000mbit quantum 60000',
      'class add dev port3 parent 1: classid 1:2 htb rate 40000mbit quantum 60000',
      'qdisc add dev port3 parent 1:2 handle 12: netem limit 50000 duplicate 0.1%',
      'filter add dev port3 parent 1: protocol ip prio 1 u32 match ip src 10.77.1.0/24 flowid 1:2'
    ])
    expect(duplicatingLines(topology, topology.hosts[0]!)).toEqual([])
  })

  it('leaves alone what nothing is said of', () => {
    expect(shapingLines(topology, topology.hosts[2]!)).toEqual([])
    // Europe's host, and the origin that stands beside it.
    expect(shapingScripts('one', topology).filter(({ program }) => program === 'tc').map(({ namespace }) => namespace)).toEqual(['colony.one.europe-1', 'colony.one.origin', 'colony.one.switch'])
  })

  it('expects of a round trip both directions', () => {
    const { ms, jitterMs, lossShare } = expectedRoundTrip(topology, 'europe', 'asia')
    expect([ms, jitterMs, lossShare]).toEqual([100, 5, expect.closeTo(0.015, 9)])
  })
})

describe('calibration', () => {
  const printed = (received: number, rtt: string): string => `--- 10.77.2.1 ping statistics ---\n10 packets transmitted, ${received} received, 0% packet loss, time 9ms\n${rtt}\n`

  it('reads what ping says', () => {
    expect(readPing(printed(10, 'rtt min/avg/max/mdev = 80.1/80.4/81.0/0.2 ms'))).toEqual({ sent: 10, received: 10, duplicates: 0, shortestMs: 80.1, meanMs: 80.4 })
    expect(readPing(printed(0, ''))).toEqual({ sent: 10, received: 0, duplicates: 0 })
    expect(readPing('10 packets transmitted, 9 packets received, 10% packet loss\nround-trip min/avg/max = 1.0/2.5/3.0 ms')).toEqual({ sent: 10, received: 9, duplicates: 0, shortestMs: 1, meanMs: 2.5 })
    expect(readPing('10 packets transmitted, 10 received, +4 duplicates, 0% packet loss')?.duplicates).toBe(4)
    expect(readPing('ping: unknown host')).toBeUndefined()
  })

  it('passes what chance and a busy processor explain, and nothing else', () => {
    const expected = { ms: 80, jitterMs: 5, lossShare: 0.2 }
    const fault = (received: number, shortestMs: number): string | undefined => faultOf(expected, { sent: 1_000, received, shortestMs }, 10)
    expect([fault(800, 80), fault(750, 90), fault(850, 66)]).toEqual([undefined, undefined, undefined])
    expect(fault(1_000, 80)).toBe('0 of 1000 were lost, where 20.0 % were set')
    expect(fault(600, 80)).toBe('400 of 1000 were lost, where 20.0 % were set')
    expect(fault(800, 91)).toBe('a round trip takes 91 ms, where 80 ms were set')
    expect(fault(800, 40)).toBe('a round trip takes 40 ms, where 80 ms were set')
  })

  it('lets nothing be lost where no loss was set', () => {
    expect(faultOf({ ms: 0, jitterMs: 0, lossShare: 0 }, { sent: 10, received: 9, shortestMs: 0.1 }, 10)).toBe('1 of 10 were lost, where 0.0 % were set')
  })
})
