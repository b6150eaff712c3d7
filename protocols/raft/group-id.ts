/**
 * A group's id: when it was founded, by the founder's wall clock, and chance, as text that sorts by age. So of two groups that
 * meet all edges see alike which one is younger and dissolves (DESIGN.md, rules of agreement), whatever their clocks say now.
 * A group that was founded anew from what is left of another (`recovery.ts`) keeps the other's age towards all third ones, and
 * counts as older than it: `+` sorts before `-`, and the number behind it falls with each recovery.
 *
 *     time (12) - chance (16)
 *     time (12) + number (4) - chance (16)
 */
import { randomBytes } from 'node:crypto'
import type { GroupId } from './messages.ts'

/** Until the year 10889. */
const digits = 12
const recoveriesMax = 0xffff

export function newGroupId (wallMs: number): GroupId {
  return `${Math.max(0, Math.trunc(wallMs)).toString(16).padStart(digits, '0')}-${chance()}`
}

/** Of what takes the place of `id`, whose majority is gone for ever. One of a shape that nobody gave is taken for ancient. */
export function recoveredGroupId (id: GroupId): GroupId {
  const [, time = '0'.repeat(digits), number] = /^([0-9a-f]{12})(?:\+([0-9a-f]{4}))?-/.exec(id) ?? []
  const next = number === undefined ? recoveriesMax : Math.max(0, Number.parseInt(number, 16) - 1)
  return `${time}+${next.toString(16).padStart(4, '0')}-${chance()}`
}

export function isOlder (one: GroupId, other: GroupId): boolean { return one < other }

function chance (): string { return randomBytes(8).toString('hex') }
