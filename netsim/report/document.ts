/**
 * What a report shows, as plain data: figures, charts over a common axis with what went wrong marked on it, and a map.
 * It knows nothing of swarms or worlds (swarm-report.ts and world-report.ts make it from those) and nothing of HTML
 * (page.ts makes that). All text may come from files and peers; the page escapes it.
 */
export interface ReportDocument {
  readonly title: string
  /** One sentence: how it went. */
  readonly summary: string
  /** The command line that repeats the run, with its seed. */
  readonly command: string
  readonly facts: readonly Fact[]
  readonly sections: readonly Section[]
  readonly map?: ReportMap
}

export type Fact = readonly [name: string, value: string]

/** Charts that share an axis: one cursor, one zoom, the same marks. */
export interface Section {
  readonly title: string
  readonly axis: Axis
  readonly charts: readonly Chart[]
  readonly marks: readonly Mark[]
}

export type Axis =
  /** Seconds since something that `label` names. */
  | { readonly kind: 'time', readonly label: string }
  /** Numbers of which each was measured by itself, such as sizes. */
  | { readonly kind: 'sizes', readonly label: string }

export interface Chart {
  readonly title: string
  readonly unit: Unit
  /** One sentence that says how to read it. */
  readonly about?: string
  /** For what spans several orders of magnitude; nothing at or below 0 is drawn then. */
  readonly logarithmic?: boolean
  /** The scale reaches so far even where no value does, such as 100 of a share of all. */
  readonly upTo?: number
  /** Ascending; of a time from 0 on. */
  readonly x: readonly number[]
  readonly lines: readonly Line[]
}

export interface Line {
  readonly name: string
  /** One for each x; null where there was nothing to measure. */
  readonly values: ReadonlyArray<number | null>
}

/** What a number counts; percent are 0 to 100. */
export const Unit = { Count: '', PerSecond: '/s', Percent: '%', Milliseconds: 'ms', Seconds: 's', Bytes: 'B', BytesPerSecond: 'B/s' } as const
export type Unit = typeof Unit[keyof typeof Unit]

/** Something that happened, or lasted for a while. */
export interface Mark {
  readonly atSeconds: number
  readonly forSeconds: number
  readonly text: string
}

export interface ReportMap {
  readonly title: string
  readonly regions: readonly MapRegion[]
  readonly links: readonly MapLink[]
  /** Places that say where one is, beside the regions; drawn faintly. */
  readonly backdrop?: readonly Place[]
}

/** Degrees north, and east. */
export interface Place {
  readonly latitude: number
  readonly longitude: number
}

/** Without a place all regions stand on a circle, in their order. */
export interface MapRegion {
  readonly name: string
  readonly edges: number
  readonly place?: Place
  readonly facts?: readonly Fact[]
}

/** Between two regions, by name. Either figure may be unknown. */
export interface MapLink {
  readonly from: string
  readonly to: string
  readonly rttMs?: number
  readonly bytes?: number
}
