/** Times of a lab, each with its unit and reason, and how much slower than usual time passes where it runs. */
export const labDefaults = Object.freeze({
  /** From the start of the daemons until all know all, ms. Six take about 6 s on two cores. */
  convergeTimeoutMs: 90_000,
  /** Between two looks while something is waited for, ms. Lower sees it sooner and costs the hosts CPU. */
  lookIntervalMs: 250,
  /** Wait for one host's answer, ms. Covers a few round trips over a long link with losses. */
  answerTimeoutMs: 5_000,
  /** A process must say that it is ready within this, ms. */
  readyTimeoutMs: 30_000,
  /** Between two looks for a process's ready line, ms. */
  readyIntervalMs: 50,
  /** Until processes that were killed are gone, ms. */
  killTimeoutMs: 5_000,
  /** Pings of one calibration, each direction of regions. More is surer about loss, and takes longer. */
  calibrationPings: 10,
  /** Between two of them, ms. */
  calibrationIntervalMs: 20,
  /** Measurements of a link until one is as it was set. More: a starved machine is told from a wrong link, and a wrong link is told later. */
  calibrationTriesMax: 3,
  /** How far a measured round trip may be from the set one, ms: timers and a busy processor. */
  calibrationSlackMs: 10
})
export type LabSettings = { readonly [K in keyof typeof labDefaults]: number }

/**
 * By how much slower processes run here than on the machine they were measured on: NETEM_TIME_FACTOR, which
 * user-mode Linux sets. Every wait for a process is multiplied by it; what the network is set to is not.
 */
export function timeFactor (env: Readonly<Record<string, string | undefined>> = process.env): number {
  const factor = Number(env.NETEM_TIME_FACTOR ?? 1)
  return factor >= 1 && factor <= 100 ? factor : 1
}

export function scaled (settings: LabSettings, factor: number): LabSettings {
  return Object.freeze({
    ...settings,
    convergeTimeoutMs: settings.convergeTimeoutMs * factor,
    answerTimeoutMs: settings.answerTimeoutMs * factor,
    readyTimeoutMs: settings.readyTimeoutMs * factor,
    killTimeoutMs: settings.killTimeoutMs * factor,
    calibrationSlackMs: settings.calibrationSlackMs * factor
  })
}
