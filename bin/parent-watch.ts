/**
 * Tells a program that whoever started it is gone, so that a demo does not outlive its shell or npm.
 * An orphan gets another parent, so the parent's id is looked at now and then. npm puts a shell in
 * between, which outlives a killed npm: there the shell's parent is looked at as well, where /proc
 * tells it. The end of standard input says the same only where COLONY_PARENT_WATCH=1 promises so, as
 * for colonyd: continuous integration often starts programs with an empty or closed one.
 */
import { readFileSync } from 'node:fs'
import type { Clock } from '../protocols/clock.ts'

export const parentWatchDefaults = Object.freeze({
  /** Between two looks, ms. Lower notices sooner; a look costs one small read at most. */
  intervalMs: 1_000
})

/**
 * @param onGone may be called more than once
 * @returns ends the watch, which may otherwise keep the process alive
 */
export function watchParent (clock: Clock, onGone: () => void): () => void {
  const ancestors = readAncestors()
  let cancel = (): void => {}
  const look = (): void => {
    if (readAncestors() !== ancestors) onGone()
    else cancel = clock.after(parentWatchDefaults.intervalMs, look)
  }
  look()
  if (process.env.COLONY_PARENT_WATCH !== '1') return () => { cancel() }
  for (const event of ['end', 'close', 'error']) process.stdin.once(event, onGone)
  process.stdin.resume()
  return () => {
    cancel()
    process.stdin.destroy()
  }
}

/** Whose going counts, as one text to compare. */
function readAncestors (): string {
  const { ppid, env } = process
  return env.npm_lifecycle_event === undefined ? String(ppid) : `${ppid} ${parentOf(ppid)}`
}

/** @returns undefined where there is no /proc, or no such process */
function parentOf (pid: number): string | undefined {
  try {
    // `pid (command) state ppid ...`: the command may hold anything, parentheses too (proc(5)).
    return readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ').at(-1)?.split(' ')[1]
  } catch {
    return undefined
  }
}
