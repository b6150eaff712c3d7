/** Limits of asking the whole colony about one key, each with its unit and reason. */
export const surveyDefaults = Object.freeze({
  /** Edges asked at once. Higher answers sooner in a large colony, at the price of a burst of small calls. */
  surveyInFlightMax: 32,
  /** Wait for one edge, ms. Edges answer from memory, so this is a round trip and a busy event loop's pause. */
  surveyTimeoutMs: 1_000,
  /** For all edges together, ms: who was not reached by then is listed as such. Below the patience of who reads the page. */
  surveyDeadlineMs: 5_000
})
export type SurveySettings = { readonly [K in keyof typeof surveyDefaults]: number }
