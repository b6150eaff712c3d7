/** Limits of explaining, each with its unit and reason. */
export const explainDefaults = Object.freeze({
  /** Decisions remembered for each key. Higher tells more of a key that comes and goes, at about 150 bytes each. */
  decisionsPerKeyMax: 8,
  /** Keys whose decisions are remembered, the least recently decided going first; about 300 bytes each with one decision. */
  decisionKeysMax: 10_000,
  /** Wait for what the DHT knows of a key, ms. A walk that finds nothing takes 50 ms on loopback and seconds across the world. */
  findTimeoutMs: 2_000
})
export type ExplainSettings = { readonly [K in keyof typeof explainDefaults]: number }
