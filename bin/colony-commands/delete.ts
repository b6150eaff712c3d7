/** `colony rm`: deletes published content on every edge that holds it. */
import { randomUUID } from 'node:crypto'
import type { ContentWritten } from '../../daemon/admin/content.ts'
import { AdminError, sendRequest } from '../admin.ts'
import { type Command, type Given } from '../command.ts'
import { contentPath, isVersion, nameOf, placeOf, urlHelp } from '../content.ts'

export const deleteContent: Command = {
  name: 'rm',
  summary: 'deletes published content',
  description: 'Done when as many edges as held it have the deletion on disk. Other edges may give out a cached copy until its lifetime ends.\nRepeating it changes nothing.',
  operands: { placeholder: 'URL', help: urlHelp, min: 1, max: 1 },
  example: 'colony rm http://127.0.0.1:8080/app.js\ncolony rm default:/app.js',
  run
}

async function run (given: Given, [url = '']: readonly string[]): Promise<void> {
  const place = await placeOf(given, url)
  const response = await sendRequest(given, { method: 'DELETE', path: contentPath(place), fields: { 'idempotency-key': `"${randomUUID()}"` } })
  const document: unknown = await response.json().catch(() => undefined)
  if (!isVersion(document)) throw new AdminError('the edge answered with what is no published version: are both of one version?')
  const { holders, version } = document as ContentWritten
  process.stdout.write(given.json === true ? `${JSON.stringify(document)}\n` : `deleted ${nameOf(place)} on ${holders.length} ${holders.length === 1 ? 'edge' : 'edges'}, version ${version}\n`)
}
