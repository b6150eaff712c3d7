/**
 * A group's id: when it was founded, by the founder's wall clock, and chance, as text that sorts by age. So of two groups that
 * meet all edges see alike which one is younger and dissolves (DESIGN.md, rules of agreement), whatever their clocks say now.
 */
import { randomBytes } from 'node:crypto'
import type { GroupId } from './messages.ts'

/** Until the year 10889. */
const digits = 12

export function newGroupId (wallMs: number): GroupId {
  return `${Math.max(0, Math.trunc(wallMs)).toString(16).padStart(digits, '0')}-${randomBytes(8).toString('hex')}`
}

export function isOlder (one: GroupId, other: GroupId): boolean { return one < other }
