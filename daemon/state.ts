/**
 * What must outlive the process and is small: identity and known peers (the Raft log stands in a
 * database of its own). One LevelDB in the data folder, a sublevel for each part. Its lock is
 * also what keeps two daemons off one folder. A file beside it says in which format everything in the
 * folder is, so that an older version leaves a newer one's folder as it is.
 */
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { generateKeyPair, privateKeyFromProtobuf, privateKeyToProtobuf } from '@libp2p/crypto/keys'
import type { Ed25519PrivateKey } from '@libp2p/interface'
import { LevelDatastore } from 'datastore-level'
import type { Datastore } from 'interface-datastore'
import { codeOf, ColonyError, messageOf } from '../protocols/errors.ts'
import type { Records } from './agreed/kept.ts'
import { type Database, type Databases, ownDatabases } from './database.ts'

export interface State {
  /** libp2p's peer store and the DHT's records. */
  readonly datastore: Datastore
  readonly identity: Ed25519PrivateKey
  /** A part's small records, by name; `put` resolves when it is synced. */
  records: (part: string) => Records
  /** A part's records, where it needs more than to have one by its name. */
  database: (part: string) => Database
  /** Of each group that an edge may be in. */
  readonly founding: Readonly<Record<'region' | 'global', Founding>>
  close: () => Promise<void>
}

export interface Founding {
  /** The folder was empty when this identity was made, and no such group has been entered since: only then may one be founded. */
  readonly mayFound: boolean
  /** Such a group was entered: never again may this identity found one. */
  readonly entered: () => Promise<void>
}

/** The data folder cannot be used: missing rights, in use, or not ours. */
export class DataFolderError extends ColonyError {
  constructor (message: string, options?: { cause?: unknown }) {
    super('COLONY_DATA_FOLDER', message, options)
  }
}

const identityKey = 'ed25519'
const mayFoundKeys = { region: 'may-found', global: 'may-found-global' }

/** Of the whole data folder: raised when an older version would misread what this one writes. */
const dataFormat = 1

/** @throws DataFolderError with one sentence that says what to do */
export async function openState (dataDir: string, databases: Databases = ownDatabases): Promise<State> {
  const folder = resolve(dataDir)
  const level = await openLevel(folder, databases)
  try {
    await writeFormat(folder)
    const identities = level.sublevel<string, Uint8Array>('identity', { valueEncoding: 'view' })
    const stored = await identities.get(identityKey)
    const identity = stored === undefined ? await generateKeyPair('Ed25519') : decodeIdentity(stored, folder)
    const groups = level.sublevel<string, Uint8Array>('groups', { valueEncoding: 'view' })
    if (stored === undefined) {
      await level.batch([
        { type: 'put', sublevel: identities, key: identityKey, value: privateKeyToProtobuf(identity) },
        ...Object.values(mayFoundKeys).map((key) => ({ type: 'put', sublevel: groups, key, value: Uint8Array.of(1) }) as const)
      ], { sync: true })
    }
    const foundingOf = async (key: string): Promise<Founding> => ({
      mayFound: await groups.get(key) !== undefined,
      entered: async () => { await level.batch([{ type: 'del', sublevel: groups, key }], { sync: true }) }
    })
    const founding = { region: await foundingOf(mayFoundKeys.region), global: await foundingOf(mayFoundKeys.global) }
    // The store takes any abstract-level; its types ask for a top-level database.
    const peers = level.sublevel<string, Uint8Array>('libp2p', { valueEncoding: 'view' }) as never
    return {
      datastore: new LevelDatastore(peers) as unknown as Datastore,
      identity,
      founding,
      records: (part) => recordsOf(level, part),
      database: (part) => level.sublevel<string, Uint8Array>(part, { valueEncoding: 'view' }) as unknown as Database,
      close: async () => { await level.close() }
    }
  } catch (error) {
    await level.close()
    throw error
  }
}

function recordsOf (level: Database, part: string): Records {
  const records = level.sublevel<string, Uint8Array>(part, { valueEncoding: 'view' })
  return {
    get: async (name) => await records.get(name),
    put: async (name, value) => { await level.batch([{ type: 'put', sublevel: records, key: name, value }], { sync: true }) }
  }
}

async function openLevel (folder: string, databases: Databases): Promise<Database> {
  try {
    await mkdir(folder, { recursive: true })
    await checkFormat(folder)
    const level = databases(join(folder, 'state'))
    await level.open()
    return level
  } catch (error) {
    if (error instanceof DataFolderError) throw error
    const cause = (error as { cause?: unknown }).cause
    if (codeOf(cause) === 'LEVEL_LOCKED') {
      throw new DataFolderError(`the data folder ${folder} is in use by another colonyd: give each its own with --data`, { cause: error })
    }
    const reason = messageOf(cause ?? error)
    throw new DataFolderError(`the data folder ${folder} cannot be used (${reason}): check its owner and rights, or give another with --data`, { cause: error })
  }
}

/** Before anything in the folder is opened, which could change it. A folder without the file is of format 1. */
async function checkFormat (folder: string): Promise<void> {
  const path = formatPath(folder)
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return
    throw error
  }
  if (!/^[1-9]\d{0,8}\s*$/.test(text)) throw new DataFolderError(`${path} says ${JSON.stringify(text.slice(0, 40))} where a number is expected: is this the data folder of another program? give another with --data`)
  const found = Number(text)
  if (found > dataFormat) throw new DataFolderError(`the data folder ${folder} is of format ${found}, written by a newer colonyd, and this one knows up to ${dataFormat}: run the newer version, or give another folder with --data`)
}

async function writeFormat (folder: string): Promise<void> {
  const path = formatPath(folder)
  await writeFile(`${path}.new`, `${dataFormat}\n`)
  await rename(`${path}.new`, path)
}

function formatPath (folder: string): string {
  return join(folder, 'format')
}

function decodeIdentity (bytes: Uint8Array, folder: string): Ed25519PrivateKey {
  const key = privateKeyFromProtobuf(bytes)
  if (key.type !== 'Ed25519') throw new DataFolderError(`the identity in ${folder} is of type ${key.type}: expected Ed25519`)
  return key
}
