/**
 * From what a purge names to what that means on this edge: sites by their hosts, targets as the sites' keys have them, by their
 * rules of now and of before. Where an edge cannot tell (a site that it does not know, a rule that may have dropped a part of the query)
 * all queries of the path are meant.
 */
import { hostOf, type KeyRule, type Site } from '../cache/sites.ts'
import type { Place, Scope } from '../../protocols/purge/marks.ts'
import type { Selector } from '../../protocols/purge/purge.ts'
import { tagHash } from '../../protocols/purge/tags.ts'

/** What is needed of `Sites`. */
export interface PurgeSites {
  byHost: (authority: string) => Pick<Site, 'name'> | undefined
  keyRules: (site: string) => readonly KeyRule[]
  ruledSites: () => readonly string[]
}

export function placesOf (sites: PurgeSites, selectors: readonly Selector[]): Place[] {
  return selectors.flatMap((selector) => places(sites, selector))
}

function places (sites: PurgeSites, selector: Selector): Place[] {
  switch (selector.kind) {
    case 'everything': return [{ scope: selector.site ?? '', kind: 'all' }]
    case 'tag': return [{ scope: selector.site ?? '', kind: 'tag', tag: tagHash(selector.tag) }]
    case 'host': return scopesOf(sites, selector).map((scope) => ({ scope, kind: 'all' }))
    case 'url': return textsOf(sites, selector, selector.queries === 'all' ? 'path' : 'target', selector.target)
    case 'prefix': return textsOf(sites, selector, 'prefix', selector.prefix)
  }
}

function textsOf (sites: PurgeSites, selector: { readonly site?: string, readonly host?: string }, kind: 'target' | 'path' | 'prefix', text: string): Place[] {
  const scopes = scopesOf(sites, selector)
  const plain = scopes.map((scope): Place => ({ scope, kind, text }))
  const [path = '', query] = text.split('?', 2)
  if (kind === 'path' || query === undefined) return plain
  // What follows the question mark may be counted otherwise, or not at all.
  const elsewhere = scopes.includes('') ? sites.ruledSites() : []
  return [...plain, ...[...scopes, ...elsewhere].flatMap((scope) => {
    const site = scope.split('|', 1)[0]!
    const rules = sites.keyRules(site)
    if (site !== '' && rules.length === 0) return [{ scope, kind: 'path', text: path } as const]
    return rules.flatMap(({ targetRule }): Place[] => targetRule === undefined ? [] : [kind === 'target' ? { scope, kind, text: targetRule(text) } : { scope, kind: 'path', text: path }])
  })]
}

/** A host of a site that keeps hosts apart is a scope of its own, else it stands for its site. */
function scopesOf (sites: PurgeSites, { site, host }: { readonly site?: string, readonly host?: string }): Scope[] {
  if (host === undefined) return [site ?? '']
  const name = site ?? sites.byHost(host)?.name
  // No site answers for it here: nothing of it can be given to anybody.
  if (name === undefined) return []
  const rules = sites.keyRules(name)
  if (rules.length === 0) return [name]
  return [...new Set(rules.map(({ preserveHost }) => preserveHost ? `${name}|${hostOf(host)}` : name))]
}
