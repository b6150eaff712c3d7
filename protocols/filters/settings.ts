/**
 * Every interval, limit and budget of the filters, with its reason. Interval and message size bound each
 * other: a region's topic carries at most `topicMessagesPerSecondMax x messageBytesMax` whatever its
 * size, so in a large region a change is told later (100 edges: once in 20 s), not at a higher price.
 */
export const filtersDefaults = Object.freeze({
  /**
   * Share of keys that an edge does not hold and its filter names all the same; each costs one `have`. Halving
   * it costs one bit a key. 0.001 makes fingerprints of 13 bits; with 100 members one look-up in ten asks in vain.
   */
  falsePositiveRate: 0.001,
  /** Keys told in the own filter, the most recent kept. 50,000 make 104 KiB at each edge of the region. */
  keysMax: 50_000,
  /** Largest message, bytes; more goes in pages. Below the 64 KiB of a head, as a whole filter is answered in the same pages. */
  messageBytesMax: 32 * 1024,
  /** Shortest time between two messages of one edge. Lower: others find what was just fetched sooner, more messages. */
  changesIntervalMs: 1_000,
  /** Messages a second on the region's topic, all edges together; each edge's interval grows to stay within it. */
  topicMessagesPerSecondMax: 5,
  /**
   * After this long without changes the version is repeated, so that a lost last message is noticed, and newcomers hear of those
   * that they are not linked with. Lower: sooner; at 30 s the edges of an idle region of 150 would use up the topic's budget.
   */
  stillIntervalMs: 120_000,

  /** Largest filter believed of another edge, bytes: twice what the defaults make. Times two and members is the memory at risk. */
  filterBytesMax: 256 * 1024,
  /** Edges whose filters are held; those past it are found by the directory only. */
  neighboursMax: 256,
  /** Filters that state a higher false-positive rate are refused: they would name their edge for everything. */
  statedRateMax: 0.02,

  /** Between two asks for the whole filter of one edge; doubles with each that fails. */
  askIntervalMs: 10_000,
  /** To which that grows: an edge of an older version never answers. */
  askIntervalMaxMs: 300_000,
  /** A first ask waits up to this long, at random: a whole region notices a new edge, or a lost message, at once. */
  askSpreadMs: 2_000,
  /** Between two looks at whose filter is missing. */
  askTickMs: 1_000,
  /** Edges asked at a time. Higher: a new edge knows its region sooner, in a burst of `filterBytesMax` times this. */
  asksAtOnceMax: 4,
  /** One whole filter, all its pages, ms. Lower gives up on busy edges, higher lets one that never ends hold up the asking of others. */
  askTimeoutMs: 5_000,

  /** Wrong answers within a window before a filter is judged at all: chance and late messages stay below. */
  wrongsMin: 20,
  /** Wrong so many times more often than the rate it states: the filter is out of date, or lies. */
  wrongFactor: 10,
  /** Time over which wrong answers are counted. */
  wrongWindowMs: 60_000,
  /** How long such a filter is not asked. Lower: an edge that recovered is found sooner, a liar costs more. */
  ignoreMs: 300_000
})
export type FiltersSettings = { readonly [K in keyof typeof filtersDefaults]: number }
