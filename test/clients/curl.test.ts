/**
 * Issue item 9: curl through two edges: ranges, a download that is cut and resumed, codings, conditions and
 * many transfers at once. The second edge never had an origin. Every file must be equal to the origin's by
 * its SHA-256.
 */
import { readFile, stat, truncate } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { steady, Swarm, until } from '../support/edges.ts'
import { bytesOf, sha256, TestOrigin } from '../support/origin.ts'
import { Mirror } from './mirror.ts'
import { leftOut, run, type Ran } from './program.ts'
import { publish } from './published.ts'

describe.skipIf(leftOut('curl'))('curl through two edges', () => {
  const image = bytesOf('image', 3_000_000)
  const text = Buffer.from('the same again and again\n'.repeat(5_000))
  const fields = { 'cache-control': 'max-age=600' }
  let origin: TestOrigin
  let mirror: Mirror

  beforeAll(async () => {
    origin = await new TestOrigin().start()
    mirror = await Mirror.start({ origin: origin.url })
    publish(origin, '/image', image, { fields })
    publish(origin, '/text', text, { fields, type: 'text/plain', coded: true })
  })
  afterAll(async () => {
    await mirror.stop()
    await origin.close()
  })

  async function curl (...args: string[]): Promise<Ran> {
    return await run('curl', ['--silent', '--show-error', ...args], { cwd: mirror.folder, show: /^(HTTP|\d{3} |content-(range|length|encoding)|cache-status|curl:)/i })
  }

  const hash = async (name: string): Promise<string> => sha256(await readFile(join(mirror.folder, name)))

  it('a range at the start, in the middle, at the end and from somewhere on, of what neither edge had', async () => {
    const ranges: ReadonlyArray<readonly [string, number, number]> = [['0-99', 0, 100], ['1000000-1999999', 1_000_000, 2_000_000], ['-500', 2_999_500, 3_000_000], ['2999000-', 2_999_000, 3_000_000]]
    for (const edge of [mirror.one, mirror.two]) {
      for (const [range, start, end] of ranges) {
        const got = await curl('--range', range, '--output', 'part', '--write-out', '%{http_code} %header{content-range} %header{cache-status}\n', `${edge.http}/image`)
        expect(got.text).toContain(`206 bytes ${start}-${end - 1}/3000000`)
        expect(await hash('part'), range).toBe(sha256(image.subarray(start, end)))
      }
    }
    expect(origin.count('/image')).toBe(1)
  })

  it('the whole for several ranges at once, and 416 for one behind the end', async () => {
    const several = await curl('--range', '0-9,20-29', '--output', 'whole', '--write-out', '%{http_code} %{size_download}\n', `${mirror.one.http}/image`)
    expect(several.text).toBe('200 3000000\n')
    expect(await hash('whole')).toBe(sha256(image))
    const behind = await curl('--range', '3000000-', '--output', 'none', '--write-out', '%{http_code} %header{content-range}\n', `${mirror.one.http}/image`)
    expect(behind.text).toBe('416 bytes */3000000\n')
  })

  it('only the head for HEAD, and nothing new for what it has', async () => {
    const head = await curl('--head', `${mirror.one.http}/image`)
    expect(head.text).toMatch(/^HTTP\/1\.1 200/)
    expect(head.text).toMatch(/^content-length: 3000000\r$/m)
    expect(head.text.match(/^accept-ranges:/gm)).toHaveLength(1)
    await curl('--etag-save', 'etag', '--output', 'copy', `${mirror.one.http}/image`)
    for (const edge of [mirror.one, mirror.two]) {
      const again = await curl('--etag-compare', 'etag', '--output', 'again', '--write-out', '%{http_code} %{size_download}\n', `${edge.http}/image`)
      expect(again.text).toBe('304 0\n')
      const since = await curl('--time-cond', new Date().toUTCString(), '--output', 'again', '--write-out', '%{http_code} %{size_download}\n', `${edge.http}/image`)
      expect(since.text).toBe('304 0\n')
    }
  })

  it('plain and compressed bytes, each to whoever takes them, and each once from the origin', async () => {
    for (const edge of [mirror.one, mirror.two, mirror.one]) {
      const plain = await curl('--output', 'plain', '--write-out', '%{http_code} %{size_download}\n', `${edge.http}/text`)
      expect(plain.text).toBe(`200 ${text.byteLength}\n`)
      const coded = await curl('--compressed', '--output', 'decoded', '--write-out', '%{http_code} %{size_download} %header{content-encoding}\n', `${edge.http}/text`)
      expect(coded.text).toMatch(/^200 \d{2,4} gzip\n$/)
      for (const name of ['plain', 'decoded']) expect(await hash(name)).toBe(sha256(text))
    }
    expect(origin.count('/text')).toBe(2)
  })

  it('many files at once, and one file many times', async () => {
    const names = Array.from({ length: 20 }, (_, index) => String(index + 1))
    for (const name of names) publish(origin, `/many/${name}`, bytesOf(name, 100_000), { fields })
    publish(origin, '/crowd', image, { fields })
    const crowd = Array.from({ length: 8 }, (_, index) => `crowd-${index}`)
    for (const edge of [mirror.one, mirror.two]) {
      await curl('--parallel', '--fail', '--output', 'many-#1', `${edge.http}/many/[1-20]`)
      for (const name of names) expect(await hash(`many-${name}`), name).toBe(sha256(bytesOf(name, 100_000)))
      await curl('--parallel', '--parallel-immediate', '--fail', ...crowd.flatMap((name) => ['--output', name, `${edge.http}/crowd`]))
      for (const name of crowd) expect(await hash(name), name).toBe(sha256(image))
    }
    for (const path of [...names.map((name) => `/many/${name}`), '/crowd']) expect(origin.count(path), path).toBe(1)
  })

  it('the rest of what was cut, from another edge, after the first was killed in mid-body', async () => {
    const gate = Promise.withResolvers<void>()
    publish(origin, '/disk', image, { fields, half: gate.promise })
    const swarm = new Swarm()
    try {
      const killed = await swarm.spawn({ origin: origin.url, settings: steady })
      const other = await swarm.start({ origin: origin.url, settings: steady, join: [killed.listen] })
      await swarm.whole()
      const cut = run('curl', ['--silent', '--show-error', '--output', 'disk', `${killed.http}/disk`], { cwd: mirror.folder, statuses: [18, 56], show: /^curl/ })
      await until(async () => (await stat(join(mirror.folder, 'disk'))).size > 1_000_000, 10_000, 'half of it did not arrive')
      killed.child.kill('SIGKILL')
      await cut
      gate.resolve()
      const part = (await stat(join(mirror.folder, 'disk'))).size
      expect(part).toBeLessThan(image.byteLength)
      const rest = await curl('--continue-at', '-', '--output', 'disk', '--write-out', '%{http_code} %{size_download}\n', `${other.http}/disk`)
      expect(rest.text).toBe(`206 ${image.byteLength - part}\n`)
      expect(await hash('disk')).toBe(sha256(image))
    } finally {
      gate.resolve()
      await swarm.stop()
    }
  })

  it('the rest of what was cut, from an edge that has none of it, when the origins are dead', async () => {
    const large = bytesOf('large', 12_000_000)
    publish(origin, '/large', large, { fields })
    await curl('--output', 'large', `${mirror.one.http}/large`)
    await origin.close()
    await truncate(join(mirror.folder, 'large'), 9_876_543)
    const rest = await curl('--continue-at', '-', '--output', 'large', '--write-out', '%{http_code} %header{content-range} %header{cache-status}\n', `${mirror.two.http}/large`)
    expect(rest.text).toMatch(/^206 bytes 9876543-11999999\/12000000 .*detail=peer$/m)
    expect(await hash('large')).toBe(sha256(large))
  })
})
