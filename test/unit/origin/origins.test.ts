import { describe, expect, it } from 'vitest'
import { Origins } from '../../../daemon/origin/origins.ts'
import { originDefaults } from '../../../daemon/origin/settings.ts'
import { failure, get, manualClock } from './support.ts'

describe('the origins of an edge', () => {
  it('are one for each distinct URL', () => {
    const origins = new Origins(originDefaults, manualClock())
    const one = origins.for('http://Origin.example:80/base/')
    expect(origins.for('http://origin.example/base')).toBe(one)
    expect(origins.for('http://origin.example')).not.toBe(one)
    expect(origins.for('https://origin.example/base')).not.toBe(one)
    expect([...origins.all()].map(({ url }) => url)).toEqual(['http://origin.example/base', 'http://origin.example', 'https://origin.example/base'])
  })

  it.each(['origin.example', 'ftp://origin.example', 'http://user:secret@origin.example', 'http://origin.example/?q=1'])('refuse what is no origin: %s', (url) => {
    const origins = new Origins(originDefaults, manualClock())
    expect(() => origins.for(url)).toThrow(expect.objectContaining({ code: 'COLONY_ORIGIN_URL', message: expect.not.stringContaining('secret') as string }))
  })

  it('close together', async () => {
    const origins = new Origins(originDefaults, manualClock())
    const origin = origins.for('http://origin.example')
    await origins.close()
    expect(await failure(origin.request(get()))).toMatchObject({ code: 'COLONY_ORIGIN_ABORTED' })
  })
})
