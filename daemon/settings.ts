/**
 * Every part's named settings in one place: what the `settings:` map of the configuration file may
 * change, and what each is when it does not. A part writes its defaults beside the code that they
 * govern, with unit and reason; here they are only gathered, one line a part.
 */
import { fetchDefaults } from '../protocols/fetch/settings.ts'
import { locateDefaults } from '../protocols/locate/locate.ts'
import { membershipDefaults } from '../protocols/membership/settings.ts'
import { cacheDefaults } from './cache/settings.ts'
import { httpServerDefaults } from './http/server.ts'
import { lifecycleDefaults } from './lifecycle.ts'
import { meshDefaults } from './node-settings.ts'
import { originDefaults } from './origin/settings.ts'
import { routingDefaults } from './routing/settings.ts'
import { storeDefaults } from './store/settings.ts'

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
  locate: locateDefaults,
  fetch: fetchDefaults,
  cache: cacheDefaults,
  routing: routingDefaults
}) satisfies PartDefaults

export type Settings = SettingsOf<typeof settingsDefaults>
