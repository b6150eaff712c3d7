/**
 * What runs in the page: draws the charts of all sections with uPlot and keeps those of a section together (cursor,
 * zoom, marks). It is sent to the browser as its own text, so it may use nothing from outside itself, and what it
 * gets from a browser has no type here: this program's types are Node's.
 */
import type { formatQuantity } from './quantity.ts'
import type { Section } from './document.ts'

/** Of the element that holds the sections as JSON. */
export const dataId = 'report-data'

export function drawPage (UPlot: any, window: any, sections: readonly Section[], format: typeof formatQuantity): void {
  const { document } = window
  const timeSteps = [0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 10_800, 21_600, 43_200, 86_400, 172_800, 432_000, 864_000]
  const byteSteps = Array.from({ length: 60 }, (_, power) => 2 ** power)
  /** A4 or Letter between margins, in pixels. */
  const paperWidth = 680
  /** More marks than this, and they share their shade and their numbers' room. */
  const marksApart = 50
  let printing = false
  let plots: any[] = []

  function draw (): void {
    for (const plot of plots) plot.destroy()
    const style = window.getComputedStyle(document.documentElement)
    const colour = (name: string): string => style.getPropertyValue(`--${name}`).trim()
    plots = sections.flatMap((section, at) => drawSection(section, document.querySelector(`[data-section="${at}"]`), colour, `section-${at}`))
  }

  function drawSection (section: Section, element: any, colour: (name: string) => string, key: string): any[] {
    const all = section.charts.flatMap(({ x }) => x)
    const sizes = section.axis.kind === 'sizes'
    const [low, high] = [0, end(all)]
    const own: any[] = []
    const whole = element.querySelector('button')
    const onZoom = (plot: any): void => {
      if (sizes) return
      const { min, max } = plot.scales.x
      whole.hidden = min <= low && max >= high
      for (const other of own) if (other.scales.x.min !== min || other.scales.x.max !== max) other.setScale('x', { min, max })
    }
    whole.hidden = true
    whole.onclick = () => { own[0]?.setScale('x', { min: low, max: high }) }
    for (const [at, chart] of section.charts.entries()) {
      const frame = element.querySelector(`[data-chart="${at}"]`)
      // All charts of a section reach over the same x, so that they stand under each other and zoom alike.
      const pad = (values: readonly any[], first: any, last: any): any[] => sizes ? [...values] : [first, ...values, last]
      const data = [pad(chart.x, low, high), ...chart.lines.map(({ values }) => pad(values.map((value) => chart.logarithmic === true && value !== null && value <= 0 ? null : value), null, null))]
      const axis = { stroke: colour('quiet'), grid: { stroke: colour('grid'), width: 1 }, ticks: { stroke: colour('grid'), width: 1, size: 4 }, font: '12px system-ui, sans-serif' }
      const plot = new UPlot({
        width: widthOf(frame),
        height: heightOf(frame),
        padding: [10, 24, 0, 0],
        cursor: { y: false, sync: { key, scales: ['x', null] }, drag: { x: !sizes, y: false, dist: 4 }, points: { size: 7 } },
        legend: { mount: (_plot: any, table: any) => { frame.parentNode.querySelector('.legend').replaceChildren(table) } },
        scales: {
          x: { time: false, range: (_plot: any, min: number, max: number) => sizes ? [min - (max - min || 1) * 0.04, max + (max - min || 1) * 0.04] : min === max ? [min, min + 1] : [min, max] },
          y: chart.logarithmic === true
            ? { distr: 3, range: (_plot: any, min: number | null, max: number | null) => min === null || max === null ? [1, 10] : UPlot.rangeLog(min, max, 10, false) }
            : { range: (_plot: any, min: number | null, max: number | null) => [Math.min(0, min ?? 0), Math.max(chart.upTo ?? 0, (max ?? 0) * (max === chart.upTo ? 1 : 1.08)) || 1] }
        },
        axes: [
          { ...axis, size: 30, ...(sizes ? { splits: () => [...new Set(chart.x)] } : { incrs: timeSteps, space: 70 }), values: (_plot: any, splits: readonly (number | null)[]) => splits.map((split) => split === null ? '' : format(split, sizes ? '' : 's')) },
          { ...axis, space: 34, size: 78, ...(chart.unit.startsWith('B') && { incrs: byteSteps }), values: (_plot: any, splits: readonly (number | null)[]) => splits.map((split) => split === null ? '' : format(split, chart.unit)) }
        ],
        series: [
          { label: sizes ? section.axis.label : 'at', value: (_plot: any, value: number | null) => value === null ? '' : format(value, sizes ? '' : 's') },
          ...chart.lines.map(({ name }, line) => ({
            label: name,
            stroke: colour(`line-${line % 8}`),
            width: 2,
            // Told apart without colours, too.
            dash: [[], [7, 3], [2, 3], [10, 3, 2, 3]][line % 4],
            ...(sizes && { points: { show: true, size: 7 } }),
            value: (_plot: any, value: number | null) => value === null ? 'none' : format(value, chart.unit)
          }))
        ],
        hooks: { drawClear: [(each: any) => { shade(each, section, colour) }], setScale: [(each: any, scale: string) => { if (scale === 'x') onZoom(each) }] }
      }, data, frame)
      tellMarks(plot, section, at)
      followFinger(plot)
      own.push(plot)
    }
    return own
  }

  /** The greatest of any number of values. */
  function end (values: readonly number[]): number { return values.reduce((most, value) => Math.max(most, value), 0) }

  /** What is printed is laid out for paper only after it was drawn. */
  function widthOf (frame: any): number { return printing ? Math.min(paperWidth, frame.clientWidth) : frame.clientWidth }

  function heightOf (frame: any): number { return frame.clientWidth < 500 ? 190 : 230 }

  /** Under the lines: what lasted, and its number at the top where there is room. */
  function shade (plot: any, { marks }: Section, colour: (name: string) => string): void {
    const { ctx, bbox } = plot
    const ratio = UPlot.pxRatio
    ctx.save()
    ctx.beginPath()
    ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height)
    ctx.clip()
    ctx.font = `${11 * ratio}px system-ui, sans-serif`
    ctx.textBaseline = 'top'
    ctx.textAlign = 'left'
    let free = -Infinity
    let edge = -Infinity
    let filled = -Infinity
    for (const [at, { atSeconds, forSeconds }] of marks.entries()) {
      const from = plot.valToPos(atSeconds, 'x', true)
      const to = Math.max(from + ratio, plot.valToPos(atSeconds + forSeconds, 'x', true))
      // A few that overlap show by their depth; of hundreds that would be a wall.
      const start = marks.length > marksApart ? Math.max(from, filled) : from
      ctx.fillStyle = colour('mark')
      ctx.fillRect(start, bbox.top, Math.max(0, to - start), bbox.height)
      filled = Math.max(filled, to)
      if (from < (marks.length > marksApart ? free : edge + 4 * ratio)) continue
      edge = from
      ctx.fillStyle = colour('mark-edge')
      ctx.fillRect(from, bbox.top, ratio, bbox.height)
      if (from < free || from < bbox.left) continue
      ctx.fillText(String(at + 1), from + 3 * ratio, bbox.top + 3 * ratio)
      free = from + 3 * ratio + ctx.measureText(`${at + 1} `).width
    }
    ctx.restore()
  }

  /** Names what goes on where the pointer is. */
  function tellMarks (plot: any, { marks }: Section, chart: number): void {
    const note = document.createElement('div')
    note.className = 'note'
    note.hidden = true
    note.dataset.note = String(chart)
    plot.over.append(note)
    const tell = (): void => {
      const { left } = plot.cursor
      const reach = Math.abs(plot.posToVal(3, 'x') - plot.posToVal(0, 'x'))
      const x = plot.posToVal(left, 'x')
      const here = left < 0 ? [] : marks.flatMap(({ atSeconds, forSeconds, text }, at) => x >= atSeconds - reach && x <= atSeconds + forSeconds + reach ? [`${at + 1}: ${text}`] : [])
      note.hidden = here.length === 0
      note.textContent = here.slice(0, 4).join('; ') + (here.length > 4 ? ` and ${here.length - 4} more` : '')
    }
    plot.over.addEventListener('mousemove', tell)
    plot.over.addEventListener('touchmove', tell)
    plot.over.addEventListener('mouseleave', () => { note.hidden = true })
  }

  /** uPlot listens to mice only; a finger moves the cursor, and scrolls the page as it did. */
  function followFinger (plot: any): void {
    for (const kind of ['touchstart', 'touchmove']) {
      plot.over.addEventListener(kind, ({ touches }: any) => {
        const { left, top } = plot.over.getBoundingClientRect()
        plot.setCursor({ left: touches[0].clientX - left, top: touches[0].clientY - top }, true, true)
      }, { passive: true })
    }
  }

  let width = 0
  new window.ResizeObserver(() => {
    if (document.documentElement.clientWidth === width) return
    width = document.documentElement.clientWidth
    for (const plot of plots) {
      const frame = plot.root.parentNode
      plot.setSize({ width: widthOf(frame), height: heightOf(frame) })
    }
  }).observe(document.documentElement)
  window.matchMedia('(prefers-color-scheme: dark)').addEventListener('change', draw)
  // Paper is light, and narrower than a screen.
  for (const [event, print] of [['beforeprint', true], ['afterprint', false]] as const) {
    window.addEventListener(event, () => {
      printing = print
      document.documentElement.classList.toggle('print', print)
      draw()
    })
  }
  draw()
}
