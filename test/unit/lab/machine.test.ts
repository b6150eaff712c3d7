import { describe, expect, it } from 'vitest'
import { missingSentence } from '../../../netsim/lab/machine.ts'
import { runnerCommand } from '../../../netsim/lab/runner.ts'
import { labDefaults, scaled, timeFactor } from '../../../netsim/lab/settings.ts'

describe('a machine that cannot have a lab', () => {
  it('is told all that is missing, in one sentence', () => {
    expect(missingSentence(['root', 'nft (package nftables)', 'tc (package iproute2)'], false))
      .toBe('a lab needs root, nft (package nftables) and tc (package iproute2), which are missing here')
  })

  it('is told what to do where it is only netem', () => {
    expect(missingSentence(['a kernel with sch_netem'], true)).toMatch(/^a lab needs a kernel with sch_netem, which is missing here: give --no-delay .* or set NETEM_RUNNER/)
  })
})

describe('a runner', () => {
  it('may have arguments of its own, and passes the command on word by word', () => {
    const [shell, flag, script, ...words] = runnerCommand('with-netem -t 900', ['node', 'a b', '$c'])
    expect([shell, flag, script, words]).toEqual(['sh', '-c', 'with-netem -t 900 "$@"', ['sh', 'node', 'a b', '$c']])
  })
})

describe('a slower machine', () => {
  it.each([[undefined, 1], ['3', 3], ['0.5', 1], ['many', 1], ['1e9', 1]])('with NETEM_TIME_FACTOR %j gets %d times the time', (value, factor) => {
    expect(timeFactor({ NETEM_TIME_FACTOR: value })).toBe(factor)
  })

  it('waits longer for processes, and sends as many pings', () => {
    const slow = scaled(labDefaults, 3)
    expect(slow.convergeTimeoutMs).toBe(3 * labDefaults.convergeTimeoutMs)
    expect([slow.calibrationPings, slow.calibrationIntervalMs]).toEqual([labDefaults.calibrationPings, labDefaults.calibrationIntervalMs])
  })
})
