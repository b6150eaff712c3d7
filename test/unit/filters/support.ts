/** What the tests of the filters share: keys without end, and the settings with a few of them changed. */
import { contentKey, type ContentKey } from '../../../protocols/ids.ts'
import { filtersDefaults, type FiltersSettings } from '../../../protocols/filters/settings.ts'

export function keyAt (index: number): ContentKey {
  return contentKey('site', `/${index}`)
}

export function keysOf (from: number, count: number): ContentKey[] {
  return Array.from({ length: count }, (_, index) => keyAt(from + index))
}

export function settingsWith (some: Partial<FiltersSettings>): FiltersSettings {
  return { ...filtersDefaults, ...some }
}
