/**
 * What a request with a causal token (`Colony-Token`) gets: it is not answered by anything older than what the token names. It
 * waits for that up to the deadline; then it is told what is lacking: 425 where that is still to come (RFC 8470 section 5.2, try
 * again), 409 where it never comes to this edge. A request without a token passes by one look at its fields.
 */
import { decodeToken, TokenError, type Lack } from '../../protocols/config/token.ts'
import type { Field } from '../../protocols/fields.ts'
import type { EdgeResponse } from '../http/message.ts'
import { problem } from '../http/problem.ts'
import type { AgreedConfig } from './service.ts'

/** @returns the answer to give instead; undefined where the request may go on */
export async function honour (agreed: Pick<AgreedConfig, 'reached' | 'willCome'>, token: string, signal: AbortSignal): Promise<EdgeResponse | undefined> {
  try {
    const lacking = await agreed.reached(decodeToken(token), signal)
    return lacking.length === 0 ? undefined : lackingProblem(agreed, lacking)
  } catch (error) {
    if (error instanceof TokenError) return problem(400, undefined, `Colony-Token is ${error.message}`, { code: error.code })
    throw error
  }
}

export function lackingProblem (agreed: Pick<AgreedConfig, 'willCome'>, lacking: readonly Lack[]): EdgeResponse {
  const never = lacking.filter((lack) => !agreed.willCome(lack))
  const names = (some: readonly Lack[]): string => some.map(({ group, has, needs }) => `${group} ${needs} (this edge has ${has})`).join(', ')
  if (never.length > 0) return problem(409, undefined, `the token names what this edge does not follow: ${names(never)}; ask an edge that does`, { lacks: lacking })
  const response = problem(425, 'Too Early', `the token names what has not come to this edge yet: ${names(lacking)}; try again`, { lacks: lacking })
  return { ...response, fields: [...response.fields, retryLater] }
}

export const retryLater: Field = ['retry-after', '1']
