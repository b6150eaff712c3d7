/**
 * A small language for what a configuration may hold. One declared shape serves three readings: a scope's own part of
 * the settings (nothing required, nothing filled in), the complete settings with every default, and the sentences of
 * what is wrong. All faults are found in one reading, each names its path, and an unknown field the known one that is
 * nearest to it.
 */
import { nearest } from '../text.ts'
import { dotted, isMap, type Json, type JsonMap } from './canonical.ts'

/** One value. `read` gives its normal form, or undefined where it is not `expected`. */
export interface Leaf {
  readonly kind: 'leaf'
  /** Ends "expected …": a noun and an example. */
  readonly expected: string
  readonly read: (value: Json) => Json | undefined
  /** In the complete settings, where nothing is given; without one the field may stay absent. */
  readonly byDefault?: Json
  /** The complete settings cannot do without it. */
  readonly required?: boolean
}

/** A map of known fields. */
export interface Fields {
  readonly kind: 'fields'
  readonly fields: Readonly<Record<string, Shape>>
}

/** A map by names that the operator chooses. */
export interface Names {
  readonly kind: 'names'
  readonly name: RegExp
  /** What a name is, for the sentence. */
  readonly expected: string
  readonly each: Shape
  readonly max: number
}

/** A list, replaced whole. */
export interface List {
  readonly kind: 'list'
  readonly each: Shape
  readonly max: number
  readonly min?: number
  readonly expected: string
  readonly byDefault?: readonly Json[]
  readonly required?: boolean
}

export type Shape = Leaf | Fields | Names | List
type Path = readonly (string | number)[]

/** Faults told at once; the rest would only scroll them away. */
const faultsMax = 50

/** Reads what was given: every fault is added to `faults`. Empty maps vanish. */
export function readShape (shape: Shape, value: Json, faults: string[], path: Path = []): Json | undefined {
  const fault = (what: string, at: Path = path): undefined => {
    if (faults.length < faultsMax) faults.push(`${dotted(at)}: ${what}`)
  }
  if (shape.kind === 'leaf') return shape.read(value) ?? fault(`expected ${shape.expected}, not ${shown(value)}`)
  if (shape.kind === 'list') {
    if (!Array.isArray(value)) return fault(`expected ${shape.expected}, not ${shown(value)}`)
    if (value.length > shape.max) return fault(`${value.length} entries; at most ${shape.max} are allowed`)
    if (value.length < (shape.min ?? 0)) return fault(`expected ${shape.expected}, not an empty list`)
    return value.map((item: Json, index) => readShape(shape.each, item, faults, [...path, index]) ?? null)
  }
  if (!isMap(value)) return fault(`expected a map of ${shape.kind === 'fields' ? Object.keys(shape.fields).join(', ') : shape.expected}, not ${shown(value)}`)
  const names = Object.keys(value)
  if (shape.kind === 'names' && names.length > shape.max) return fault(`${names.length} entries; at most ${shape.max} are allowed`)
  const read: Record<string, Json> = {}
  for (const name of names) {
    const each = fieldOf(shape, name)
    if (typeof each === 'string') {
      fault(each, [...path, name])
      continue
    }
    const item = readShape(each, value[name]!, faults, [...path, name])
    if (item !== undefined && !(isMap(item) && Object.keys(item).length === 0)) read[name] = item
  }
  return read
}

/** Adds every default to what `readShape` gave, and says what is missing. */
export function completeShape (shape: Shape, given: Json | undefined, faults: string[], path: Path = []): Json | undefined {
  if (shape.kind === 'leaf' || shape.kind === 'list') {
    if (given === undefined) {
      if (shape.required === true) faults.push(`${dotted(path)}: missing; expected ${shape.expected}`)
      return shape.byDefault
    }
    if (shape.kind === 'leaf') return given
    return (given as readonly Json[]).map((item, index) => completeShape(shape.each, item, faults, [...path, index]) ?? null)
  }
  const map: JsonMap = isMap(given) ? given : {}
  const names = shape.kind === 'fields' ? Object.keys(shape.fields) : Object.keys(map)
  const complete: Record<string, Json> = {}
  for (const name of names) {
    const each = shape.kind === 'fields' ? shape.fields[name]! : shape.each
    const item = completeShape(each, Object.hasOwn(map, name) ? map[name] : undefined, faults, [...path, name])
    if (item !== undefined) complete[name] = item
  }
  return complete
}

/** The shape of a field, or what is wrong with its name. */
function fieldOf (shape: Fields | Names, name: string): Shape | string {
  if (shape.kind === 'names') return shape.name.test(name) ? shape.each : `expected ${shape.expected}`
  if (Object.hasOwn(shape.fields, name)) return shape.fields[name]!
  const known = Object.keys(shape.fields)
  const meant = nearest(name, known)
  return `unknown; ${meant === undefined ? `known here are ${known.join(', ')}` : `did you mean ${meant}?`}`
}

/** A value as it fits into a sentence. */
function shown (value: Json): string {
  const text = JSON.stringify(value)
  return text.length > 80 ? `${text.slice(0, 77)}...` : text
}
