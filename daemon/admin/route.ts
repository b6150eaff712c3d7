/**
 * What an admin document is made of: a route with its method, a path with parameters, and the function that
 * answers. Each part of the admin listener is a file beside this one that gives such routes; `routes.ts` finds the
 * right one.
 */
import type { Body, EdgeRequest, EdgeResponse } from '../http/message.ts'

export interface AdminRequest {
  readonly request: EdgeRequest
  /** What stands in the places of the path's parameters, as sent; `rest` is what `*` stands for. */
  readonly params: Readonly<Record<string, string>>
  readonly query: URLSearchParams
}

export interface AdminRoute {
  readonly method: 'GET' | 'PUT' | 'PATCH' | 'POST' | 'DELETE'
  /** `/v1/explain`; `:name` stands for one segment, a `*` at the end for all that follow. */
  readonly path: string
  readonly run: (request: AdminRequest) => EdgeResponse | Promise<EdgeResponse>
}

/** The parameters of a path that fits, undefined where it does not. */
export function matchPath (pattern: string, path: string): Record<string, string> | undefined {
  const wanted = pattern.split('/')
  const given = path.split('/')
  const params: Record<string, string> = {}
  for (const [index, segment] of wanted.entries()) {
    const text = given[index]
    if (text === undefined) return undefined
    if (segment === '*') {
      params.rest = given.slice(index).join('/')
      return params
    }
    if (segment.startsWith(':') && text !== '') params[segment.slice(1)] = text
    else if (segment !== text) return undefined
  }
  return wanted.length === given.length ? params : undefined
}

/** @returns a request's body as text, undefined when it is longer */
export async function readText (body: Body | undefined, bytesMax: number): Promise<string | undefined> {
  const chunks: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of body ?? []) {
    bytes += chunk.byteLength
    if (bytes > bytesMax) return undefined
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString()
}

export function jsonResponse (status: number, body: unknown): EdgeResponse {
  return textResponse(status, 'application/json', `${JSON.stringify(body)}\n`)
}

export function textResponse (status: number, type: string, text: string): EdgeResponse {
  const bytes = new TextEncoder().encode(text)
  return {
    status,
    fields: [['content-type', type], ['cache-control', 'no-store']],
    length: bytes.byteLength,
    body: (async function * () { yield bytes })()
  }
}

/** One JSON document a line, each sent as it comes. */
export function streamResponse (lines: AsyncIterable<unknown>): EdgeResponse {
  return {
    status: 200,
    fields: [['content-type', 'application/x-ndjson'], ['cache-control', 'no-store']],
    body: (async function * () {
      for await (const line of lines) yield new TextEncoder().encode(`${JSON.stringify(line)}\n`)
    })()
  }
}
