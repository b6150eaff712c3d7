/**
 * Where a lab keeps its files, and the file that says what it consists of, so that a later command
 * finds it. Namespaces decide whether there is a lab; a folder without them is what a crash left, or a restart.
 */
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { codeOf } from '../../protocols/errors.ts'
import type { LabHost, LinkShape, Topology } from './topology.ts'

export interface LabRecord {
  readonly name: string
  /** Whether links are shaped. */
  readonly delay: boolean
  readonly topology: Topology
}

export function labFolder (lab: string): string {
  return join(tmpdir(), `colony-lab-${lab}`)
}

/** A host's own folder. */
export function hostFolder (lab: string, host: Pick<LabHost, 'name'>): string {
  return join(labFolder(lab), host.name)
}

/** Sockets of a host's gate. */
export function socketOf (lab: string, host: Pick<LabHost, 'name'>, door: 'http' | 'admin'): string {
  return join(hostFolder(lab, host), `${door}.sock`)
}

const recordName = 'lab.json'

export async function writeRecord (record: LabRecord): Promise<void> {
  const folder = labFolder(record.name)
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const path = join(folder, recordName)
  await writeFile(`${path}.new`, JSON.stringify({ ...record, topology: { ...record.topology, links: [...record.topology.links] } }))
  await rename(`${path}.new`, path)
}

/** @returns undefined when there is none */
export async function readRecord (lab: string): Promise<LabRecord | undefined> {
  try {
    const record = JSON.parse(await readFile(join(labFolder(lab), recordName), 'utf8')) as LabRecord
    const links = record.topology.links as unknown as ReadonlyArray<readonly [string, LinkShape]>
    return { ...record, topology: { ...record.topology, links: new Map(links) } }
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined
    throw error
  }
}

export async function removeFolder (lab: string): Promise<void> {
  await rm(labFolder(lab), { recursive: true, force: true })
}
