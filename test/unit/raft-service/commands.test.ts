import { describe, expect, it } from 'vitest'
import { AppliedKeys, keysMax } from '../../../protocols/raft/commands.ts'
import { encodeFrame } from '../../../protocols/wire.ts'

describe('the keys in a snapshot', () => {
  it('come back however long they are: a peer\'s proposal may have keys of 255 bytes', () => {
    const keys = new AppliedKeys()
    for (let at = 0; at < keysMax; at++) keys.add(String(at).padEnd(255, 'k'), { index: at + 1, term: 1 })
    const bytes = keys.encode(Buffer.from('state'))
    const again = new AppliedKeys()
    expect(Buffer.from(again.restore(bytes)).toString()).toBe('state')
    expect(again.place('7'.padEnd(255, 'k'))).toEqual({ index: 8, term: 1 })
    expect(again.encode(Buffer.from('state'))).toEqual(bytes)
  })

  it('are not taken from what is no snapshot', () => {
    const junk = [new Uint8Array(3), Uint8Array.of(0, 0, 0, 9, 1), encodeFrame({}).subarray(), encodeFrame({ keys: [['key', 1]] }).subarray()]
    for (const bytes of junk) expect(() => new AppliedKeys().restore(bytes)).toThrow(expect.objectContaining({ name: 'WireError' }))
  })
})
