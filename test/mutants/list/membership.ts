/** Mistakes in who is in the colony, and who is linked with whom (protocols/membership/). */
import type { Mutant } from '../mutant.ts'

const members = 'protocols/membership/members.ts'
const version = 'protocols/membership/version.ts'
const pulses = 'protocols/membership/pulses.ts'
const links = 'protocols/membership/links.ts'

export const membershipMutants: readonly Mutant[] = [
  {
    name: 'incarnation-ignored',
    file: version,
    find: 'return a.incarnation - b.incarnation || a.sequence - b.sequence',
    replace: 'return a.sequence - b.sequence',
    stages: ['churn', 'restarts'],
    why: 'an edge that starts again is taken for its older self'
  },
  {
    name: 'same-is-news',
    file: members,
    find: 'return order > 0 ? \'news\' :',
    replace: 'return order >= 0 ? \'news\' :',
    stages: ['steady'],
    why: 'a repeated announcement counts as a sign of life'
  },
  {
    name: 'old-is-news',
    file: members,
    find: 'return order > 0 ? \'news\' :',
    replace: 'return order !== 0 ? \'news\' :',
    stages: ['steady', 'churn'],
    why: 'what arrives late overwrites what is newer'
  },
  {
    name: 'patience-without-end',
    file: members,
    find: 'return heardAtMs + silentRefreshes * this.#silenceMs(announcement)',
    replace: 'return heardAtMs + 100 * silentRefreshes * this.#silenceMs(announcement)',
    stages: ['loss'],
    why: 'the dead stay members'
  },
  {
    name: 'impatience',
    file: members,
    find: 'return heardAtMs + silentRefreshes * this.#silenceMs(announcement) + expirySlackMs',
    replace: 'return heardAtMs + 0 * silentRefreshes * this.#silenceMs(announcement) + expirySlackMs',
    stages: ['steady'],
    why: 'the living are dropped between two signs of life'
  },
  {
    name: 'sign-of-life-unheard',
    file: members,
    find: '      entry.signed = signed\n      entry.heardAtMs = heardAtMs',
    replace: '      entry.signed = signed',
    stages: ['announced'],
    why: 'refreshes do not prolong a life'
  },
  {
    name: 'hearsay-is-life',
    file: members,
    find: 'entry === undefined || isNew || pulse === undefined || this.#pulses === undefined ? nowMs : entry.heardAtMs',
    replace: 'nowMs',
    stages: ['hearsay'],
    why: 'what is passed on of the dead prolongs their lives'
  },
  {
    name: 'no-pulse-beside-news',
    file: members,
    find: 'if (!isNewChain) pulses?.beat(',
    replace: 'if (!says) pulses?.beat(',
    stages: ['hearsay'],
    why: 'an edge whose load moves gives other regions no sign of life'
  },
  {
    name: 'refresh-without-sequence',
    file: members,
    find: 'this.#announceAtMs = nowMs + this.#spread(refreshMs)\n    this.#self.sequence++',
    replace: 'this.#announceAtMs = nowMs + this.#spread(refreshMs)',
    stages: ['announced'],
    why: 'each refresh looks like the first'
  },
  {
    name: 'refresh-too-late',
    file: members,
    find: 'this.#announceAtMs = nowMs + this.#spread(refreshMs)',
    replace: 'this.#announceAtMs = nowMs + 8 * this.#spread(refreshMs)',
    stages: ['steady'],
    why: 'an edge speaks less often than it said'
  },
  {
    name: 'gone-forgotten',
    file: members,
    find: '    this.#gone.set(signed.announcement.peer, signed)\n',
    replace: '',
    stages: ['away'],
    why: 'the dead are learned again from whoever has not missed them yet'
  },
  {
    name: 'digest-of-changes-alone',
    file: members,
    find: 'const digest = full ? region :',
    replace: 'const digest = full && region.length === 0 ? region :',
    stages: ['announced'],
    why: 'other regions get no sign of life'
  },
  {
    name: 'one-delegate-of-all',
    file: members,
    find: 'region === this.#self.region && peer < lowest ? peer : lowest',
    replace: 'region !== \'\' && peer < lowest ? peer : lowest',
    stages: ['announced'],
    why: 'only one region tells the others of itself'
  },
  {
    name: 'unknown-not-sent',
    file: version,
    find: 'if (held === undefined || isNewer(signed, held)) missing.push(signed)',
    replace: 'if (held !== undefined && isNewer(signed, held)) missing.push(signed)',
    stages: ['restarts', 'split', 'churn'],
    why: 'an exchange of lists tells nobody of whom he does not know'
  },
  {
    name: 'view-unchanged',
    file: members,
    find: '    this.#view = undefined\n    this.#delegate = undefined\n    this.revision++',
    replace: '    this.#delegate = undefined\n    this.revision++',
    stages: ['steady'],
    why: 'the list of members is that of the start'
  },
  {
    name: 'drop-unnoticed',
    file: members,
    find: '    this.#count(entry.member.region, -1)\n    this.#changed()\n    // A smaller',
    replace: '    this.#count(entry.member.region, -1)\n    // A smaller',
    stages: ['loss', 'away'],
    why: 'rings keep the dead until somebody joins'
  },
  {
    name: 'pulse-unheard',
    file: members,
    find: 'entry !== undefined) entry.heardAtMs = nowMs\n',
    replace: 'entry !== undefined) entry.heardAtMs += 0 * nowMs\n',
    stages: ['steady'],
    why: 'proofs of life prolong no life'
  },
  {
    name: 'pulse-not-passed-on',
    file: pulses,
    find: 'if (atMs >= sinceMs && from !== to',
    replace: 'if (from === undefined && atMs >= sinceMs && from !== to',
    stages: ['wide'],
    why: 'only who is linked with an edge hears that it lives'
  },
  {
    name: 'pulse-stands-still',
    file: pulses,
    find: 'const count = ++this.#count',
    replace: 'const count = this.#count + 1',
    stages: ['steady'],
    why: 'an edge proves the same moment of life again and again'
  },
  {
    name: 'pulse-of-one-step',
    file: pulses,
    find: 'follows(held.value, pulse.value, pulse.count - held.count,',
    replace: 'follows(held.value, pulse.value, 1,',
    stages: ['wide', 'churn'],
    why: 'after one missed proof of life all later ones count as forged'
  },
  {
    name: 'pulse-of-the-first-life',
    file: pulses,
    find: 'if (known !== undefined && anchor !== undefined && Buffer.compare(known.anchor, anchor) === 0) {',
    replace: 'if (known !== undefined && anchor !== undefined) {',
    stages: ['churn', 'restarts'],
    why: 'who starts again is held to its old chain, and never believed'
  },
  {
    name: 'own-region-alone',
    file: links,
    find: 'for (const peer of this.#otherRegions(others)) targets.add(peer)',
    replace: '',
    stages: ['regions'],
    why: 'regions hang together by join addresses only'
  },
  {
    name: 'fellows-unlinked',
    file: links,
    find: 'fellows.length <= this.#settings.regionLinksMax ? new Set(fellows) :',
    replace: 'fellows.length <= this.#settings.regionLinksMax ? new Set(fellows.slice(0, 1)) :',
    stages: ['steady'],
    why: 'a region\'s edges do not know each other\'s voices'
  },
  {
    name: 'one-ring-of-links',
    file: links,
    find: 'for (let ring = 0; ring < this.#settings.ringCount; ring++) {',
    replace: 'for (let ring = 0; ring < 1; ring++) {',
    stages: ['wide'],
    why: 'a large region is a chain'
  }
]
