/**
 * The Via field (RFC 9110 section 7.6.3): every message that passes through the edge, either way, gets
 * the edge's mark behind those of the hops before it.
 */
import type { Field, Fields } from '../../protocols/fields.ts'

/** @param pseudonym the edge's name; what a token may not hold becomes `-` */
export function withVia (fields: Fields, pseudonym = 'colony', receivedProtocol = '1.1'): Field[] {
  const token = pseudonym.replace(/[^A-Za-z0-9!#$%&'*+\-.^_`|~]/g, '-')
  return [...fields, ['via', `${receivedProtocol} ${token === '' ? 'colony' : token}`]]
}
