/** `colony ls`: what is published at a site, from all edges that answer; without a site, the sites. */
import type { ContentList, ContentObject, ContentSites } from '../../daemon/admin/content.ts'
import { readDocument } from '../admin.ts'
import { type Command, type Given, tableStyle } from '../command.ts'
import { formatTable } from '../table.ts'
import { formatBytes, formatCount } from '../units.ts'

export const list: Command = {
  name: 'ls',
  summary: 'lists what is published at a site',
  description: 'Without a site, the sites of the edge. HELD BY counts the edges that say that they hold the newest version.',
  operands: { placeholder: '[SITE]', help: 'a site\'s name', min: 0, max: 1 },
  example: 'colony ls\ncolony ls default',
  run
}

async function run (given: Given, [site]: readonly string[]): Promise<void> {
  if (site === undefined) {
    const document = await readDocument(given, '/v1/content', isSites)
    process.stdout.write(given.json === true ? `${JSON.stringify(document)}\n` : sitesText(document))
    return
  }
  const objects: ContentObject[] = []
  const missing = new Set<string>()
  for (let after: string | undefined = ''; after !== undefined;) {
    const page: ContentList = await readDocument(given, `/v1/content/${encodeURIComponent(site)}?after=${encodeURIComponent(after)}`, isList)
    objects.push(...page.objects)
    for (const { name } of page.missing) missing.add(name)
    after = page.next
  }
  if (given.json === true) process.stdout.write(`${JSON.stringify({ site, objects, missing: [...missing] })}\n`)
  else process.stdout.write(objectsText(site, objects))
  if (missing.size > 0) process.stderr.write(`${missing.size === 1 ? 'an edge' : `${missing.size} edges`} did not answer, and what only they hold is not listed: ${[...missing].join(', ')}\n`)
}

function sitesText ({ sites, bytes, bytesMax }: ContentSites): string {
  return formatTable<ContentSites['sites'][number]>([
    { heading: 'SITE', value: ({ name }) => name, cuttable: true },
    { heading: 'ORIGIN', value: ({ origin }) => origin ? 'yes' : 'none' },
    { heading: 'PUBLISHED', value: ({ published }) => published ? 'allowed' : 'no (published: true allows it)' },
    { heading: 'OBJECTS HERE', value: ({ objects }) => formatCount(objects), align: 'right' }
  ], [{ rows: sites }], tableStyle()) + `\n${formatBytes(bytes)} of ${formatBytes(bytesMax)} for published content are used on this edge\n`
}

function objectsText (site: string, objects: readonly ContentObject[]): string {
  if (objects.length === 0) return `nothing is published at the site ${site} (colony put FILE ${site}:/PATH)\n`
  return formatTable<ContentObject>([
    { heading: 'PATH', value: ({ path }) => path, cuttable: true },
    { heading: 'HOST', value: ({ host }) => host, cuttable: true, optional: true },
    { heading: 'SIZE', value: ({ length }) => formatBytes(length), align: 'right' },
    { heading: 'TYPE', value: ({ type }) => type, cuttable: true },
    { heading: 'PUBLISHED', value: ({ createdAt }) => createdAt.replace('T', ' ').replace(/\.\d+Z$/, 'Z') },
    { heading: 'HELD BY', value: ({ holders, copies }) => `${holders.length} of ${copies}`, align: 'right' },
    { heading: 'VERSION', value: ({ version }) => version, cuttable: true }
  ], [{ rows: objects }], tableStyle())
}

function isSites (document: unknown): document is ContentSites {
  return Array.isArray((document as Partial<ContentSites> | null)?.sites)
}

function isList (document: unknown): document is ContentList {
  const { objects, missing } = (document ?? {}) as Partial<ContentList>
  return Array.isArray(objects) && Array.isArray(missing)
}
