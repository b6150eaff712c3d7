import { describe, expect, it } from 'vitest'
import { contentKey } from '../../protocols/ids.ts'
import { KeyWord, keyWord } from '../../protocols/key-word.ts'

describe('words of a content key', () => {
  it('are the bits of the key itself, 36 apart', () => {
    for (let index = 0; index < 500; index++) {
      const key = contentKey('site', `/${index}`)
      const bits = Buffer.from(key, 'base64url').readBigUInt64BE(0) << 8n | BigInt(Buffer.from(key, 'base64url')[8] as number)
      expect(keyWord(key, KeyWord.Ring)).toBe(Number(bits >> 40n))
      expect(keyWord(key, KeyWord.Home)).toBe(Number(bits >> 4n & 0xffffffffn))
    }
  })
})
