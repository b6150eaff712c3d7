import { describe, expect, it } from 'vitest'
import { Body } from '../../../daemon/origin/body.ts'

function bodyOf (budgetBytes: number): { body: Body, calls: string[] } {
  const calls: string[] = []
  const body = new Body(budgetBytes, { resume: () => calls.push('resume'), drop: () => calls.push('drop') })
  return { body, calls }
}

describe('a body on its way to its reader', () => {
  it('is full at its budget and resumes once when a read makes room', async () => {
    const { body, calls } = bodyOf(2_000)
    body.push(new Uint8Array(1_000))
    expect(body.full).toBe(false)
    body.push(new Uint8Array(1_000))
    expect(body.full).toBe(true)
    await body.next()
    await body.next()
    expect(calls).toEqual(['resume'])
  })

  it('counts what tiny chunks cost beside their bytes', () => {
    const { body } = bodyOf(128 * 1024)
    let chunks = 0
    for (; !body.full; chunks++) body.push(new Uint8Array(1))
    expect(chunks).toBeLessThan(1_000)
  })

  it('wakes a reader that waits, by bytes, the end or a failure', async () => {
    const { body } = bodyOf(2_000)
    const first = body.next()
    body.push(new Uint8Array([7]))
    expect(await first).toEqual({ done: false, value: new Uint8Array([7]) })
    const last = body.next()
    body.end()
    expect(await last).toEqual({ done: true, value: undefined })

    const broken = bodyOf(2_000).body
    const waiting = broken.next()
    broken.fail(new Error('cut'))
    await expect(waiting).rejects.toThrow('cut')
  })

  it('gives the bytes that came before a failure, then the failure, each time it is asked', async () => {
    const { body } = bodyOf(2_000)
    body.push(new Uint8Array([1]))
    body.fail(new Error('cut'))
    expect((await body.next()).value).toEqual(new Uint8Array([1]))
    await expect(body.next()).rejects.toThrow('cut')
    await expect(body.next()).rejects.toThrow('cut')
  })

  it('tells that its reader left early, and not when it left at the end', async () => {
    const early = bodyOf(2_000)
    early.body.push(new Uint8Array([1]))
    for await (const _chunk of early.body) break
    expect(early.calls).toEqual(['drop'])
    early.body.push(new Uint8Array([2]))
    expect(await early.body.next()).toEqual({ done: true, value: undefined })

    const whole = bodyOf(2_000)
    whole.body.push(new Uint8Array([1]))
    whole.body.end()
    for await (const _chunk of whole.body) break
    expect(whole.calls).toEqual([])
  })
})
