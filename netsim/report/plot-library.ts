/**
 * The library that draws the charts (uPlot), as text to be put into the page: a report must show without a network.
 * Read from the installed package when a report is asked for, so that nothing of it is kept here.
 */
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { messageOf } from '../../protocols/errors.ts'
import { ReportError } from './report-error.ts'

export interface PlotLibrary {
  /** Defines `uPlot` in the browser. */
  readonly script: string
  readonly style: string
}

/** @throws ReportError when the package is not there or not whole */
export function readPlotLibrary (): PlotLibrary {
  return { script: readPart('uPlot.iife.min.js'), style: readPart('uPlot.min.css') }
}

function readPart (file: string): string {
  try {
    return readFileSync(createRequire(import.meta.url).resolve(`uplot/dist/${file}`), 'utf8')
  } catch (error) {
    throw new ReportError(`a report needs ${file} of the package uplot, which cannot be read (${messageOf(error).split('\n')[0]}): install Colony's dependencies again, such as with npm install`, { cause: error })
  }
}
