/**
 * The file of a report. Whatever could keep it from being written is found out when it is named, before a run of
 * minutes begins; then it is written whole or not at all (a temporary file beside it, renamed).
 */
import { accessSync, constants, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { codeOf, messageOf } from '../../protocols/errors.ts'
import type { ReportDocument } from './document.ts'
import { renderReport } from './page.ts'
import { type PlotLibrary, readPlotLibrary } from './plot-library.ts'
import { ReportError } from './report-error.ts'

export class ReportFile {
  /** As it was given. */
  readonly path: string
  readonly #library: PlotLibrary

  /** @throws ReportError when nothing can be written there, or the charts' library is missing */
  constructor (path: string) {
    this.path = path
    const folder = dirname(resolve(path))
    try {
      if (!statSync(folder).isDirectory()) throw new ReportError(`the report cannot be written to ${path}: ${folder} is no folder`)
      accessSync(folder, constants.W_OK)
      if (statSync(path, { throwIfNoEntry: false })?.isDirectory() === true) throw new ReportError(`the report cannot be written to ${path}, which is a folder: expected the name of a file, such as report.html`)
    } catch (error) {
      if (error instanceof ReportError) throw error
      throw new ReportError(`the report cannot be written to ${path}: ${codeOf(error) === 'ENOENT' ? `there is no folder ${folder}` : messageOf(error)}`, { cause: error })
    }
    this.#library = readPlotLibrary()
  }

  /** @throws ReportError */
  write (document: ReportDocument): void {
    const unfinished = `${this.path}.${process.pid}.tmp`
    try {
      writeFileSync(unfinished, renderReport(document, this.#library), { flag: 'wx' })
      renameSync(unfinished, this.path)
    } catch (error) {
      rmSync(unfinished, { force: true })
      throw new ReportError(`the report cannot be written to ${this.path}: ${messageOf(error)}`, { cause: error })
    }
  }
}
