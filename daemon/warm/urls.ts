/**
 * From what a person writes to what is meant: `http://shop.example/a.css` by the host that a site answers for, or
 * `shop:/a.css` by the site's name. The target is kept as written, as a client would send it.
 */
import type { Located, Sites } from '../cache/sites.ts'

export type Meant =
  | { readonly kind: 'located', readonly located: Located }
  /** A sentence that says why it means nothing here. */
  | { readonly kind: 'nothing', readonly why: string }

/** Scheme, authority without user information, and the rest up to a fragment, which no client sends. */
const fullUrl = /^https?:\/\/([^/?#@\s]+)([/?][^#\s]*)?(?:#.*)?$/i
const siteUrl = /^([^:/?#\s]+):(\/(?!\/)[^#\s]*)$/

export function meant (sites: Sites, url: string): Meant {
  const full = fullUrl.exec(url)
  if (full !== null) {
    const [, host = '', rest = ''] = full
    const site = sites.byHost(host)
    if (site === undefined) return nothing(`no site of this edge answers for the host ${host}`)
    const located = sites.locate(site, rest.startsWith('/') ? rest : `/${rest}`, host)
    return located === undefined ? nothing('its path holds what no path may') : { kind: 'located', located }
  }
  const [, name, target] = siteUrl.exec(url) ?? []
  if (name === undefined || target === undefined) return nothing('it is neither an http or https URL nor SITE:/PATH')
  const site = sites.byName(name)
  if (site === undefined) return nothing(`there is no site ${name} on this edge: it has ${sites.all().map((each) => each.name).join(', ')}`)
  if (site.preserveHost) return nothing(`the site ${name} keeps the hosts of its clients apart: give the full URL`)
  const located = sites.locate(site, target, '')
  return located === undefined ? nothing('its path holds what no path may') : { kind: 'located', located }
}

function nothing (why: string): Meant {
  return { kind: 'nothing', why }
}
