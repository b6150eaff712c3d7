/**
 * Which stored responses are purged: marks with epochs, and no list of objects. Each purge that is applied raises the epoch; each
 * response bears the epoch at which its fetch began, and a mark that fits it and is younger has purged it. So a purge costs the
 * same whether it means one object or ten million, and a fetch that was under way when it came is purged when it arrives.
 *
 * A mark stands in a scope: everywhere, a site, or one host of a site that keeps its hosts apart. There is one for the whole scope, and
 * those for a target, a path with all its queries, a prefix, a tag. When there are too many, the oldest are folded into
 * coarser ones (a target into its folder, that into the one above, a tag into "all that is tagged"): what is purged may grow by that,
 * and never shrinks. Marks are dropped only by `settle`, after everything that was stored has been looked at.
 *
 * Pure: no clock and no disk; the numbers of epochs, and what outlives the process, are its host's (daemon/purge).
 */
import { PrefixTree } from './prefix-tree.ts'
import { anyTag, type TagHash } from './tags.ts'

export const markDefaults = Object.freeze({
  /**
   * Marks kept one by one, about 200 bytes each and their texts: 10 to 20 MB. Higher keeps purges exact through a longer burst of them;
   * what a sweep has dealt with is gone, so this is a burst within one sweep (1 million objects: some seconds).
   */
  marksMax: 50_000,
  /** Share of `marksMax` that is left after folding. Lower folds less often, and coarser. */
  keptShare: 0.75
})
export type MarkSettings = { readonly [K in keyof typeof markDefaults]: number }

export const Purged = { None: 'none', Soft: 'soft', Hard: 'hard' } as const
export type Purged = typeof Purged[keyof typeof Purged]

/** `''` for every site, a site's name, or `site|host`. */
export type Scope = string

/** What a selector came to on this edge. */
export type Place =
  | { readonly scope: Scope, readonly kind: 'target' | 'path' | 'prefix', readonly text: string }
  | { readonly scope: Scope, readonly kind: 'tag', readonly tag: TagHash }
  | { readonly scope: Scope, readonly kind: 'all' }

/** What has to be known of a response, or of a fetch that has not brought one yet. */
export interface Subject {
  /** At which its fetch, or the last validation, began. */
  readonly epoch: number
  readonly site: string
  /** Host without a port, where the site keeps hosts apart; where it is unknown, a purge of any host of the site fits. */
  readonly host?: string | undefined
  /** As the key has it. */
  readonly target: string
  /** Where they are unknown, a purge of any tag fits. */
  readonly tags?: readonly TagHash[] | undefined
}

export interface MarkTime {
  readonly soft: boolean
  /** Wall clock of this edge when it was applied, ms. */
  readonly atMs: number
}

/** Epochs of the last purges, 0 for none; of the soft ones also when the first came: since then what they fit is stale. */
interface Mark { hard: number, soft: number, softAtMs: number }

interface Found { hard: boolean, softAtMs: number }

export class Marks {
  readonly #settings: MarkSettings
  readonly #scopes = new Map<Scope, ScopeMarks>()
  #epoch: number
  /** Of the youngest mark: what is no older need not be looked for. */
  #latest = 0
  /** No more marks than this are kept. */
  #sizeMax = 0
  #folded = 0

  /** @param epoch of what is fetched before anything is purged, 0 or more */
  constructor (settings: MarkSettings = markDefaults, epoch = 0) {
    this.#settings = settings
    this.#epoch = epoch
  }

  /** What a fetch that begins now bears. */
  get epoch (): number { return this.#epoch }

  /** Of the youngest mark, 0 without any. */
  get latest (): number { return this.#latest }

  /** Marks kept one by one. */
  get size (): number { return [...this.#scopes.values()].reduce((sum, { size }) => sum + size, 0) }

  /** Marks that were folded into coarser ones, ever. */
  get folded (): number { return this.#folded }

  /** Purges what fits any of the places and was fetched before. @returns the epoch of the purge */
  apply (places: readonly Place[], time: MarkTime): number {
    const epoch = this.#epoch + 1
    this.restore(places, epoch, time)
    return epoch
  }

  /** As `apply`, of a purge that had this epoch in an earlier life of the edge. */
  restore (places: readonly Place[], epoch: number, { soft, atMs }: MarkTime): void {
    this.#epoch = Math.max(this.#epoch, epoch)
    this.#latest = Math.max(this.#latest, epoch)
    const mark = soft ? { hard: 0, soft: epoch, softAtMs: atMs } : { hard: epoch, soft: 0, softAtMs: Infinity }
    for (const place of places) {
      const { scope } = place
      this.#scope(scope).add(place, mark)
      const site = siteOf(scope)
      if (site !== scope) this.#scope(site).add(anyHost, mark)
    }
    // Counted only where it may matter: each made a mark, a scope and the one above at most.
    this.#sizeMax += 3 * places.length
    if (this.#sizeMax <= this.#settings.marksMax) return
    this.#sizeMax = this.size
    if (this.#sizeMax > this.#settings.marksMax) this.#fold()
  }

  /** In O(tags), whatever was purged; at once where nothing was purged since. */
  isPurged (subject: Subject): Purged {
    const found = this.#look(subject)
    return found === undefined ? Purged.None : found.hard ? Purged.Hard : found.softAtMs < Infinity ? Purged.Soft : Purged.None
  }

  /** Since when a response is stale by soft purges, wall clock, ms; a hard purge is not asked about. */
  softenedAtMs (subject: Subject): number | undefined {
    const atMs = this.#look(subject)?.softAtMs ?? Infinity
    return atMs < Infinity ? atMs : undefined
  }

  /** Drops marks up to this epoch: everything stored that is older has been looked at, and no fetch under way is. */
  settle (epoch: number): void {
    for (const [scope, marks] of this.#scopes) {
      marks.settle(epoch)
      if (marks.latest === 0) this.#scopes.delete(scope)
    }
    this.#latest = Math.max(0, ...[...this.#scopes.values()].map(({ latest }) => latest))
    this.#sizeMax = this.size
  }

  #look ({ epoch, site, host, target, tags }: Subject): Found | undefined {
    if (epoch >= this.#latest) return undefined
    const found = { hard: false, softAtMs: Infinity }
    const look = { epoch, target, tags, isHostKnown: host !== undefined }
    this.#scopes.get('')?.look(look, found)
    this.#scopes.get(site)?.look(look, found)
    if (host !== undefined) this.#scopes.get(`${site}|${host}`)?.look(look, found)
    return found
  }

  #scope (scope: Scope): ScopeMarks {
    let marks = this.#scopes.get(scope)
    if (marks === undefined) this.#scopes.set(scope, marks = new ScopeMarks())
    return marks
  }

  /** Folds the oldest half of what there is most of up by one step, until few enough are left. */
  #fold (): void {
    const { marksMax, keptShare } = this.#settings
    for (let size = this.size; size > Math.max(1, marksMax * keptShare); size = this.size) {
      const byLevel = levels.map((level) => ({ level, epochs: [...this.#scopes].flatMap(([scope, marks]) => marks.epochs(scope, level)) }))
      const { level, epochs } = byLevel.reduce((most, each) => each.epochs.length > most.epochs.length ? each : most)
      const upTo = epochs.sort((one, other) => one - other)[epochs.length >> 1]
      if (upTo === undefined) break
      for (const [scope, marks] of [...this.#scopes]) {
        for (const { place, mark } of marks.take(scope, upTo, level)) {
          this.#folded++
          if (place.kind === 'all') this.#scopes.delete(scope)
          const coarser = coarserThan(place)
          this.#scope(coarser.scope).add(coarser, mark)
        }
      }
    }
    this.#sizeMax = this.size
  }
}

/** What is folded together: targets, paths and tags; prefixes; whole hosts; whole sites. A level goes up only while it is the largest. */
const levels = ['leaf', 'prefix', 'host', 'site'] as const
type Level = typeof levels[number]

/** Places that no selector names: into them others are folded, or they stand for others where something is not known. */
const anyHost = { scope: '', kind: 'any-host' } as const
type AnyPlace = Place | typeof anyHost | { readonly scope: Scope, readonly kind: 'tagged' }

function coarserThan (place: Place): AnyPlace {
  const { scope, kind } = place
  switch (kind) {
    case 'target': case 'path': return { scope, kind: 'prefix', text: folderOf(place.text.split('?', 1)[0]!) }
    case 'prefix': return place.text.length <= 1 ? { scope, kind: 'all' } : { scope, kind: 'prefix', text: folderOf(place.text.split('?', 1)[0]!.slice(0, -1)) }
    case 'tag': return { scope, kind: 'tagged' }
    case 'all': return { scope: siteOf(scope) === scope ? '' : siteOf(scope), kind: 'all' }
  }
}

/** Up to the last slash, and with it. */
function folderOf (path: string): string {
  return path.slice(0, path.lastIndexOf('/') + 1)
}

function siteOf (scope: Scope): string {
  return scope.split('|', 1)[0]!
}

interface Look { readonly epoch: number, readonly target: string, readonly tags: readonly TagHash[] | undefined, readonly isHostKnown: boolean }

interface Taken { readonly place: Place, readonly mark: Mark }

class ScopeMarks {
  /** The youngest epoch of all marks here. */
  latest = 0
  readonly #all = unmarked()
  /** Whatever has a tag. */
  readonly #tagged = unmarked()
  /** For what bears tags that nobody counted: a purge of any. */
  readonly #anyTag = unmarked()
  /** For what bears no host: a purge of any. */
  readonly #anyHost = unmarked()
  readonly #targets = new Map<string, Mark>()
  readonly #paths = new Map<string, Mark>()
  readonly #tags = new Map<TagHash, Mark>()
  #prefixes = new PrefixTree<Mark>()

  get size (): number { return 1 + this.#targets.size + this.#paths.size + this.#tags.size + this.#prefixes.size }

  add (place: AnyPlace, mark: Mark): void {
    this.latest = Math.max(this.latest, latestOf(mark))
    switch (place.kind) {
      case 'all': return merge(this.#all, mark)
      case 'tagged':
        merge(this.#anyTag, mark)
        return merge(this.#tagged, mark)
      case 'any-host': return merge(this.#anyHost, mark)
      case 'target': return merge(of(this.#targets, place.text), mark)
      case 'path': return merge(of(this.#paths, place.text), mark)
      case 'prefix': return merge(of(this.#prefixes, place.text), mark)
      case 'tag':
        merge(this.#anyTag, mark)
        return merge(of(this.#tags, place.tag), mark)
    }
  }

  look ({ epoch, target, tags, isHostKnown }: Look, found: Found): void {
    if (this.latest <= epoch) return
    const note = (mark: Mark | undefined): void => {
      if (mark === undefined) return
      if (mark.hard > epoch) found.hard = true
      if (mark.soft > epoch) found.softAtMs = Math.min(found.softAtMs, mark.softAtMs)
    }
    note(this.#all)
    if (!isHostKnown) note(this.#anyHost)
    if (tags === undefined) note(this.#anyTag)
    else if (tags.length > 0 && this.#anyTag.hard + this.#anyTag.soft > 0) {
      note(this.#tagged)
      for (const tag of tags) note(tag === anyTag ? this.#anyTag : this.#tags.get(tag))
    }
    if (this.#targets.size > 0) note(this.#targets.get(target))
    if (this.#paths.size > 0) note(this.#paths.get(target.split('?', 1)[0]!))
    if (this.#prefixes.size > 0) this.#prefixes.visit(target, note)
  }

  /** Of every mark of a level. */
  epochs (scope: Scope, level: Level): number[] {
    switch (level) {
      case 'leaf': return [...this.#targets.values(), ...this.#paths.values(), ...this.#tags.values()].map(latestOf)
      case 'prefix': return [...this.#prefixes.entries()].map(([, mark]) => latestOf(mark))
      default: return this.#isWhole(scope, level) ? [this.latest] : []
    }
  }

  /** Takes out those of a level that are no younger. */
  take (scope: Scope, epoch: number, level: Level): Taken[] {
    const taken: Taken[] = []
    const isOld = (mark: Mark, place: Place): boolean => {
      const old = latestOf(mark) <= epoch
      if (old) taken.push({ place, mark })
      return old
    }
    switch (level) {
      case 'leaf':
        for (const [text, mark] of this.#targets) if (isOld(mark, { scope, kind: 'target', text })) this.#targets.delete(text)
        for (const [text, mark] of this.#paths) if (isOld(mark, { scope, kind: 'path', text })) this.#paths.delete(text)
        for (const [tag, mark] of this.#tags) if (isOld(mark, { scope, kind: 'tag', tag })) this.#tags.delete(tag)
        break
      case 'prefix': this.#prefixes = treeOf([...this.#prefixes.entries()].filter(([text, mark]) => !isOld(mark, { scope, kind: 'prefix', text }))); break
      default: if (this.#isWhole(scope, level) && this.latest <= epoch) taken.push({ place: { scope, kind: 'all' }, mark: this.#whole() })
    }
    return taken
  }

  settle (epoch: number): void {
    const single = [this.#all, this.#tagged, this.#anyTag, this.#anyHost]
    const stays = (mark: Mark): boolean => {
      if (mark.hard <= epoch) mark.hard = 0
      if (mark.soft <= epoch) Object.assign(mark, { soft: 0, softAtMs: Infinity })
      return latestOf(mark) > 0
    }
    for (const marks of [this.#targets, this.#paths, this.#tags] as ReadonlyArray<Map<unknown, Mark>>) {
      for (const [key, mark] of marks) if (!stays(mark)) marks.delete(key)
    }
    this.#prefixes = treeOf([...this.#prefixes.entries()].filter(([, mark]) => stays(mark)))
    if (single.filter(stays).length === 0 && this.size === 1) this.latest = 0
  }

  /** Whether it is of that level, and says no more than "all of it". */
  #isWhole (scope: Scope, level: Level): boolean {
    return this.size === 1 && scope !== '' && level === (siteOf(scope) === scope ? 'site' : 'host')
  }

  /** All that the marks for the whole of it say, in one: coarser than each. */
  #whole (): Mark {
    const whole = unmarked()
    for (const mark of [this.#all, this.#tagged, this.#anyTag, this.#anyHost]) merge(whole, mark)
    return whole
  }
}

function unmarked (): Mark { return { hard: 0, soft: 0, softAtMs: Infinity } }

function latestOf ({ hard, soft }: Mark): number { return Math.max(hard, soft) }

function merge (into: Mark, { hard, soft, softAtMs }: Mark): void {
  into.hard = Math.max(into.hard, hard)
  into.soft = Math.max(into.soft, soft)
  into.softAtMs = Math.min(into.softAtMs, softAtMs)
}

function of<Key> (marks: { get: (key: Key) => Mark | undefined, set: (key: Key, mark: Mark) => unknown }, key: Key): Mark {
  let mark = marks.get(key)
  if (mark === undefined) marks.set(key, mark = unmarked())
  return mark
}

function treeOf (entries: ReadonlyArray<readonly [string, Mark]>): PrefixTree<Mark> {
  const tree = new PrefixTree<Mark>()
  for (const [text, mark] of entries) tree.set(text, mark)
  return tree
}
