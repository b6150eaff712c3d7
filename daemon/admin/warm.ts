/**
 * `POST /v1/warm`: URLs in, a line of JSON out for each as it completes, and one now and then about how far the whole is. The
 * job ends with the connection. What is wrong with the request is said before the first line.
 */
import { fieldValue } from '../../protocols/fields.ts'
import type { Region } from '../../protocols/ids.ts'
import type { EdgeRequest, EdgeResponse } from '../http/message.ts'
import { problem } from '../http/problem.ts'
import type { WarmJob, WarmJobs } from '../warm/jobs.ts'
import type { WarmSettings } from '../warm/settings.ts'
import { readText, streamResponse, type AdminRoute } from './route.ts'

export interface WarmSource {
  readonly jobs: Pick<WarmJobs, 'run' | 'running'>
  /** Regions that have members. */
  readonly regions: () => readonly Region[]
  readonly settings: WarmSettings
}

const urlCharsMax = 16 * 1024
const concurrencyDefault = 8

export function warmRoutes (source: WarmSource): AdminRoute[] {
  return [{ method: 'POST', path: '/v1/warm', run: async ({ request }) => await warm(source, request) }]
}

async function warm ({ jobs, regions, settings }: WarmSource, request: EdgeRequest): Promise<EdgeResponse> {
  const type = fieldValue(request.fields, 'content-type')
  if (type?.split(';')[0]?.trim().toLowerCase() !== 'application/json') {
    return problem(415, undefined, `/v1/warm takes application/json, such as {"urls":["http://shop.example/a.css"]}, not ${type ?? 'a body without a Content-Type'}`)
  }
  if (jobs.running >= settings.warmJobsMax) return problem(503, undefined, `this edge is warming ${jobs.running} lists already: try again later, or through another edge`)
  const text = await readText(request.body, settings.warmBodyBytesMax)
  if (text === undefined) return problem(413, undefined, `the list is larger than ${settings.warmBodyBytesMax} bytes: send it in parts`)
  const job = readJob(text, regions(), settings)
  if (typeof job === 'string') return problem(400, undefined, job)
  return streamResponse(jobs.run(job, request.signal))
}

/** @returns the job, or a sentence that says what is wrong with it */
function readJob (text: string, known: readonly Region[], settings: WarmSettings): WarmJob | string {
  let body: unknown
  try {
    body = JSON.parse(text)
  } catch {
    return 'the body is not JSON'
  }
  const { urls, regions, copies = 1, concurrency = Math.min(concurrencyDefault, settings.warmUrlsAtOnceMax) } = (body ?? {}) as Record<string, unknown>
  if (!isTexts(urls) || urls.length === 0) return `urls is ${quoted(urls)}: expected a list of URLs, at least one`
  if (urls.length > settings.warmUrlsMax) return `urls has ${urls.length} entries: expected at most ${settings.warmUrlsMax}; send them in parts`
  const long = urls.find((url) => url.length > urlCharsMax)
  if (long !== undefined) return `the URL ${quoted(long)} has ${long.length} characters: expected at most ${urlCharsMax}`
  if (regions !== undefined && (!isTexts(regions) || regions.length === 0)) return `regions is ${quoted(regions)}: expected a list of regions, at least one, or none for all`
  const unknown = regions?.find((region) => !known.includes(region))
  if (unknown !== undefined) return `there is no edge in the region ${quoted(unknown)}: expected ${known.join(', ')}`
  if (!isWhole(copies, settings.warmCopiesMax)) return `copies is ${quoted(copies)}: expected a whole number from 1 to ${settings.warmCopiesMax}`
  if (!isWhole(concurrency, settings.warmUrlsAtOnceMax)) return `concurrency is ${quoted(concurrency)}: expected a whole number from 1 to ${settings.warmUrlsAtOnceMax}`
  return { urls, regions, copies, concurrency }
}

function isTexts (value: unknown): value is string[] {
  return Array.isArray(value) && value.every((each) => typeof each === 'string')
}

function isWhole (value: unknown, max: number): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= max
}

function quoted (value: unknown): string {
  const text = JSON.stringify(value) ?? 'missing'
  return text.length > 80 ? `${text.slice(0, 77)}...` : text
}
