/**
 * Every part's named settings in one place: what the `settings:` map of the configuration file may
 * change, and what each is when it does not. A part writes its defaults beside the code that they
 * govern, with unit and reason; here they are only gathered, one line a part.
 */
import { configDefaults } from '../protocols/config/settings.ts'
import { coordinatesDefaults } from '../protocols/coordinates/vivaldi.ts'
import { directoryDefaults } from '../protocols/directory/settings.ts'
import { fetchDefaults } from '../protocols/fetch/settings.ts'
import { filtersDefaults } from '../protocols/filters/settings.ts'
import { locateDefaults } from '../protocols/locate/locate.ts'
import { membershipDefaults } from '../protocols/membership/settings.ts'
import { partitionDefaults } from '../protocols/partition/detector.ts'
import { providersDefaults } from '../protocols/providers/settings.ts'
import { publishDefaults } from '../protocols/publish/settings.ts'
import { spreadDefaults } from '../protocols/purge/settings.ts'
import { raftServiceDefaults } from '../protocols/raft/service-settings.ts'
import { raftDefaults } from '../protocols/raft/settings.ts'
import { rpcDefaults } from '../protocols/rpc.ts'
import { surveyDefaults } from '../protocols/survey/settings.ts'
import { overviewDefaults } from './admin/overview.ts'
import { agreedDefaults, globalRaftDefaults } from './agreed/settings.ts'
import { agreementDefaults } from './agreement/settings.ts'
import { hotKeyDefaults } from './cache/hot-keys.ts'
import { cacheDefaults } from './cache/settings.ts'
import { explainDefaults } from './explain/settings.ts'
import { holdingsDefaults } from './holdings.ts'
import { httpServerDefaults } from './http/server.ts'
import { lifecycleDefaults } from './lifecycle.ts'
import { meshDefaults } from './node-settings.ts'
import { originDefaults } from './origin/settings.ts'
import { purgeDefaults } from './purge/settings.ts'
import { routingDefaults } from './routing/settings.ts'
import { storeDefaults } from './store/settings.ts'
import { warmDefaults } from './warm/settings.ts'

/** Defaults by part: a flat record of numbers each, the unit in the name. */
export type PartDefaults = Readonly<Record<string, Readonly<Record<string, number>>>>

/** Settings of the same shape as the defaults `D`. */
export type SettingsOf<D extends PartDefaults> = {
  readonly [Part in keyof D]: { readonly [Name in keyof D[Part]]: number }
}

export const settingsDefaults = Object.freeze({
  store: storeDefaults,
  origin: originDefaults,
  lifecycle: lifecycleDefaults,
  http: httpServerDefaults,
  mesh: meshDefaults,
  membership: membershipDefaults,
  partition: partitionDefaults,
  coordinates: coordinatesDefaults,
  locate: locateDefaults,
  fetch: fetchDefaults,
  rpc: rpcDefaults,
  directory: directoryDefaults,
  filters: filtersDefaults,
  providers: providersDefaults,
  holdings: holdingsDefaults,
  survey: surveyDefaults,
  publish: publishDefaults,
  purgeSpread: spreadDefaults,
  raft: raftDefaults,
  globalRaft: globalRaftDefaults,
  raftService: raftServiceDefaults,
  agreement: agreementDefaults,
  cache: cacheDefaults,
  hotKeys: hotKeyDefaults,
  purge: purgeDefaults,
  routing: routingDefaults,
  explain: explainDefaults,
  overview: overviewDefaults,
  warm: warmDefaults,
  config: configDefaults,
  agreed: agreedDefaults
}) satisfies PartDefaults

export type Settings = SettingsOf<typeof settingsDefaults>
