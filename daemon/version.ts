/**
 * The version in package.json, which lies one folder above this module's in a clone and two in an
 * installed package (`dist/daemon`).
 */
import { existsSync, readFileSync } from 'node:fs'

function readVersion (): string {
  const inClone = new URL('../package.json', import.meta.url)
  const url = existsSync(inClone) ? inClone : new URL('../../package.json', import.meta.url)
  return (JSON.parse(readFileSync(url, 'utf8')) as { version: string }).version
}

export const version = readVersion()
