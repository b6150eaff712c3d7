/** The steps of finding and fetching, under the names that metrics, status and explanations share. */

/** What was tried for a fetch, for the metrics: why the origin was asked, and how often the mesh sufficed. */
export const Step = {
  /** What an asked peer answered. */
  PeerHit: 'peer-hit', PeerSame: 'peer-same', PeerMiss: 'peer-miss', PeerBusy: 'peer-busy', PeerSilent: 'peer-silent',
  PeerFailed: 'peer-failed', PeerPrivate: 'peer-private', PeerRaced: 'peer-raced', PeerTooFar: 'peer-too-far',
  Hedged: 'hedged', Origin: 'origin', Anyone: 'anyone', Resumed: 'resumed',
  /** Holders that were named, and had it or had not. */
  FoundByFilter: 'found-by-filter', FoundByDirectory: 'found-by-directory', FoundByDht: 'found-by-dht',
  WrongByFilter: 'wrong-by-filter', WrongByDirectory: 'wrong-by-directory', WrongByDht: 'wrong-by-dht'
} as const
export type Step = typeof Step[keyof typeof Step]
