/**
 * Limits of published content, each with its unit and reason: budgets of what an edge keeps for good, deadlines
 * of writes and reads, and the pace of repair.
 */
const KiB = 1024
const MiB = 1024 * KiB
const GiB = 1024 * MiB
const dayMs = 24 * 60 * 60_000

export const publishDefaults = Object.freeze({
  /** Edges that hold an object before its PUT is answered, where the request names no number. Higher survives more losses, writes slower. */
  copies: 3,
  /** Most copies that a request may ask for. */
  copiesMax: 8,
  /** Edges beyond the wanted copies that are tried when one cannot take it. Higher succeeds in a sicker colony, after a longer wait. */
  sparesMax: 4,
  /** Bytes of all published bodies on this edge. Nothing of them is ever evicted: above it new ones are refused. */
  bytesMax: 10 * GiB,
  /** Largest published body, bytes. */
  objectBytesMax: 2 * GiB,
  /** Keys that this edge holds, deleted ones included; their manifests stay in memory, about 1 KiB each. */
  objectsMax: 100_000,
  /** Newest versions of a key whose bodies are kept. Higher costs disk for each overwritten object. */
  versionsKept: 3,
  /** Newest versions of a key that are remembered, body or not: a retry is known by its idempotency key among them. */
  historyMax: 16,
  /** How long a deletion is remembered, ms. An edge that was away for longer brings what was deleted back: start it on an empty folder. */
  tombstoneKeepMs: 30 * dayMs,
  /** How far ahead of this edge's clock a version may be, ms. Nobody could write, or forget a deletion, after one of a time to come; higher bears worse clocks. */
  clockAheadMaxMs: dayMs,
  /** Lifetime of published content that states none, seconds. Higher: other edges ask the holders less often, see a new version later. */
  defaultMaxAgeS: 10,
  /** Bodies up to this are hashed at their first use after a start, bytes; larger ones when a peer copies them. Higher finds more rot, delays first reads. */
  verifyBytesMax: 16 * MiB,

  /** Wait for a replica to take a body, ms, added to its length at `holdBytesPerSecondMin`. */
  holdTimeoutMs: 10_000,
  /** Slowest transfer that is waited for, bytes a second. */
  holdBytesPerSecondMin: 1 * MiB,
  /** A body that was taken and never made part of an object is dropped after this, ms. */
  holdKeepMs: 5 * 60_000,
  /** Wait for any other answer of a replica, ms. Lower gives up on busy edges, higher waits for dead ones. */
  callTimeoutMs: 3_000,
  /** Bodies that this edge copies from others at once, for writes and repair together; more wait. */
  pullsMax: 8,

  /** Objects in one page of a listing. */
  listPageMax: 200,
  /** Largest page, bytes of manifests: it travels as one payload. */
  listPageBytesMax: 192 * KiB,

  /** How long an edge may be gone before its copies are made anew elsewhere, ms. Lower: fewer copies for a shorter time, and a restart copies everything. */
  repairDelayMs: 5 * 60_000,
  /** Between two comparisons of everything with the other holders, ms. Each costs about 100 bytes an object and holder. */
  repairIntervalMs: 10 * 60_000,
  /** From a change of the members to the comparison that it causes, ms, so that several changes cause one. */
  repairSettleMs: 1_000,
  /** Objects that are pushed or fetched by repair at once. Higher repairs sooner and takes more from serving. */
  repairInFlightMax: 4,
  /** Objects in one comparison with one peer. */
  compareBatchMax: 1_000,
  /** How long what belongs elsewhere stays once all who should hold it do, ms. */
  surplusKeepMs: 60 * 60_000
})
export type PublishSettings = { readonly [K in keyof typeof publishDefaults]: number }
