/**
 * Where the small durable parts keep their records: a LevelDB for each, in the data folder. A LevelDB costs
 * megabytes, so a process that runs many edges hands in sublevels of one instead.
 */
import { ClassicLevel } from 'classic-level'

/** A LevelDB, or a part of one: keys are text, values bytes. */
export type Database = Pick<ClassicLevel<string, Uint8Array>, 'open' | 'close' | 'get' | 'put' | 'del' | 'batch' | 'iterator' | 'sublevel'>

/** Makes the database that belongs in `folder`; it opens by itself, or by `open` for who wants to hear of failure. */
export type Databases = (folder: string) => Database

/** A database of its own in each folder. */
export const ownDatabases: Databases = (folder) => new ClassicLevel<string, Uint8Array>(folder, { valueEncoding: 'view' })
