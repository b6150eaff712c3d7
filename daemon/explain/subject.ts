/**
 * What a person means by a URL: the site by its host, or by its name (`site:/path`), or the only one (`/path`), and
 * the key that a request for it would have. Request fields may be given beside it, as they select a variant.
 */
import { ColonyError } from '../../protocols/errors.ts'
import type { Field, Fields } from '../../protocols/fields.ts'
import type { Located, Site, Sites } from '../cache/sites.ts'
import type { SiteConfig } from '../config.ts'
import { endToEnd } from '../http/fields.ts'

/** It cannot be explained: the URL or a field is none (`COLONY_EXPLAIN_URL`), or no site answers for it (`COLONY_EXPLAIN_SITE`). */
export class ExplainError extends ColonyError {
  constructor (code: 'COLONY_EXPLAIN_URL' | 'COLONY_EXPLAIN_SITE', message: string) {
    super(code, message)
  }
}

export type SiteHosts = Pick<SiteConfig, 'name' | 'hosts'>

/** The longest request target that the HTTP front reads is shorter. */
const urlCharsMax = 16 * 1024

/** @throws ExplainError */
export function readSubject (text: string, sites: Sites, hosts: readonly SiteHosts[]): Located {
  if (text === '' || text.length > urlCharsMax) throw urlError('it must have 1 to 16,384 characters')
  const { site, target, authority } = parse(text, sites, hosts)
  if (site.preserveHost && authority === '') throw urlError(`the site ${site.name} keeps the client's Host as part of the key: give the whole URL`)
  const located = sites.locate(site, target === '' || target.startsWith('?') ? `/${target}` : target, authority)
  if (located === undefined) throw urlError(`${JSON.stringify(text)} has no path that a request could ask for`)
  return located
}

interface Parsed { readonly site: Site, readonly target: string, readonly authority: string }

/** By hand: the URL class would normalise more than a client may have, and so give another key. */
function parse (text: string, sites: Sites, hosts: readonly SiteHosts[]): Parsed {
  // A client sends no fragment, and sends what is not ASCII percent-encoded.
  const sent = text.toWellFormed().replace(/#.*$/s, '').replace(/[^\0-\x7f]+/g, encodeURIComponent)
  if (sent.startsWith('/')) return { site: onlySite(sites, hosts), target: sent, authority: '' }
  const named = /^([^/?:@]+):(\/(?!\/).*)$/s.exec(sent)
  if (named !== null) {
    const site = sites.byName(named[1] ?? '')
    if (site === undefined) throw siteError(`there is no site ${JSON.stringify(named[1])} on this edge`, hosts)
    return { site, target: named[2] ?? '', authority: '' }
  }
  const whole = /^(?:https?:\/\/)?([^/?@:[\]]+|\[[0-9a-fA-F:.]+\])(:\d+)?([/?].*)?$/is.exec(sent)
  if (whole === null || /[\s\\]/.test(whole[1] ?? '')) throw urlError(`${JSON.stringify(text)} is no http(s) URL, no SITE:/PATH and no /PATH`)
  const authority = `${whole[1] ?? ''}${whole[2] ?? ''}`.toLowerCase()
  const site = sites.byHost(authority)
  if (site === undefined) throw siteError(`no site of this edge answers for the host ${authority}`, hosts)
  return { site, target: whole[3] ?? '', authority }
}

function onlySite (sites: Sites, hosts: readonly SiteHosts[]): Site {
  const [only, ...others] = sites.all()
  if (only !== undefined && others.length === 0) return only
  throw siteError('a path alone could be of any site: give SITE:/PATH', hosts)
}

/** RFC 9110 section 5.1 and 5.5. */
const fieldLine = /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+):[ \t]*([\t\x20-\x7e\x80-\xff]*?)[ \t]*$/
const fieldsMax = 50

/**
 * @param lines `Name: value`
 * @returns what the edge would make of them: names in lower case, end-to-end fields only
 * @throws ExplainError
 */
export function readFields (lines: readonly string[]): Fields {
  if (lines.length > fieldsMax) throw urlError(`more than ${fieldsMax} request fields were given`)
  return endToEnd(lines.map((line): Field => {
    const match = fieldLine.exec(line)
    if (match === null) throw urlError(`the request field ${JSON.stringify(line)} is not of the form "Name: value"`)
    return [(match[1] ?? '').toLowerCase(), match[2] ?? '']
  })).filter(([name]) => name !== 'host')
}

function urlError (what: string): ExplainError {
  return new ExplainError('COLONY_EXPLAIN_URL', `this URL cannot be explained: ${what}`)
}

function siteError (what: string, hosts: readonly SiteHosts[]): ExplainError {
  const known = hosts.map((site) => `${site.name} (${site.hosts.map((host) => host === '*' ? 'any other host' : host).join(', ')})`)
  return new ExplainError('COLONY_EXPLAIN_SITE', `${what}; its sites are ${known.join('; ')}`)
}
