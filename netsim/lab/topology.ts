/**
 * What a lab is made of: regions with their hosts, where the origin stands, and how the links between
 * regions behave. Written by people as a YAML file, or made from `--hosts` and `--regions`. Pure: out of
 * it come names, addresses and the shape of every direction; `network.ts` and `shaping.ts` turn those into
 * commands. Whatever is wrong with a file is one sentence that names the place, the value and what is allowed.
 */
import { parse as parseYaml } from 'yaml'
import { z } from 'zod'
import { expecting, strictMap } from '../../daemon/config-value.ts'
import { ColonyError, messageOf } from '../../protocols/errors.ts'
import { nearest } from '../../protocols/text.ts'
import { cities, type City } from '../cities.ts'
import { regionNames } from '../demo.ts'
import { wayMs } from '../world/topology.ts'

export const topologyDefaults = Object.freeze({
  /** One way between two regions of which nobody says where they are, ms. About Frankfurt to New York. */
  delayMs: 40,
  /** Each host is a process of about 130 MB and half a second of a core to start. */
  hostsMax: 64
})

/** How one direction of a link behaves; all zero is a plain cable. Percentages are of packets, each by itself. */
export interface LinkShape {
  /** One way: a round trip takes the sum of both directions. */
  readonly delayMs: number
  /** The delay varies by so much, which may reorder packets. At most the delay. */
  readonly jitterMs: number
  readonly lossPercent: number
  /** The same for all links into one region that have any. */
  readonly duplicatePercent: number
  /** So many packets overtake those that are being delayed: needs a delay. */
  readonly reorderPercent: number
  /** Absent: as fast as the machine. */
  readonly rateMbit?: number
}

export interface LabHost {
  readonly name: string
  readonly region: string
  /** IPv4, of the region's /24. */
  readonly address: string
}

export interface Topology {
  readonly regions: readonly string[]
  /** In the order of the regions; the first is the one that the others join. */
  readonly hosts: readonly LabHost[]
  /** Stands in a region as its hosts do, and is cut with it. */
  readonly origin: LabHost
  /** By `from>to`. A direction that is absent is a plain cable. */
  readonly links: ReadonlyMap<string, LinkShape>
  /** Passed on to every colonyd, which checks it. */
  readonly settings: Readonly<Record<string, unknown>>
}

/** The topology says something that cannot be; the message is a whole sentence. */
export class TopologyError extends ColonyError {
  constructor (message: string, options?: { cause?: unknown }) {
    super('COLONY_LAB_TOPOLOGY', message, options)
  }
}

export const originName = 'origin'
export const plainLink: LinkShape = Object.freeze({ delayMs: 0, jitterMs: 0, lossPercent: 0, duplicatePercent: 0, reorderPercent: 0 })

/** Stands for every other region in a link. */
const anyRegion = '*'
const regionName = /^[a-z][a-z0-9-]{0,19}$/

function number (min: number, max: number, what: string): z.ZodType<number> {
  return expecting(`${what} from ${min} to ${max}`, z.number().min(min).max(max))
}

const delay = number(0, 10_000, 'milliseconds')
const percent = number(0, 100, 'a percentage')
const name = expecting('a region\'s name, such as europe', z.string())

const schema = strictMap({
  regions: expecting('a map of regions, such as { europe: { hosts: 2 } }', z.record(z.string(), z.unknown())),
  links: z.array(strictMap({
    from: name,
    to: name,
    delayMs: delay.optional(),
    jitterMs: delay.optional(),
    lossPercent: percent.optional(),
    duplicatePercent: percent.optional(),
    reorderPercent: percent.optional(),
    rateMbit: number(0.01, 10_000, 'a rate in Mbit/s').optional(),
    oneWay: expecting('true or false', z.boolean()).optional()
  }), { error: 'expected a list of links, such as [{ from: europe, to: asia, delayMs: 110 }]' }).optional(),
  origin: name.optional(),
  settings: expecting('a map of settings, as in colonyd\'s file', z.record(z.string(), z.unknown())).optional()
})

const regionSchema = strictMap({
  hosts: expecting(`a whole number of hosts from 1 to ${topologyDefaults.hostsMax}`, z.number().int().min(1).max(topologyDefaults.hostsMax)),
  city: expecting('the name of a city', z.string()).optional()
})

type Given = z.output<typeof schema>

/** @throws TopologyError */
export function readTopology (text: string): Topology {
  let value: unknown
  try {
    value = parseYaml(text)
  } catch (error) {
    throw new TopologyError(`the topology is no YAML: ${messageOf(error).split('\n')[0]}`, { cause: error })
  }
  return topologyOf(value)
}

/** So many hosts, spread over so many regions, each as far from the others. */
export function plainTopology (hosts: number, regions: number): Topology {
  if (hosts < regions) throw new TopologyError(`${hosts} hosts are too few for ${regions} regions: expected one for each at least`)
  const names = regionNames.slice(0, regions)
  return topologyOf({
    regions: Object.fromEntries(names.map((name, at) => [name, { hosts: Math.floor(hosts / regions) + (at < hosts % regions ? 1 : 0) }]))
  })
}

/** @param value as YAML gives it; @throws TopologyError */
export function topologyOf (value: unknown): Topology {
  const given = check(schema, value, [])
  const entries = Object.entries(given.regions).map(([region, each]) => {
    if (!regionName.test(region)) throw wrong(['regions'], region, 'expected a name of up to 20 lower-case letters, digits or "-"')
    if (region === originName) throw wrong(['regions'], region, 'expected another name, as the origin has this one')
    return [region, check(regionSchema, each, ['regions', region])] as const
  })
  const regions = entries.map(([region]) => region)
  if (regions.length === 0) throw wrong(['regions'], given.regions, 'expected at least one region')
  const hosts = entries.flatMap(([region, { hosts }], at) => Array.from({ length: hosts }, (_, index) => ({
    name: `${region}-${index + 1}`, region, address: address(at, index + 1)
  })))
  if (hosts.length > topologyDefaults.hostsMax) throw wrong(['regions'], `${hosts.length} hosts`, `expected at most ${topologyDefaults.hostsMax} in all`)
  const origin = given.origin ?? regions[0]!
  if (!regions.includes(origin)) throw wrong(['origin'], origin, `expected one of ${regions.join(', ')}`)
  return {
    regions,
    hosts,
    origin: { name: originName, region: origin, address: address(regions.indexOf(origin), originNumber) },
    links: linksOf(given, regions, new Map(entries.map(([region, { city }]) => [region, cityOf(region, city)]))),
    settings: given.settings ?? {}
  }
}

/** The shape of the way from one region to another, or within one. */
export function linkOf ({ links }: Pick<Topology, 'links'>, from: string, to: string): LinkShape {
  return links.get(direction(from, to)) ?? plainLink
}

/** Every host, the origin among them. */
export function everyHost ({ hosts, origin }: Topology): readonly LabHost[] {
  return [...hosts, origin]
}

/** The region's network: a filter by it catches all its hosts. */
export function networkOf (host: LabHost): string {
  return host.address.replace(/\d+$/, '0/24')
}

/** Above any host's number. */
const originNumber = 250

function address (regionIndex: number, hostNumber: number): string {
  return `10.77.${regionIndex + 1}.${hostNumber}`
}

function direction (from: string, to: string): string {
  return `${from}>${to}`
}

/** @param name the city that the file names; without it, the one of the region's own name, if there is one */
function cityOf (region: string, name: string | undefined): City | undefined {
  const city = cities.find((each) => each.name === (name ?? region))
  if (city !== undefined || name === undefined) return city
  const near = nearest(name, cities.map((each) => each.name))
  throw wrong(['regions', region, 'city'], name, near === undefined ? 'expected a large city, such as frankfurt or new-york' : `did you mean ${near}?`)
}

function linksOf ({ links = [] }: Given, regions: readonly string[], places: ReadonlyMap<string, City | undefined>): Map<string, LinkShape> {
  const shapes = new Map<string, LinkShape>()
  const pairs = regions.flatMap((from) => regions.filter((to) => to !== from).map((to) => [from, to] as const))
  for (const [from, to] of pairs) {
    const [here, there] = [places.get(from), places.get(to)]
    // To a tenth: what a file or a table says should be read again as it was written.
    const delayMs = here === undefined || there === undefined ? topologyDefaults.delayMs : Math.round(wayMs(here, there) * 10) / 10
    shapes.set(direction(from, to), { ...plainLink, delayMs })
  }
  for (const [at, { from, to, oneWay = false, ...given }] of links.entries()) {
    for (const [key, region] of [['from', from], ['to', to]] as const) {
      if (region !== anyRegion && !regions.includes(region)) throw wrong(['links', at, key], region, `expected one of ${regions.join(', ')}, or "*" for every other region`)
    }
    const matches = (one: string, other: string): boolean => (from === anyRegion || from === one) && (to === anyRegion || to === other)
    const inside = from === to && from !== anyRegion ? [[from, from] as const] : []
    for (const [one, other] of [...pairs, ...inside]) {
      if (!matches(one, other) && (oneWay || !matches(other, one))) continue
      const shape = { ...linkOf({ links: shapes }, one, other), ...given }
      if (shape.jitterMs > shape.delayMs) throw wrong(['links', at, 'jitterMs'], shape.jitterMs, `expected at most the delay, ${shape.delayMs}`)
      if (shape.reorderPercent > 0 && shape.delayMs === 0) throw wrong(['links', at, 'reorderPercent'], shape.reorderPercent, 'expected a delayMs with it, as packets overtake only those that wait')
      shapes.set(direction(one, other), shape)
    }
  }
  for (const to of regions) {
    const shares = new Set(regions.map((from) => linkOf({ links: shapes }, from, to).duplicatePercent).filter((share) => share > 0))
    // One such queue for each cable is all that Linux allows (shaping.ts).
    if (shares.size > 1) throw wrong(['links'], [...shares], `expected one duplicatePercent for all links that lead to ${to}`)
  }
  return shapes
}

function check<Schema extends z.ZodType> (schema: Schema, value: unknown, place: readonly PropertyKey[]): z.output<Schema> {
  const result = schema.safeParse(value)
  if (result.success) return result.data
  const issue = result.error.issues[0]!
  if (issue.code === 'unrecognized_keys') throw new TopologyError(`${dotted([...place, ...issue.path, issue.keys[0]!])} is not a known key of a topology: ${issue.message}`)
  const found = issue.path.reduce<unknown>((at, key) => (at as Record<PropertyKey, unknown> | undefined)?.[key], value)
  throw wrong([...place, ...issue.path], found, issue.message)
}

function wrong (place: readonly PropertyKey[], value: unknown, expected: string): TopologyError {
  return new TopologyError(`${place.length === 0 ? 'the topology' : dotted(place)} is ${JSON.stringify(value) ?? 'missing'}: ${expected}`)
}

/** `['links', 0, 'from']` as people write it: `links[0].from`. */
function dotted (place: readonly PropertyKey[]): string {
  return place.map((key, at) => typeof key === 'number' ? `[${key}]` : `${at === 0 ? '' : '.'}${String(key)}`).join('')
}
